#include "measure/tpm_identity.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/digest.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"

#define SCHEMA "assay.tpm/1"

enum { max_depth = 3 };

/* TPM 2.0 Part 2, TPM_HR and TPM_HT. */
enum handle_type { NV_INDEX = 0x01, PERSISTENT = 0x81 };

static int decode_objects(const struct json_at *root,
    struct tpm_identity *identity, struct err *err);
static int decode_counter(const struct json_at *root,
    struct tpm_identity *identity, struct err *err);
static int decode_log(const struct json_at *root, struct tpm_identity *identity,
    struct err *err);
static int decode_object(const struct json_at *root, const char *member,
    const char *const *known, enum handle_type type, struct tpm_object *object,
    struct err *err);
static int decode_handle(const struct json_at *at, enum handle_type type,
    uint32_t *ret_handle, struct err *err);
static int refuse_twice(const struct json_at *root,
    const struct tpm_identity *identity, struct err *err);
static json_t *encode_object(const struct tpm_object *object);

static const char *const object_members[] = {"handle", "name", NULL};

int
tpm_identity_decode(struct bytes text, struct tpm_identity *ret_identity,
    struct err *err)
{
	static const char *const members[] = {"schema", "salt", "ak", "ek",
	    "counter", "log", NULL};
	CLEANUP(json_freep) json_t *document = NULL;
	struct tpm_identity identity = {.has_log = false};
	struct json_at root;

	if (text.len > LIMIT_IDENTITY_BYTES)
		return err_set(err, TPM_IDENTITY_MALFORMED,
		    "TPM identity: %zu bytes, limit %zu", text.len,
		    LIMIT_IDENTITY_BYTES);
	TRY(json_parse(text, max_depth, "TPM identity", TPM_IDENTITY_MALFORMED,
	    &document, err));
	root = json_root(document, TPM_IDENTITY_MALFORMED);
	TRY(json_known(&root, members, err));
	TRY(json_literal_in(&root, "schema", SCHEMA, err));
	TRY(decode_objects(&root, &identity, err));
	TRY(decode_counter(&root, &identity, err));
	TRY(decode_log(&root, &identity, err));
	TRY(refuse_twice(&root, &identity, err));
	*ret_identity = identity;
	return 0;
}

int
tpm_identity_encode(const struct tpm_identity *identity, char **ret_text,
    struct err *err)
{
	CLEANUP(json_freep) json_t *counter = encode_object(&identity->counter);
	CLEANUP(json_freep) json_t *document = NULL;
	char *text;

	json_object_set_new(counter, "base",
	    json_integer((json_int_t)identity->counter_base));
	document = json_pack("{s:s, s:o, s:o, s:o, s:O, s:o}", "schema", SCHEMA,
	    "salt", encode_object(&identity->salt), "ak",
	    encode_object(&identity->ak), "ek", encode_object(&identity->ek),
	    "counter", counter, "log",
	    identity->has_log ? encode_object(&identity->log) : json_null());
	text = document != NULL ? json_dumps(document, JSON_INDENT(2)) : NULL;
	if (text == NULL)
		return err_set(err, NO_MEMORY, "TPM identity");
	*ret_text = text;
	return 0;
}

bool
tpm_name_equal(const struct tpm_name *a, const struct tpm_name *b)
{
	return memcmp(a->bytes, b->bytes, TPM_NAME_BYTES) == 0;
}

void
tpm_name_hex(const struct tpm_name *name,
    char ret_hex[static TPM_NAME_HEX_SIZE])
{
	hex_encode(bytes_of(name->bytes, TPM_NAME_BYTES), ret_hex);
}

bool
tpm_name_from_hex(const char *hex, struct tpm_name *ret_name)
{
	struct tpm_name name;

	if (!hex_decode(hex, TPM_NAME_BYTES, name.bytes) ||
	    name.bytes[0] != 0x00 || name.bytes[1] != 0x0b)
		return false;
	*ret_name = name;
	return true;
}

int
tpm_name_of(struct bytes public_area, struct tpm_name *ret_name,
    struct err *err)
{
	struct tpm_name name = {{0x00, 0x0b}};
	struct digest digest;

	TRY(digest_of(public_area, &digest, err));
	memcpy(name.bytes + 2, digest.bytes, sizeof(digest.bytes));
	*ret_name = name;
	return 0;
}

static int
decode_objects(const struct json_at *root, struct tpm_identity *identity,
    struct err *err)
{
	TRY(decode_object(root, "salt", object_members, PERSISTENT,
	    &identity->salt, err));
	TRY(decode_object(root, "ak", object_members, PERSISTENT, &identity->ak,
	    err));
	TRY(decode_object(root, "ek", object_members, PERSISTENT, &identity->ek,
	    err));
	return 0;
}

static int
decode_counter(const struct json_at *root, struct tpm_identity *identity,
    struct err *err)
{
	static const char *const members[] = {"handle", "name", "base", NULL};
	struct json_at at;
	int64_t base;

	TRY(decode_object(root, "counter", members, NV_INDEX,
	    &identity->counter, err));
	TRY(json_object_in(root, "counter", &at, err));
	TRY(json_integer_in(&at, "base", INT64_MIN, INT64_MAX, &base, err));
	identity->counter_base = (uint64_t)base;
	return 0;
}

static int
decode_log(const struct json_at *root, struct tpm_identity *identity,
    struct err *err)
{
	identity->has_log = json_has(root, "log");
	if (!identity->has_log)
		return json_null_in(root, "log", err);
	return decode_object(root, "log", object_members, NV_INDEX,
	    &identity->log, err);
}

static int
decode_object(const struct json_at *root, const char *member,
    const char *const *known, enum handle_type type, struct tpm_object *object,
    struct err *err)
{
	struct json_at at;
	const char *name;

	TRY(json_object_in(root, member, &at, err));
	TRY(json_known(&at, known, err));
	TRY(decode_handle(&at, type, &object->handle, err));
	TRY(json_string_in(&at, "name", TPM_NAME_HEX_SIZE, &name, err));
	if (!tpm_name_from_hex(name, &object->name))
		return json_refuse(&at, "name", err,
		    "not a SHA-256 name: 000b and 64 hex digits");
	return 0;
}

/* "0x" and eight lower-case hex digits, of the type. */
static int
decode_handle(const struct json_at *at, enum handle_type type,
    uint32_t *ret_handle, struct err *err)
{
	uint8_t bytes[4];
	const char *text;
	uint32_t handle = 0;

	TRY(json_string_in(at, "handle", 2 + 2 * sizeof(bytes), &text, err));
	if (strncmp(text, "0x", 2) != 0 ||
	    !hex_decode(text + 2, sizeof(bytes), bytes))
		return json_refuse(at, "handle", err,
		    "not 0x and eight lower-case hex digits");
	for (size_t i = 0; i < sizeof(bytes); i++)
		handle = handle << 8 | bytes[i];
	if (handle >> 24 != (uint32_t)type)
		return json_refuse(at, "handle", err,
		    "%s is not in the range 0x%02x......", text,
		    (unsigned int)type);
	*ret_handle = handle;
	return 0;
}

static int
refuse_twice(const struct json_at *root, const struct tpm_identity *identity,
    struct err *err)
{
	const struct tpm_identity *id = identity;

	if (id->salt.handle == id->ak.handle ||
	    id->salt.handle == id->ek.handle || id->ak.handle == id->ek.handle)
		return json_refuse(root, "ak", err,
		    "salt, ak and ek need handles of their own");
	if (id->has_log && id->log.handle == id->counter.handle)
		return json_refuse(root, "log", err,
		    "the counter has this handle already");
	return 0;
}

static json_t *
encode_object(const struct tpm_object *object)
{
	char handle[sizeof("0x81000001")];
	char name[TPM_NAME_HEX_SIZE];

	snprintf(handle, sizeof(handle), "0x%08" PRIx32, object->handle);
	tpm_name_hex(&object->name, name);
	return json_pack("{s:s, s:s}", "handle", handle, "name", name);
}
