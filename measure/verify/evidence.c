#include "measure/verify/evidence.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/verify/evidence_text.h"

enum {
	KEY_BYTES = 1024,
	CERTIFICATE_BYTES = 8192,
	ATTEST_BYTES = 2560,
	SIGNATURE_BYTES = 1100,
};

static int decode_nonce(const struct json_at *root, struct evidence *evidence,
    struct err *err);
static int decode_context(const struct json_at *root, struct digest *context,
    struct err *err);
static int decode_keys(const struct json_at *root, struct evidence *evidence,
    struct err *err);
static int decode_quote(const struct json_at *root, struct evidence *evidence,
    struct err *err);
static int decode_pcrs(const struct json_at *root, struct pcr_values *values,
    struct err *err);
static int decode_bank(const struct json_at *pcrs, enum pcr_bank bank,
    struct pcr_values *values, struct err *err);
static int decode_register(const struct json_at *registers, const char *name,
    enum pcr_bank bank, struct pcr_values *values, struct err *err);
static int decode_nvs(const struct json_at *root, struct evidence *evidence,
    struct err *err);
static int decode_nv(const struct json_at *at, struct evidence_nv *nv,
    struct err *err);
static int decode_logs(const struct json_at *root, struct bytes aside,
    struct evidence *evidence, struct err *err);
static int decode_aside(const struct json_at *logs, struct bytes aside,
    struct evidence_part *ret_log, struct err *err);
static int part_in(const struct json_at *at, const char *member,
    size_t max_bytes, struct evidence_part *ret_part, struct err *err);
static int maybe_part_in(const struct json_at *at, const char *member,
    size_t max_bytes, struct evidence_part *ret_part, struct err *err);
static json_t *encode_part(const struct evidence_part *part);
static json_t *encode_pcrs(const struct pcr_values *values);
static json_t *encode_nvs(const struct evidence *evidence);

struct bytes
evidence_part_bytes(const struct evidence_part *part)
{
	return bytes_of(part->ptr, part->len);
}

int
evidence_decode(struct bytes text, struct evidence *ret_evidence,
    struct err *err)
{
	static const char *const known[] = {"schema", "nonce", "ak", "ek",
	    "quote", "pcrs", "nv", "logs", "context", NULL};
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
	TRY(json_literal_in(&root, "schema", EVIDENCE_SCHEMA, err));
	TRY(json_known(&root, known, err));
	TRY(decode_nonce(&root, &evidence, err));
	TRY(decode_context(&root, &evidence.context, err));
	TRY(decode_keys(&root, &evidence, err));
	TRY(decode_quote(&root, &evidence, err));
	TRY(decode_pcrs(&root, &evidence.pcrs, err));
	TRY(decode_nvs(&root, &evidence, err));
	TRY(decode_logs(&root, split.log, &evidence, err));
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
	char nonce[EVIDENCE_NONCE_HEX_SIZE], context[DIGEST_TEXT_SIZE];

	digest_text(&evidence->context, context);
	hex_encode(bytes_of(evidence->nonce, evidence->nonce_len), nonce);
	return json_pack("{s:s, s:s, s:{s:o}, s:{s:o, s:o}, s:{s:o, s:o}, "
			 "s:o, s:o, s:{s:o, s:o}, s:s*}",
	    "schema", EVIDENCE_SCHEMA, "nonce", nonce, "ak", "pub",
	    encode_part(&evidence->ak), "ek", "pub", encode_part(&evidence->ek),
	    "cert", encode_part(&evidence->ek_cert), "quote", "attest",
	    encode_part(&evidence->attest), "sig",
	    encode_part(&evidence->signature), "pcrs",
	    encode_pcrs(&evidence->pcrs), "nv", encode_nvs(evidence), "logs",
	    "assay", encode_part(&evidence->log), "uefi",
	    encode_part(&evidence->firmware_log), "context",
	    digest_equal(&evidence->context, &evidence_no_context) ? NULL
								   : context);
}

static int
decode_nonce(const struct json_at *root, struct evidence *evidence,
    struct err *err)
{
	const char *hex;

	TRY(json_string_in(root, "nonce", EVIDENCE_NONCE_HEX_SIZE, &hex, err));
	if (!evidence_nonce_from_hex(hex, evidence->nonce,
		&evidence->nonce_len))
		return json_refuse(root, "nonce", err,
		    "not 16 to 64 bytes in lower-case hex");
	return 0;
}

/* It is there if there is one: no context has one form. */
static int
decode_context(const struct json_at *root, struct digest *context,
    struct err *err)
{
	*context = evidence_no_context;
	if (json_object_get(root->value, "context") == NULL)
		return 0;
	TRY(json_digest_in(root, "context", context, err));
	if (digest_equal(context, &evidence_no_context))
		return json_refuse(root, "context", err,
		    "the digest of no bytes");
	return 0;
}

static int
decode_keys(const struct json_at *root, struct evidence *evidence,
    struct err *err)
{
	static const char *const ak_known[] = {"pub", NULL};
	static const char *const ek_known[] = {"pub", "cert", NULL};
	struct json_at at;

	TRY(json_object_in(root, "ak", &at, err));
	TRY(json_known(&at, ak_known, err));
	TRY(part_in(&at, "pub", KEY_BYTES, &evidence->ak, err));
	TRY(json_object_in(root, "ek", &at, err));
	TRY(json_known(&at, ek_known, err));
	TRY(maybe_part_in(&at, "pub", KEY_BYTES, &evidence->ek, err));
	return maybe_part_in(&at, "cert", CERTIFICATE_BYTES, &evidence->ek_cert,
	    err);
}

static int
decode_quote(const struct json_at *root, struct evidence *evidence,
    struct err *err)
{
	static const char *const known[] = {"attest", "sig", NULL};
	struct json_at at;

	TRY(json_object_in(root, "quote", &at, err));
	TRY(json_known(&at, known, err));
	TRY(part_in(&at, "attest", ATTEST_BYTES, &evidence->attest, err));
	return part_in(&at, "sig", SIGNATURE_BYTES, &evidence->signature, err);
}

static int
decode_pcrs(const struct json_at *root, struct pcr_values *values,
    struct err *err)
{
	static const char *const known[] = {"sha256", "sha384", NULL};
	struct json_at pcrs;

	TRY(json_object_in(root, "pcrs", &pcrs, err));
	TRY(json_known(&pcrs, known, err));
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		const char *name = pcr_bank_name(bank);

		if (json_object_get(pcrs.value, name) != NULL)
			TRY(decode_bank(&pcrs, bank, values, err));
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

static int
decode_nvs(const struct json_at *root, struct evidence *evidence,
    struct err *err)
{
	struct json_at array, item;
	size_t count;

	TRY(json_array_in(root, "nv", EVIDENCE_NVS, &array, err));
	count = json_array_size(array.value);
	for (size_t i = 0; i < count; i++) {
		TRY(json_item_object(&array, i, &item, err));
		TRY(decode_nv(&item, &evidence->nv[i], err));
	}
	evidence->nv_count = count;
	return 0;
}

static int
decode_nv(const struct json_at *at, struct evidence_nv *nv, struct err *err)
{
	static const char *const known[] = {"index", "attest", "sig", NULL};
	int64_t index;

	TRY(json_known(at, known, err));
	TRY(json_integer_in(at, "index", 0x01000000, 0x01ffffff, &index, err));
	nv->index = (uint32_t)index;
	TRY(part_in(at, "attest", ATTEST_BYTES, &nv->attest, err));
	return part_in(at, "sig", SIGNATURE_BYTES, &nv->signature, err);
}

static int
decode_logs(const struct json_at *root, struct bytes aside,
    struct evidence *evidence, struct err *err)
{
	static const char *const known[] = {"assay", "uefi", NULL};
	struct json_at at;

	TRY(json_object_in(root, "logs", &at, err));
	TRY(json_known(&at, known, err));
	TRY(maybe_part_in(&at, "uefi", LIMIT_FIRMWARE_LOG_BYTES,
	    &evidence->firmware_log, err));
	if (aside.len > 0)
		return decode_aside(&at, aside, &evidence->log, err);
	return part_in(&at, "assay", LIMIT_EVENT_LOG_BYTES, &evidence->log,
	    err);
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

static int
part_in(const struct json_at *at, const char *member, size_t max_bytes,
    struct evidence_part *ret_part, struct err *err)
{
	struct evidence_part part = {NULL, 0};

	TRY(json_base64_in(at, member, (max_bytes + 2) / 3 * 4, &part.ptr,
	    &part.len, err));
	if (part.len == 0)
		return json_refuse(at, member, err, "empty");
	*ret_part = part;
	return 0;
}

static int
maybe_part_in(const struct json_at *at, const char *member, size_t max_bytes,
    struct evidence_part *ret_part, struct err *err)
{
	if (json_is_null(json_object_get(at->value, member)))
		return 0;
	return part_in(at, member, max_bytes, ret_part, err);
}

/* What is empty is null. */
static json_t *
encode_part(const struct evidence_part *part)
{
	CLEANUP(freep) char *text = NULL;

	if (part->len == 0)
		return json_null();
	text = base64_encode(evidence_part_bytes(part));
	return text != NULL ? json_string(text) : NULL;
}

static json_t *
encode_pcrs(const struct pcr_values *values)
{
	json_t *pcrs = json_object();

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

static json_t *
encode_nvs(const struct evidence *evidence)
{
	json_t *array = json_array();

	for (size_t i = 0; i < evidence->nv_count; i++) {
		const struct evidence_nv *nv = &evidence->nv[i];

		json_array_append_new(array,
		    json_pack("{s:I, s:o, s:o}", "index", (json_int_t)nv->index,
			"attest", encode_part(&nv->attest), "sig",
			encode_part(&nv->signature)));
	}
	return array;
}
