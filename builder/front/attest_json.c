#include "builder/front/attest_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/scope.h"

static json_t *write_blob(const struct json_member *member, const void *value);
static json_t *write_values(const struct json_member *member,
    const void *value);
static json_t *encode_bank(enum pcr_bank bank, const struct pcr_values *values);
static json_t *write_handle(const struct json_member *member,
    const void *value);
static json_t *write_name(const struct json_member *member, const void *value);

/* Base64; null if it is empty and may be. */
static const struct json_kind blob_kind = {"string", NULL, write_blob};
static const struct json_kind values_kind = {"object", NULL, write_values};
static const struct json_kind handle_kind = {"string", NULL, write_handle};
static const struct json_kind name_kind = {"string", NULL, write_name};

static const struct json_member attestation_members[] = {
    {MEMBER_OWN("attest", struct tpm_attestation, attest, blob_kind)},
    {MEMBER_OWN("signature", struct tpm_attestation, signature, blob_kind)},
};
static const struct json_table attestation_table = {
    JSON_MEMBERS(attestation_members), .name = "Attestation"};

static const struct json_member log_index_members[] = {
    {MEMBER_OWN("index", struct attest_reply, log_index.handle, handle_kind)},
    {MEMBER_OWN("name", struct attest_reply, log_index.name, name_kind)},
    {MEMBER_OWN("attest", struct attest_reply, log_index_attestation.attest,
	blob_kind)},
    {MEMBER_OWN("signature", struct attest_reply,
	log_index_attestation.signature, blob_kind)},
};
static const struct json_table log_index_table = {
    JSON_MEMBERS(log_index_members), .name = "LogIndex"};

static const struct json_member members[] = {
    {MEMBER_OBJECT("quote", struct attest_reply, quote.attestation,
	attestation_table)},
    {MEMBER_OWN("pcrs", struct attest_reply, quote.values, values_kind)},
    {MEMBER_OWN("ak", struct attest_reply, ak, blob_kind)},
    {MEMBER_OWN("ek", struct attest_reply, ek, blob_kind)},
    {MEMBER_OWN("ek_certificate", struct attest_reply, ek_certificate,
	 blob_kind),
	.presence = JSON_NULLABLE},
    {MEMBER_GROUP("log_index", log_index_table), .presence = JSON_NULLABLE,
	MEMBER_HAS(struct attest_reply, has_log_index)},
    {MEMBER_INTEGER("log_bytes", struct attest_reply, log_bytes, 0, INT64_MAX)},
};
const struct json_table attest_reply_table = {JSON_MEMBERS(members)};

bool
attest_reply_is_whole(struct bytes bytes)
{
	static const size_t parts[] = {
	    offsetof(struct attest_reply, quote.attestation.attest.len),
	    offsetof(struct attest_reply, quote.attestation.signature.len),
	    offsetof(struct attest_reply, log_index_attestation.attest.len),
	    offsetof(struct attest_reply, log_index_attestation.signature.len),
	    offsetof(struct attest_reply, ak.len),
	    offsetof(struct attest_reply, ek.len),
	    offsetof(struct attest_reply, ek_certificate.len),
	};

	if (bytes.len != sizeof(struct attest_reply))
		return false;
	for (size_t i = 0; i < countof(parts); i++) {
		size_t len;

		memcpy(&len, bytes.ptr + parts[i], sizeof(len));
		if (len > TPM_BLOB_BYTES)
			return false;
	}
	return true;
}

json_t *
attest_reply_encode(const struct attest_reply *quote)
{
	return json_table_write(&attest_reply_table, quote);
}

static json_t *
write_blob(const struct json_member *member, const void *value)
{
	const struct tpm_blob *blob = value;
	CLEANUP(freep)
	char *text = base64_encode(bytes_of(blob->bytes, blob->len));

	if (blob->len == 0 && member->presence == JSON_NULLABLE)
		return json_null();
	return text == NULL ? NULL : json_string(text);
}

/* {"sha256":{"0":"<hex>",...},...} */
static json_t *
write_values(const struct json_member *member, const void *value)
{
	const struct pcr_values *values = value;
	json_t *object = json_object();

	(void)member;
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if (values->known[bank] != 0)
			json_object_set_new(object, pcr_bank_name(bank),
			    encode_bank(bank, values));
	}
	return object;
}

static json_t *
encode_bank(enum pcr_bank bank, const struct pcr_values *values)
{
	json_t *object = json_object();

	for (unsigned pcr = 0; pcr < PCR_COUNT; pcr++) {
		char hex[PCR_HEX_SIZE];
		char number[4];

		if ((values->known[bank] >> pcr & 1) == 0)
			continue;
		snprintf(number, sizeof(number), "%u", pcr);
		pcr_digest_hex(bank, &values->value[bank][pcr], hex);
		json_object_set_new(object, number, json_string(hex));
	}
	return object;
}

static json_t *
write_handle(const struct json_member *member, const void *value)
{
	const uint32_t *handle = value;

	(void)member;
	return json_sprintf("0x%08x", *handle);
}

static json_t *
write_name(const struct json_member *member, const void *value)
{
	char name[TPM_NAME_HEX_SIZE];

	(void)member;
	tpm_name_hex(value, name);
	return json_string(name);
}
