#include "measure/verify/enrolment.h"

#include <stdio.h>
#include <string.h>

#include "base/base64.h"
#include "base/hex.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"
#include "base/utc.h"

static const struct json_table *table_of(const struct enrolment *enrolment);
static int decode_schema(const struct json_at *root,
    struct enrolment *enrolment, struct err *err);
static int check_secret(const struct json_at *root,
    const struct enrolment *challenge, struct err *err);
static int read_ak(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err);
static json_t *write_ak(const struct json_member *member, const void *value);
static int read_ak_name(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_ak_name(const struct json_member *member,
    const void *value);
static int read_secret(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_secret(const struct json_member *member,
    const void *value);

static const struct json_kind ak_kind = {"string", read_ak, write_ak};
static const struct json_kind ak_name_kind = {"string", read_ak_name,
    write_ak_name};
static const struct json_kind secret_kind = {"string", read_secret,
    write_secret};

#define LABEL_RULE "not letters, digits, dots, dashes and underscores"
#define HOST_MEMBERS                                                          \
	{MEMBER_OF_ALL("ak", ak_kind)},                                       \
	    {MEMBER_OF_ALL("ak_name", ak_name_kind)},                         \
	    {MEMBER_DIGEST("ek", struct enrolment, ek)},                      \
	    {MEMBER_BOOL("ek_certified", struct enrolment, is_ek_certified)}, \
	{                                                                     \
		MEMBER_MAYBE_STRING("label", struct enrolment, label),        \
		    .is_valid = enrolment_is_label, .text = LABEL_RULE,       \
		    .presence = JSON_NEVER_NULL                               \
	}

static const struct json_member record_members[] = {
    HOST_MEMBERS,
    {MEMBER_TIME("enrolled", struct enrolment, enrolled),
	.presence = JSON_NEVER_NULL},
};
static const struct json_table record_table = {JSON_MEMBERS(record_members),
    .schema = "assay.enrolment/1"};

static const struct json_member challenge_members[] = {
    HOST_MEMBERS,
    {MEMBER_OF_ALL("secret", secret_kind), .presence = JSON_NULLABLE},
    ONCE_MEMBERS(struct enrolment, once),
};
static const struct json_table challenge_table = {
    JSON_MEMBERS(challenge_members), .schema = "assay.challenge/2"};

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
	CLEANUP(json_freep) json_t *document = NULL;
	struct enrolment enrolment = {.ak_len = 0};
	struct json_at root;

	TRY(json_parse(text, 2, "enrolment", REFERENCE_MALFORMED, &document,
	    err));
	root = json_root(document, REFERENCE_MALFORMED);
	TRY(decode_schema(&root, &enrolment, err));
	TRY(json_table_read(&root, table_of(&enrolment), &enrolment, err));
	if (enrolment.is_challenge) {
		TRY(once_check_span(&root, &enrolment.once, err));
		TRY(check_secret(&root, &enrolment, err));
	}
	*ret_enrolment = enrolment;
	return 0;
}

json_t *
enrolment_encode(const struct enrolment *enrolment)
{
	return json_table_write(table_of(enrolment), enrolment);
}

static const struct json_table *
table_of(const struct enrolment *enrolment)
{
	return enrolment->is_challenge ? &challenge_table : &record_table;
}

static int
decode_schema(const struct json_at *root, struct enrolment *enrolment,
    struct err *err)
{
	const char *schema;

	TRY(json_string_in(root, "schema", 64, &schema, err));
	enrolment->is_challenge = strcmp(schema, challenge_table.schema) == 0;
	enrolment->is_record = strcmp(schema, record_table.schema) == 0;
	if (!enrolment->is_challenge && !enrolment->is_record)
		return json_refuse(root, "schema", err,
		    "neither an enrolment nor a challenge");
	return 0;
}

/* A challenge has its secret until it was used, and then no more. */
static int
check_secret(const struct json_at *root, const struct enrolment *challenge,
    struct err *err)
{
	if (challenge->once.used != UTC_NONE)
		return json_null_in(root, "secret", err);
	if (!json_has(root, "secret"))
		return json_refuse(root, "secret", err, "not a string");
	return 0;
}

static int
read_ak(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	CLEANUP(freep) uint8_t *ak = NULL;
	size_t len = 0;

	TRY(json_base64_in(root, member->name, 2 * ENROLMENT_AK_BYTES, &ak,
	    &len, err));
	return enrolment_set_ak(ret_value, bytes_of(ak, len), err);
}

static json_t *
write_ak(const struct json_member *member, const void *value)
{
	const struct enrolment *enrolment = value;
	CLEANUP(freep)
	char *text = base64_encode(bytes_of(enrolment->ak, enrolment->ak_len));

	(void)member;
	return text != NULL ? json_string(text) : NULL;
}

/* That of the key, which was read. */
static int
read_ak_name(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	const struct enrolment *enrolment = ret_value;
	char hex[TPM_NAME_HEX_SIZE];

	tpm_name_hex(&enrolment->ak_name, hex);
	return json_literal_in(root, member->name, hex, err);
}

static json_t *
write_ak_name(const struct json_member *member, const void *value)
{
	const struct enrolment *enrolment = value;
	char hex[TPM_NAME_HEX_SIZE];

	(void)member;
	tpm_name_hex(&enrolment->ak_name, hex);
	return json_string(hex);
}

static int
read_secret(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct enrolment *challenge = ret_value;
	const char *hex;

	TRY(json_string_in(root, member->name, 2 * CREDENTIAL_SECRET_BYTES,
	    &hex, err));
	if (!hex_decode(hex, CREDENTIAL_SECRET_BYTES, challenge->secret))
		return json_refuse(root, member->name, err,
		    "not 32 bytes of hex");
	return 0;
}

static json_t *
write_secret(const struct json_member *member, const void *value)
{
	const struct enrolment *challenge = value;
	char hex[2 * CREDENTIAL_SECRET_BYTES + 1];
	json_t *secret;

	(void)member;
	if (challenge->once.used != UTC_NONE)
		return json_null();
	hex_encode(bytes_of(challenge->secret, CREDENTIAL_SECRET_BYTES), hex);
	secret = json_string(hex);
	explicit_bzero(hex, sizeof(hex));
	return secret;
}
