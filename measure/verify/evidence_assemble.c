#include "measure/verify/evidence_assemble.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/tpm_identity.h"

/* tpm2-tss 3.2, tss2_tpm2_types.h: sizes of the structures. */
enum {
	SELECTION_BYTES = 8, /* u16 hash, u8 size, u8 select[4], padding */
	SELECTIONS_BYTES = 4 + 16 * SELECTION_BYTES,
	DIGEST_SLOT_BYTES = 2 + 64,
	LIST_DIGESTS = 8,
	LIST_BYTES = 4 + LIST_DIGESTS * DIGEST_SLOT_BYTES,
	MAX_LISTS = PCR_BANKS * PCR_COUNT / LIST_DIGESTS,
};

/* Text of the largest structure that assayd has for us. */
enum { PART_TEXT_BYTES = 16 << 10, INDEX_TEXT_BYTES = 10 };

static int add_context(const struct digest *context, json_t *document,
    struct err *err);
static int add_keys(const struct json_at *reply, json_t *document,
    struct err *err);
static int take_public(const struct json_at *reply, const char *member,
    json_t **ret_text, struct err *err);
static int take_certificate(const struct json_at *reply, json_t **ret_text,
    struct err *err);
static int add_quote(const struct json_at *reply, json_t *document,
    struct err *err);
static int add_log_index(const struct json_at *reply, json_t *document,
    struct err *err);
static int take_index(const struct json_at *log_index, json_int_t *ret_index,
    struct err *err);
static int add_log(const struct json_at *reply, struct bytes log,
    json_t *document, struct err *err);
static int add(json_t *document, const char *member, json_t *value,
    struct err *err);
static uint32_t put_selections(const struct pcr_values *values, uint8_t *out);
static uint32_t put_digests(const struct pcr_values *values, uint8_t *out);

int
evidence_assemble(json_t *reply, struct bytes log,
    const struct evidence_question *question, struct evidence *ret_evidence,
    struct err *err)
{
	static const char *const known[] = {"quote", "pcrs", "ak", "ek",
	    "ek_certificate", "log_index", "log_bytes", NULL};
	struct json_at root = json_root(reply, EVIDENCE_MALFORMED);
	CLEANUP(json_freep) json_t *document = json_object();
	CLEANUP(freep) char *text = NULL;

	TRY(json_known(&root, known, err));
	TRY(add(document, "schema", json_string(EVIDENCE_SCHEMA), err));
	TRY(add(document, "nonce", json_string(question->nonce), err));
	TRY(add_context(question->context, document, err));
	TRY(add_keys(&root, document, err));
	TRY(add_quote(&root, document, err));
	TRY(add_log_index(&root, document, err));
	TRY(add_log(&root, log, document, err));
	text = json_dumps(document, JSON_COMPACT);
	if (text == NULL)
		return err_set(err, NO_MEMORY, "evidence");
	return evidence_decode(bytes_of_str(text), ret_evidence, err);
}

uint8_t *
evidence_encode_pcrs(const struct pcr_values *values, size_t *ret_len)
{
	uint8_t *out = calloc(1, SELECTIONS_BYTES + 4 + MAX_LISTS * LIST_BYTES);
	uint32_t lists;

	if (out == NULL)
		return NULL;
	bytes_put_le(out, put_selections(values, out + 4), 4);
	lists = put_digests(values, out + SELECTIONS_BYTES + 4);
	bytes_put_le(out + SELECTIONS_BYTES, lists, 4);
	*ret_len = SELECTIONS_BYTES + 4 + lists * LIST_BYTES;
	return out;
}

static int
add_context(const struct digest *context, json_t *document, struct err *err)
{
	char text[DIGEST_TEXT_SIZE];

	if (digest_equal(context, &evidence_no_context))
		return 0;
	digest_text(context, text);
	return add(document, "context", json_string(text), err);
}

static int
add_keys(const struct json_at *reply, json_t *document, struct err *err)
{
	CLEANUP(json_freep) json_t *ak = NULL;
	CLEANUP(json_freep) json_t *ek = NULL;
	CLEANUP(json_freep) json_t *certificate = NULL;

	TRY(take_public(reply, "ak", &ak, err));
	TRY(take_public(reply, "ek", &ek, err));
	TRY(take_certificate(reply, &certificate, err));
	TRY(add(document, "ak", json_pack("{s:O}", "pub", ak), err));
	return add(document, "ek",
	    json_pack("{s:O, s:O}", "pub", ek, "cert", certificate), err);
}

/* A TPMT_PUBLIC comes, a TPM2B_PUBLIC goes: its size before it. */
static int
take_public(const struct json_at *reply, const char *member, json_t **ret_text,
    struct err *err)
{
	uint8_t sized[2 + PART_TEXT_BYTES];
	CLEANUP(freep) uint8_t *area = NULL;
	CLEANUP(freep) char *encoded = NULL;
	size_t len = 0;

	TRY(json_base64_in(reply, member, PART_TEXT_BYTES, &area, &len, err));
	if (len == 0)
		return json_refuse(reply, member, err, "empty");
	sized[0] = (uint8_t)(len >> 8);
	sized[1] = (uint8_t)len;
	memcpy(sized + 2, area, len);
	encoded = base64_encode(bytes_of(sized, 2 + len));
	if (encoded == NULL)
		return err_set(err, NO_MEMORY, "%s", member);
	*ret_text = json_string(encoded);
	return 0;
}

static int
take_certificate(const struct json_at *reply, json_t **ret_text,
    struct err *err)
{
	const char *text;

	if (!json_has(reply, "ek_certificate")) {
		TRY(json_null_in(reply, "ek_certificate", err));
		*ret_text = json_null();
		return 0;
	}
	TRY(json_string_in(reply, "ek_certificate", PART_TEXT_BYTES, &text,
	    err));
	*ret_text = json_string(text);
	return 0;
}

static int
add_quote(const struct json_at *reply, json_t *document, struct err *err)
{
	static const char *const known[] = {"attest", "signature", NULL};
	const char *attest, *signature;
	struct json_at quote, pcrs;

	TRY(json_object_in(reply, "quote", &quote, err));
	TRY(json_known(&quote, known, err));
	TRY(json_string_in(&quote, "attest", PART_TEXT_BYTES, &attest, err));
	TRY(json_string_in(&quote, "signature", PART_TEXT_BYTES, &signature,
	    err));
	TRY(json_object_in(reply, "pcrs", &pcrs, err));
	TRY(add(document, "quote",
	    json_pack("{s:s, s:s}", "attest", attest, "sig", signature), err));
	return add(document, "pcrs", json_incref(pcrs.value), err);
}

static int
add_log_index(const struct json_at *reply, json_t *document, struct err *err)
{
	static const char *const known[] = {"index", "name", "attest",
	    "signature", NULL};
	const char *attest, *signature;
	struct json_at at;
	json_int_t index = 0;

	if (!json_has(reply, "log_index")) {
		TRY(json_null_in(reply, "log_index", err));
		return add(document, "nv", json_array(), err);
	}
	TRY(json_object_in(reply, "log_index", &at, err));
	TRY(json_known(&at, known, err));
	TRY(take_index(&at, &index, err));
	TRY(json_string_in(&at, "attest", PART_TEXT_BYTES, &attest, err));
	TRY(json_string_in(&at, "signature", PART_TEXT_BYTES, &signature, err));
	return add(document, "nv",
	    json_pack("[{s:I, s:s, s:s}]", "index", index, "attest", attest,
		"sig", signature),
	    err);
}

/* Its Name is in the attestation too, where it is signed. */
static int
take_index(const struct json_at *log_index, json_int_t *ret_index,
    struct err *err)
{
	const char *text, *hex;
	struct tpm_name name;
	char again[INDEX_TEXT_BYTES + 1];
	unsigned long index;

	TRY(json_string_in(log_index, "name", TPM_NAME_HEX_SIZE, &hex, err));
	if (!tpm_name_from_hex(hex, &name))
		return json_refuse(log_index, "name", err,
		    "not a SHA-256 name");
	TRY(json_string_in(log_index, "index", INDEX_TEXT_BYTES, &text, err));
	index = strtoul(text, NULL, 16);
	snprintf(again, sizeof(again), "0x%08x", (unsigned int)index);
	if (strcmp(text, again) != 0)
		return json_refuse(log_index, "index", err,
		    "not 0x and 8 lower-case hex digits");
	*ret_index = (json_int_t)index;
	return 0;
}

static int
add_log(const struct json_at *reply, struct bytes log, json_t *document,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	int64_t len;

	TRY(json_integer_in(reply, "log_bytes", 1, LIMIT_EVENT_LOG_BYTES, &len,
	    err));
	if (log.len < (size_t)len)
		return json_refuse(reply, "log_bytes", err,
		    "the log has %zu bytes, and %lld when it was quoted",
		    log.len, (long long)len);
	text = base64_encode(bytes_of(log.ptr, (size_t)len));
	if (text == NULL)
		return err_set(err, NO_MEMORY, "event log");
	return add(document, "logs",
	    json_pack("{s:s, s:n}", "assay", text, "uefi"), err);
}

static int
add(json_t *document, const char *member, json_t *value, struct err *err)
{
	if (json_object_set_new(document, member, value) != 0)
		return err_set(err, NO_MEMORY, "evidence");
	return 0;
}

static uint32_t
put_selections(const struct pcr_values *values, uint8_t *out)
{
	uint32_t count = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		uint8_t *at = out + count * SELECTION_BYTES;

		if (values->known[bank] == 0)
			continue;
		bytes_put_le(at, pcr_bank_algorithm(bank), 2);
		at[2] = PCR_COUNT / 8;
		bytes_put_le(at + 3, values->known[bank], PCR_COUNT / 8);
		count++;
	}
	return count;
}

static uint32_t
put_digests(const struct pcr_values *values, uint8_t *out)
{
	uint32_t count = 0;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
			uint8_t *list = out + count / LIST_DIGESTS * LIST_BYTES;
			uint8_t *slot =
			    list + 4 + count % LIST_DIGESTS * DIGEST_SLOT_BYTES;
			size_t len = pcr_bank_bytes(bank);

			if ((values->known[bank] & 1u << pcr) == 0)
				continue;
			bytes_put_le(list, count % LIST_DIGESTS + 1, 4);
			bytes_put_le(slot, len, 2);
			memcpy(slot + 2, values->value[bank][pcr].bytes, len);
			count++;
		}
	}
	return (count + LIST_DIGESTS - 1) / LIST_DIGESTS;
}
