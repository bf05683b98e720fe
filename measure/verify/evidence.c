#include "measure/verify/evidence.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/json_table.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/verify/evidence_text.h"

enum {
	KEY_BYTES = 1024,
	CERTIFICATE_BYTES = 8192,
	ATTEST_BYTES = 2560,
	SIGNATURE_BYTES = 1100,
};

static int read_nonce(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_nonce(const struct json_member *member, const void *value);
static int read_part(const struct json_at *at, const struct json_member *member,
    void *ret_value, struct err *err);
static json_t *write_part(const struct json_member *member, const void *value);
static int read_later(const struct json_at *at,
    const struct json_member *member, void *ret_value, struct err *err);
static int decode_log(const struct json_at *root, struct bytes aside,
    struct evidence_part *ret_log, struct err *err);
static int decode_aside(const struct json_at *logs, struct bytes aside,
    struct evidence_part *ret_log, struct err *err);
static int read_pcrs(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static int decode_bank(const struct json_at *pcrs, enum pcr_bank bank,
    struct pcr_values *values, struct err *err);
static int decode_register(const struct json_at *registers, const char *name,
    enum pcr_bank bank, struct pcr_values *values, struct err *err);
static json_t *write_pcrs(const struct json_member *member, const void *value);
static int read_nvs(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_nvs(const struct json_member *member, const void *value);
static int read_context(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_context(const struct json_member *member,
    const void *value);

static const struct json_kind nonce_kind = {"string", read_nonce, write_nonce};
/* Base64 of at most `max` bytes; what is empty is null. */
static const struct json_kind part_kind = {"string", read_part, write_part};
/* Long: its text is taken out before the document is parsed. */
static const struct json_kind log_kind = {"string", read_later, write_part};
static const struct json_kind pcrs_kind = {"object", read_pcrs, write_pcrs};
static const struct json_kind nvs_kind = {"[]", read_nvs, write_nvs};
static const struct json_kind context_kind = {"string", read_context,
    write_context};

#define PART(name, type, field, most) \
	MEMBER_OWN(name, type, field, part_kind), .max = (int64_t)(most)

static const struct json_member ak_members[] = {
    {PART("pub", struct evidence, ak, KEY_BYTES)},
};
static const struct json_table ak_table = {JSON_MEMBERS(ak_members)};

static const struct json_member ek_members[] = {
    {PART("pub", struct evidence, ek, KEY_BYTES), .presence = JSON_NULLABLE},
    {PART("cert", struct evidence, ek_cert, CERTIFICATE_BYTES),
	.presence = JSON_NULLABLE},
};
static const struct json_table ek_table = {JSON_MEMBERS(ek_members)};

static const struct json_member quote_members[] = {
    {PART("attest", struct evidence, attest, ATTEST_BYTES)},
    {PART("sig", struct evidence, signature, SIGNATURE_BYTES)},
};
static const struct json_table attest_reply_table = {
    JSON_MEMBERS(quote_members)};

static const struct json_member nv_members[] = {
    {MEMBER_INTEGER("index", struct evidence_nv, index, 0x01000000,
	0x01ffffff)},
    {PART("attest", struct evidence_nv, attest, ATTEST_BYTES)},
    {PART("sig", struct evidence_nv, signature, SIGNATURE_BYTES)},
};
static const struct json_table nv_table = {JSON_MEMBERS(nv_members)};

static const struct json_member log_members[] = {
    {MEMBER_OWN("assay", struct evidence, log, log_kind),
	.max = (int64_t)LIMIT_EVENT_LOG_BYTES},
    {PART("uefi", struct evidence, firmware_log, LIMIT_FIRMWARE_LOG_BYTES),
	.presence = JSON_NULLABLE},
};
static const struct json_table log_table = {JSON_MEMBERS(log_members)};

static const struct json_member members[] = {
    {MEMBER_OF_ALL("nonce", nonce_kind)},
    {MEMBER_GROUP("ak", ak_table)},
    {MEMBER_GROUP("ek", ek_table)},
    {MEMBER_GROUP("quote", attest_reply_table)},
    {MEMBER_OWN("pcrs", struct evidence, pcrs, pcrs_kind)},
    {MEMBER_OF_ALL("nv", nvs_kind), .table = &nv_table},
    {MEMBER_GROUP("logs", log_table)},
    {MEMBER_OWN("context", struct evidence, context, context_kind),
	.presence = JSON_NEVER_NULL},
};
static const struct json_table evidence_table = {JSON_MEMBERS(members),
    .schema = EVIDENCE_SCHEMA};

struct bytes
evidence_part_bytes(const struct evidence_part *part)
{
	return bytes_of(part->ptr, part->len);
}

int
evidence_decode(struct bytes text, struct evidence *ret_evidence,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	CLEANUP(evidence_text_done) struct evidence_text split = {.rest = NULL};
	struct json_at root;

	if (text.len > LIMIT_EVIDENCE_BYTES)
		return err_set(err, EVIDENCE_MALFORMED,
		    "evidence: %zu bytes, limit %zu", text.len,
		    LIMIT_EVIDENCE_BYTES);
	TRY(evidence_text_split(text, &split, err));
	TRY(json_parse(evidence_text_rest(&split, text), 4, "evidence",
	    EVIDENCE_MALFORMED, &document, err));
	root = json_root(document, EVIDENCE_MALFORMED);
	evidence.context = evidence_no_context;
	TRY(json_table_read(&root, &evidence_table, &evidence, err));
	TRY(decode_log(&root, split.log, &evidence.log, err));
	*ret_evidence = evidence;
	evidence = (struct evidence){.nonce_len = 0};
	return 0;
}

void
evidence_done(struct evidence *evidence)
{
	free(evidence->ak.ptr);
	free(evidence->ek.ptr);
	free(evidence->ek_cert.ptr);
	free(evidence->attest.ptr);
	free(evidence->signature.ptr);
	free(evidence->log.ptr);
	free(evidence->firmware_log.ptr);
	for (size_t i = 0; i < EVIDENCE_NVS; i++) {
		free(evidence->nv[i].attest.ptr);
		free(evidence->nv[i].signature.ptr);
	}
	*evidence = (struct evidence){.nonce_len = 0};
}

json_t *
evidence_encode(const struct evidence *evidence)
{
	return json_table_write(&evidence_table, evidence);
}

static int
read_nonce(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct evidence *evidence = ret_value;
	const char *hex;

	TRY(json_string_in(root, member->name, EVIDENCE_NONCE_HEX_SIZE, &hex,
	    err));
	if (!evidence_nonce_from_hex(hex, evidence->nonce,
		&evidence->nonce_len))
		return json_refuse(root, member->name, err,
		    "not 16 to 64 bytes in lower-case hex");
	return 0;
}

static json_t *
write_nonce(const struct json_member *member, const void *value)
{
	const struct evidence *evidence = value;
	char hex[EVIDENCE_NONCE_HEX_SIZE];

	(void)member;
	hex_encode(bytes_of(evidence->nonce, evidence->nonce_len), hex);
	return json_string(hex);
}

static int
read_part(const struct json_at *at, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct evidence_part *part = ret_value;

	TRY(json_base64_in(at, member->name, ((size_t)member->max + 2) / 3 * 4,
	    &part->ptr, &part->len, err));
	if (part->len == 0)
		return json_refuse(at, member->name, err, "empty");
	return 0;
}

static int
read_later(const struct json_at *at, const struct json_member *member,
    void *ret_value, struct err *err)
{
	(void)at;
	(void)member;
	(void)ret_value;
	(void)err;
	return 0;
}

static int
decode_log(const struct json_at *root, struct bytes aside,
    struct evidence_part *ret_log, struct err *err)
{
	struct json_at logs;

	TRY(json_object_in(root, "logs", &logs, err));
	if (aside.len > 0)
		return decode_aside(&logs, aside, ret_log, err);
	return read_part(&logs, &log_members[0], ret_log, err);
}

/* Was it taken out here? If it was anywhere else, that place is refused. */
static int
decode_aside(const struct json_at *logs, struct bytes aside,
    struct evidence_part *ret_log, struct err *err)
{
	bool was_here;

	TRY(json_bool_in(logs, "assay", &was_here, err));
	if (aside.len > (LIMIT_EVENT_LOG_BYTES + 2) / 3 * 4)
		return json_refuse(logs, "assay", err, "%zu bytes, limit %zu",
		    aside.len, (LIMIT_EVENT_LOG_BYTES + 2) / 3 * 4);
	if (base64_decode(aside, EVIDENCE_MALFORMED, &ret_log->ptr,
		&ret_log->len, err) != 0)
		return json_blame(logs, "assay", err);
	return 0;
}

static json_t *
write_part(const struct json_member *member, const void *value)
{
	const struct evidence_part *part = value;
	CLEANUP(freep) char *text = NULL;

	(void)member;
	if (part->len == 0)
		return json_null();
	text = base64_encode(evidence_part_bytes(part));
	return text != NULL ? json_string(text) : NULL;
}

static int
read_pcrs(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	static const char *const known[] = {"sha256", "sha384", NULL};
	struct json_at pcrs;

	TRY(json_object_in(root, member->name, &pcrs, err));
	TRY(json_known(&pcrs, known, err));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		const char *name = pcr_bank_name(bank);

		if (json_object_get(pcrs.value, name) != NULL)
			TRY(decode_bank(&pcrs, bank, ret_value, err));
	}
	return 0;
}

static int
decode_bank(const struct json_at *pcrs, enum pcr_bank bank,
    struct pcr_values *values, struct err *err)
{
	struct json_at registers;
	const char *name;
	json_t *ignored;

	TRY(json_object_in(pcrs, pcr_bank_name(bank), &registers, err));
	json_object_foreach(registers.value, name, ignored)
	{
		TRY(decode_register(&registers, name, bank, values, err));
	}
	return 0;
}

static int
decode_register(const struct json_at *registers, const char *name,
    enum pcr_bank bank, struct pcr_values *values, struct err *err)
{
	const char *hex;

	for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
		char number[12];

		snprintf(number, sizeof(number), "%u", pcr);
		if (strcmp(number, name) != 0)
			continue;
		TRY(json_string_in(registers, name, PCR_HEX_SIZE, &hex, err));
		if (!pcr_digest_from_hex(bank, hex, &values->value[bank][pcr]))
			return json_refuse(registers, name, err,
			    "not a digest of this bank");
		values->known[bank] |= 1u << pcr;
		return 0;
	}
	return json_refuse(registers, err_quote_str(name).text, err,
	    "no such register");
}

static json_t *
write_pcrs(const struct json_member *member, const void *value)
{
	const struct pcr_values *values = value;
	json_t *pcrs = json_object();

	(void)member;
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		json_t *registers;

		if (values->known[bank] == 0)
			continue;
		registers = json_object();
		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			char hex[PCR_HEX_SIZE], number[12];

			if ((values->known[bank] & 1u << pcr) == 0)
				continue;
			snprintf(number, sizeof(number), "%u", pcr);
			pcr_digest_hex(bank, &values->value[bank][pcr], hex);
			json_object_set_new(registers, number,
			    json_string(hex));
		}
		json_object_set_new(pcrs, pcr_bank_name(bank), registers);
	}
	return pcrs;
}

static int
read_nvs(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct evidence *evidence = ret_value;
	struct json_at array, item;
	size_t count;

	TRY(json_array_in(root, member->name, EVIDENCE_NVS, &array, err));
	count = json_array_size(array.value);
	for (size_t i = 0; i < count; i++) {
		TRY(json_item_object(&array, i, &item, err));
		TRY(json_table_read(&item, member->table, &evidence->nv[i],
		    err));
	}
	evidence->nv_count = count;
	return 0;
}

static json_t *
write_nvs(const struct json_member *member, const void *value)
{
	const struct evidence *evidence = value;

	return json_table_write_items(member->table, evidence->nv,
	    evidence->nv_count, sizeof(evidence->nv[0]));
}

/* It is there if there is one: no context has one form. */
static int
read_context(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	TRY(json_digest_in(root, member->name, ret_value, err));
	if (digest_equal(ret_value, &evidence_no_context))
		return json_refuse(root, member->name, err,
		    "the digest of no bytes");
	return 0;
}

static json_t *
write_context(const struct json_member *member, const void *value)
{
	if (digest_equal(value, &evidence_no_context))
		return json_null();
	return json_kind_digest.write(member, value);
}
