#include "builder/quote.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/scope.h"

static json_t *encode_blob(const struct tpm_blob *blob);
static json_t *encode_attestation(const struct tpm_attestation *attestation);
static json_t *encode_values(const struct pcr_values *values);
static json_t *encode_bank(enum pcr_bank bank, const struct pcr_values *values);
static json_t *encode_log_index(const struct quote *quote);

bool
quote_is_whole(struct bytes bytes)
{
	static const size_t parts[] = {
	    offsetof(struct quote, quote.attestation.attest.len),
	    offsetof(struct quote, quote.attestation.signature.len),
	    offsetof(struct quote, log_index_attestation.attest.len),
	    offsetof(struct quote, log_index_attestation.signature.len),
	    offsetof(struct quote, ak.len),
	    offsetof(struct quote, ek.len),
	    offsetof(struct quote, ek_certificate.len),
	};

	if (bytes.len != sizeof(struct quote))
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
quote_encode(const struct quote *quote)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:I}", "quote",
	    encode_attestation(&quote->quote.attestation), "pcrs",
	    encode_values(&quote->quote.values), "ak", encode_blob(&quote->ak),
	    "ek", encode_blob(&quote->ek), "ek_certificate",
	    quote->ek_certificate.len == 0
		? json_null()
		: encode_blob(&quote->ek_certificate),
	    "log_index", encode_log_index(quote), "log_bytes",
	    (json_int_t)quote->log_bytes);
}

static json_t *
encode_blob(const struct tpm_blob *blob)
{
	CLEANUP(freep)
	char *text = base64_encode(bytes_of(blob->bytes, blob->len));

	return text == NULL ? NULL : json_string(text);
}

static json_t *
encode_attestation(const struct tpm_attestation *attestation)
{
	return json_pack("{s:o, s:o}", "attest",
	    encode_blob(&attestation->attest), "signature",
	    encode_blob(&attestation->signature));
}

/* {"sha256":{"0":"<hex>",...},...} */
static json_t *
encode_values(const struct pcr_values *values)
{
	json_t *object = json_object();

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
encode_log_index(const struct quote *quote)
{
	char name[TPM_NAME_HEX_SIZE];
	char handle[16];

	if (!quote->has_log_index)
		return json_null();
	tpm_name_hex(&quote->log_index.name, name);
	snprintf(handle, sizeof(handle), "0x%08x", quote->log_index.handle);
	return json_pack("{s:s, s:s, s:o, s:o}", "index", handle, "name", name,
	    "attest", encode_blob(&quote->log_index_attestation.attest),
	    "signature", encode_blob(&quote->log_index_attestation.signature));
}
