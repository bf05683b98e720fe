#include "measure/verify/enrolment.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/utc.h"

static const char record_schema[] = "assay.enrolment/1";
static const char challenge_schema[] = "assay.challenge/2";

static int decode_schema(const struct json_at *root,
    struct enrolment *enrolment, struct err *err);
static int decode_ak(const struct json_at *root, struct enrolment *enrolment,
    struct err *err);
static int decode_label(const struct json_at *root, struct enrolment *enrolment,
    struct err *err);
static int decode_enrolled(const struct json_at *root, int64_t *ret_enrolled,
    struct err *err);
static int decode_secret(const struct json_at *root,
    struct enrolment *enrolment, struct err *err);
static bool add_challenge(const struct enrolment *challenge, json_t *document);

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

bool
enrolment_is_label(const char *text)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
				      "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
				      "._-";
	size_t len = strlen(text);

	return len > 0 && len <= ENROLMENT_LABEL_BYTES &&
	       strspn(text, letters) == len && strchr("._-", text[0]) == NULL;
}

int
enrolment_answer(struct enrolment *challenge, struct bytes answer, int64_t now,
    struct err *err)
{
	TRY(once_check(&challenge->once, now, err));
	TRY(credential_check_answer(challenge->secret, answer, err));
	challenge->once.used = now;
	explicit_bzero(challenge->secret, sizeof(challenge->secret));
	return 0;
}

struct enrolment
enrolment_of(const struct enrolment *challenge)
{
	struct enrolment record = *challenge;

	bug_unless(challenge->once.used != UTC_NONE);
	record.is_challenge = false;
	record.is_record = true;
	record.enrolled = challenge->once.used;
	return record;
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
	static const char *const of_record[] = {"schema", "ak", "ak_name", "ek",
	    "ek_certified", "label", "enrolled", NULL};
	static const char *const of_challenge[] = {"schema", "ak", "ak_name",
	    "ek", "ek_certified", "label", "made", "expires", "used", "secret",
	    NULL};
	CLEANUP(json_freep) json_t *document = NULL;
	struct enrolment enrolment = {.ak_len = 0};
	struct json_at root;

	TRY(json_parse(text, 2, "enrolment", REFERENCE_MALFORMED, &document,
	    err));
	root = json_root(document, REFERENCE_MALFORMED);
	TRY(decode_schema(&root, &enrolment, err));
	TRY(json_known(&root, enrolment.is_challenge ? of_challenge : of_record,
	    err));
	TRY(decode_ak(&root, &enrolment, err));
	TRY(json_digest_in(&root, "ek", &enrolment.ek, err));
	TRY(json_bool_in(&root, "ek_certified", &enrolment.is_ek_certified,
	    err));
	TRY(decode_label(&root, &enrolment, err));
	if (enrolment.is_challenge) {
		TRY(once_decode(&root, &enrolment.once, err));
		TRY(decode_secret(&root, &enrolment, err));
	} else {
		TRY(decode_enrolled(&root, &enrolment.enrolled, err));
	}
	*ret_enrolment = enrolment;
	return 0;
}

json_t *
enrolment_encode(const struct enrolment *enrolment)
{
	CLEANUP(freep)
	char *ak = base64_encode(bytes_of(enrolment->ak, enrolment->ak_len));
	char name[TPM_NAME_HEX_SIZE], ek[DIGEST_TEXT_SIZE],
	    enrolled[UTC_TEXT_SIZE];
	CLEANUP(json_freep) json_t *document = NULL;

	tpm_name_hex(&enrolment->ak_name, name);
	digest_text(&enrolment->ek, ek);
	if (enrolment->enrolled != UTC_NONE)
		utc_text(enrolment->enrolled, enrolled);
	document = json_pack("{s:s, s:s?, s:s, s:s, s:b, s:s*, s:s*}", "schema",
	    enrolment->is_challenge ? challenge_schema : record_schema, "ak",
	    ak, "ak_name", name, "ek", ek, "ek_certified",
	    enrolment->is_ek_certified, "label",
	    enrolment->label[0] != '\0' ? enrolment->label : NULL, "enrolled",
	    enrolment->enrolled != UTC_NONE ? enrolled : NULL);
	if (document == NULL ||
	    (enrolment->is_challenge && !add_challenge(enrolment, document)))
		return NULL;
	return take_ptr(&document);
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
decode_label(const struct json_at *root, struct enrolment *enrolment,
    struct err *err)
{
	const char *label;

	if (json_object_get(root->value, "label") == NULL)
		return 0;
	TRY(json_string_in(root, "label", ENROLMENT_LABEL_BYTES, &label, err));
	if (!enrolment_is_label(label))
		return json_refuse(root, "label", err,
		    "not letters, digits, dots, dashes and underscores");
	memcpy(enrolment->label, label, strlen(label) + 1);
	return 0;
}

static int
decode_enrolled(const struct json_at *root, int64_t *ret_enrolled,
    struct err *err)
{
	const char *text;

	if (json_object_get(root->value, "enrolled") == NULL)
		return 0;
	TRY(json_string_in(root, "enrolled", UTC_TEXT_SIZE - 1, &text, err));
	if (!utc_from_text(text, ret_enrolled))
		return json_refuse(root, "enrolled", err,
		    "not a time like 2026-11-23T16:00:00Z");
	return 0;
}

static int
decode_secret(const struct json_at *root, struct enrolment *enrolment,
    struct err *err)
{
	const char *hex;

	if (enrolment->once.used != UTC_NONE)
		return json_null_in(root, "secret", err);
	TRY(json_string_in(root, "secret", 2 * CREDENTIAL_SECRET_BYTES, &hex,
	    err));
	if (!hex_decode(hex, CREDENTIAL_SECRET_BYTES, enrolment->secret))
		return json_refuse(root, "secret", err, "not 32 bytes of hex");
	return 0;
}

static bool
add_challenge(const struct enrolment *challenge, json_t *document)
{
	char hex[2 * CREDENTIAL_SECRET_BYTES + 1];
	json_t *secret;

	hex_encode(bytes_of(challenge->secret, CREDENTIAL_SECRET_BYTES), hex);
	secret =
	    challenge->once.used == UTC_NONE ? json_string(hex) : json_null();
	explicit_bzero(hex, sizeof(hex));
	return json_object_set_new(document, "secret", secret) == 0 &&
	       once_encode(&challenge->once, document);
}
