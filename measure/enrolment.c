#include "measure/enrolment.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"

static const char record_schema[] = "assay.enrolment/1";
static const char challenge_schema[] = "assay.challenge/1";

static int decode_schema(const struct json_at *root,
    struct enrolment *enrolment, struct err *err);
static int decode_ak(const struct json_at *root, struct enrolment *enrolment,
    struct err *err);
static int decode_secret(const struct json_at *root,
    struct enrolment *enrolment, struct err *err);

int
enrolment_set_ak(struct enrolment *enrolment, struct bytes ak, struct err *err)
{
	struct tpm_public public;

	if (ak.len > ENROLMENT_AK_BYTES)
		return err_set(err, TPM_STRUCTURE_MALFORMED,
		    "attestation key: %zu bytes, limit %d", ak.len,
		    ENROLMENT_AK_BYTES);
	TRY(tpm_public_decode(ak, &public, err));
	TRY(enrolment_check_ak(&public, err));
	TRY(tpm_public_name(&public, &enrolment->ak_name, err));
	memcpy(enrolment->ak, ak.ptr, ak.len);
	enrolment->ak_len = ak.len;
	return 0;
}

int
enrolment_check_ak(const struct tpm_public *ak, struct err *err)
{
	const uint32_t needed = TPM_OBJECT_FIXED_TPM | TPM_OBJECT_FIXED_PARENT |
	                        TPM_OBJECT_ORIGIN | TPM_OBJECT_RESTRICTED |
	                        TPM_OBJECT_SIGN;

	if ((ak->attributes & (needed | TPM_OBJECT_DECRYPT)) != needed ||
	    !ak->has_scheme)
		return err_set(err, EVIDENCE_AK_NOT_RESTRICTED,
		    "attributes 0x%08x, not those of a restricted signing key "
		    "that never leaves its TPM",
		    ak->attributes);
	return 0;
}

int
enrolment_decode(struct bytes text, struct enrolment *ret_enrolment,
    struct err *err)
{
	static const char *const known[] = {"schema", "ak", "ak_name", "ek",
	    "ek_certified", "secret", NULL};
	CLEANUP(json_freep) json_t *document = NULL;
	struct enrolment enrolment = {.ak_len = 0};
	struct json_at root;

	TRY(json_parse(text, 2, "enrolment", REFERENCE_MALFORMED, &document,
	    err));
	root = json_root(document, REFERENCE_MALFORMED);
	TRY(decode_schema(&root, &enrolment, err));
	TRY(json_known(&root, known, err));
	TRY(decode_ak(&root, &enrolment, err));
	TRY(json_digest_in(&root, "ek", &enrolment.ek, err));
	TRY(json_bool_in(&root, "ek_certified", &enrolment.is_ek_certified,
	    err));
	TRY(decode_secret(&root, &enrolment, err));
	*ret_enrolment = enrolment;
	return 0;
}

json_t *
enrolment_encode(const struct enrolment *enrolment)
{
	CLEANUP(freep)
	char *ak = base64_encode(bytes_of(enrolment->ak, enrolment->ak_len));
	char name[TPM_NAME_HEX_SIZE], ek[DIGEST_TEXT_SIZE];
	char secret[2 * CREDENTIAL_SECRET_BYTES + 1];

	tpm_name_hex(&enrolment->ak_name, name);
	digest_text(&enrolment->ek, ek);
	hex_encode(bytes_of(enrolment->secret, CREDENTIAL_SECRET_BYTES),
	    secret);
	return json_pack("{s:s, s:s?, s:s, s:s, s:b, s:s*}", "schema",
	    enrolment->is_challenge ? challenge_schema : record_schema, "ak",
	    ak, "ak_name", name, "ek", ek, "ek_certified",
	    enrolment->is_ek_certified, "secret",
	    enrolment->is_challenge ? secret : NULL);
}

static int
decode_schema(const struct json_at *root, struct enrolment *enrolment,
    struct err *err)
{
	const char *schema;

	TRY(json_string_in(root, "schema", 64, &schema, err));
	enrolment->is_challenge = strcmp(schema, challenge_schema) == 0;
	enrolment->is_record = strcmp(schema, record_schema) == 0;
	if (!enrolment->is_challenge && !enrolment->is_record)
		return json_refuse(root, "schema", err,
		    "neither an enrolment nor a challenge");
	return 0;
}

static int
decode_ak(const struct json_at *root, struct enrolment *enrolment,
    struct err *err)
{
	CLEANUP(freep) uint8_t *ak = NULL;
	char hex[TPM_NAME_HEX_SIZE];
	size_t len = 0;

	TRY(json_base64_in(root, "ak", 2 * ENROLMENT_AK_BYTES, &ak, &len, err));
	TRY(enrolment_set_ak(enrolment, bytes_of(ak, len), err));
	tpm_name_hex(&enrolment->ak_name, hex);
	return json_literal_in(root, "ak_name", hex, err);
}

static int
decode_secret(const struct json_at *root, struct enrolment *enrolment,
    struct err *err)
{
	struct digest secret; /* it is as long */
	const char *hex;

	if (!enrolment->is_challenge) {
		if (json_object_get(root->value, "secret") != NULL)
			return json_refuse(root, "secret", err,
			    "an enrolment has none");
		return 0;
	}
	TRY(json_string_in(root, "secret", DIGEST_HEX_SIZE, &hex, err));
	if (!digest_from_hex(hex, &secret))
		return json_refuse(root, "secret", err, "not 32 bytes of hex");
	memcpy(enrolment->secret, secret.bytes, CREDENTIAL_SECRET_BYTES);
	return 0;
}
