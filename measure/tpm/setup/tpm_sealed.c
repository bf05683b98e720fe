#include "measure/tpm/setup/tpm_sealed.h"

#include <stdlib.h>

#include <tss2/tss2_mu.h>

#include "base/base64.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "measure/tpm/setup/epoch_policy.h"
#include "measure/tpm/tpm_esys.h"

#define SCHEMA "assay.secret/1"

enum {
	MAX_DEPTH = 2,
	PART_BYTES = 2048,        /* of either half, and in base64 */
	CREDENTIAL_HEAD_BYTES = 8 /* magic and version */
};

static int decode_parts(const struct json_at *root, struct tpm_sealed *sealed,
    struct err *err);
static int decode_epochs(const struct json_at *root, struct tpm_sealed *sealed,
    struct err *err);
static int decode_part(const struct json_at *root, const char *member,
    uint8_t **ret_bytes, size_t *ret_len, struct err *err);

int
tpm_sealed_encode(const struct tpm_sealed *sealed, char **ret_text,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	CLEANUP(freep) char *public_text = NULL;
	CLEANUP(freep) char *private_text = NULL;
	uint8_t bytes[PART_BYTES];
	size_t len = 0;
	char *text;

	TRY(tpm_esys_check(Tss2_MU_TPM2B_PUBLIC_Marshal(&sealed->public, bytes,
			       sizeof(bytes), &len),
	    err, "marshal the secret"));
	public_text = base64_encode(bytes_of(bytes, len));
	len = 0;
	TRY(tpm_esys_check(Tss2_MU_TPM2B_PRIVATE_Marshal(&sealed->private,
			       bytes, sizeof(bytes), &len),
	    err, "marshal the secret"));
	private_text = base64_encode(bytes_of(bytes, len));
	document = json_pack("{s:s, s:s, s:s}", "schema", SCHEMA, "public",
	    public_text, "private", private_text);
	if (sealed->from_epoch > 0)
		json_object_set_new(document, "epochs",
		    json_pack("{s:I, s:I}", "from",
			(json_int_t)sealed->from_epoch, "counter",
			(json_int_t)sealed->from_counter));
	text = document != NULL ? json_dumps(document, JSON_INDENT(2)) : NULL;
	if (text == NULL)
		return err_set(err, NO_MEMORY, "sealed secret");
	*ret_text = text;
	return 0;
}

int
tpm_sealed_decode(struct bytes text, struct tpm_sealed *ret_sealed,
    struct err *err)
{
	static const char *const members[] = {"schema", "public", "private",
	    "epochs", NULL};
	CLEANUP(json_freep) json_t *document = NULL;
	struct tpm_sealed sealed = {.from_epoch = 0};
	struct json_at root;

	if (text.len > LIMIT_SEALED_BYTES)
		return err_set(err, SECRET_MALFORMED,
		    "sealed secret: %zu bytes, limit %zu", text.len,
		    LIMIT_SEALED_BYTES);
	TRY(json_parse(text, MAX_DEPTH, "sealed secret", SECRET_MALFORMED,
	    &document, err));
	root = json_root(document, SECRET_MALFORMED);
	TRY(json_known(&root, members, err));
	TRY(json_literal_in(&root, "schema", SCHEMA, err));
	TRY(decode_parts(&root, &sealed, err));
	if (json_object_get(document, "epochs") != NULL)
		TRY(decode_epochs(&root, &sealed, err));
	*ret_sealed = sealed;
	return 0;
}

int
tpm_credential_decode(struct bytes credential, TPM2B_ID_OBJECT *ret_blob,
    TPM2B_ENCRYPTED_SECRET *ret_secret, struct err *err)
{
	static const uint8_t head[CREDENTIAL_HEAD_BYTES] = {0xba, 0xdc, 0xc0,
	    0xde, 0, 0, 0, 1};
	TPM2B_ID_OBJECT blob = {.size = 0};
	TPM2B_ENCRYPTED_SECRET encrypted = {.size = 0};
	size_t used = sizeof(head);

	if (credential.len < sizeof(head) ||
	    memcmp(credential.ptr, head, sizeof(head)) != 0)
		return err_set(err, SECRET_MALFORMED,
		    "credential: it does not begin with badcc0de and version "
		    "1");
	if (Tss2_MU_TPM2B_ID_OBJECT_Unmarshal(credential.ptr, credential.len,
		&used, &blob) != TSS2_RC_SUCCESS ||
	    Tss2_MU_TPM2B_ENCRYPTED_SECRET_Unmarshal(credential.ptr,
		credential.len, &used, &encrypted) != TSS2_RC_SUCCESS)
		return err_set(err, SECRET_MALFORMED,
		    "credential: cut off after %zu bytes", used);
	if (used != credential.len)
		return err_set(err, SECRET_MALFORMED,
		    "credential: %zu bytes too many", credential.len - used);
	*ret_blob = blob;
	*ret_secret = encrypted;
	return 0;
}

static int
decode_parts(const struct json_at *root, struct tpm_sealed *sealed,
    struct err *err)
{
	CLEANUP(freep) uint8_t *public = NULL;
	CLEANUP(freep) uint8_t *private = NULL;
	size_t public_len;
	size_t private_len;
	size_t used = 0;

	TRY(decode_part(root, "public", &public, &public_len, err));
	TRY(decode_part(root, "private", &private, &private_len, err));
	if (Tss2_MU_TPM2B_PUBLIC_Unmarshal(public, public_len, &used,
		&sealed->public) != TSS2_RC_SUCCESS ||
	    used != public_len)
		return json_refuse(root, "public", err, "not a TPM2B_PUBLIC");
	used = 0;
	if (Tss2_MU_TPM2B_PRIVATE_Unmarshal(private, private_len, &used,
		&sealed->private) != TSS2_RC_SUCCESS)
		return json_refuse(root, "private", err, "not a TPM2B_PRIVATE");
	return 0;
}

static int
decode_epochs(const struct json_at *root, struct tpm_sealed *sealed,
    struct err *err)
{
	static const char *const members[] = {"from", "counter", NULL};
	struct json_at at;

	TRY(json_object_in(root, "epochs", &at, err));
	TRY(json_known(&at, members, err));
	TRY(json_integer_in(&at, "from", 1, EPOCH_POLICY_MAX,
	    &sealed->from_epoch, err));
	return json_integer_in(&at, "counter", 1, EPOCH_POLICY_MAX,
	    &sealed->from_counter, err);
}

/* The TSS takes a TPM2B_PUBLIC of another size than it says, and an empty one
 * that it cannot write. */
static int
decode_part(const struct json_at *root, const char *member, uint8_t **ret_bytes,
    size_t *ret_len, struct err *err)
{
	const uint8_t *bytes;

	TRY(json_base64_in(root, member, PART_BYTES, ret_bytes, ret_len, err));
	bytes = *ret_bytes;
	if (*ret_len <= 2 || (size_t)(bytes[0] << 8 | bytes[1]) != *ret_len - 2)
		return json_refuse(root, member, err,
		    "empty, or its size is not that of what follows");
	return 0;
}
