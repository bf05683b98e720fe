#include "measure/tpm_identity.h"

#include <inttypes.h>

#include "base/digest.h"
#include "base/hex.h"
#include "base/json_table.h"
#include "base/limits.h"
#include "base/scope.h"

enum { max_depth = 3 };

/* TPM 2.0 Part 2, TPM_HR and TPM_HT. */
enum handle_type { NV_INDEX = 0x01, PERSISTENT = 0x81 };

static int refuse_twice(const struct json_at *root,
    const struct tpm_identity *identity, struct err *err);
static int read_handle(const struct json_at *at,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_handle(const struct json_member *member,
    const void *value);
static int read_name(const struct json_at *at, const struct json_member *member,
    void *ret_value, struct err *err);
static json_t *write_name(const struct json_member *member, const void *value);

/* Its type is the member's `min`. */
static const struct json_kind handle_kind = {"string", read_handle,
    write_handle};
static const struct json_kind name_kind = {"string", read_name, write_name};

#define HANDLE(type, field, handle_type) \
	MEMBER_OWN("handle", type, field, handle_kind), .min = (handle_type)

static const struct json_member key_members[] = {
    {HANDLE(struct tpm_object, handle, PERSISTENT)},
    {MEMBER_OWN("name", struct tpm_object, name, name_kind)},
};
static const struct json_table key_table = {JSON_MEMBERS(key_members)};

static const struct json_member index_members[] = {
    {HANDLE(struct tpm_object, handle, NV_INDEX)},
    {MEMBER_OWN("name", struct tpm_object, name, name_kind)},
};
static const struct json_table index_table = {JSON_MEMBERS(index_members)};

static const struct json_member counter_members[] = {
    {HANDLE(struct tpm_identity, counter.handle, NV_INDEX)},
    {MEMBER_OWN("name", struct tpm_identity, counter.name, name_kind)},
    {MEMBER_INTEGER("base", struct tpm_identity, counter_base, INT64_MIN,
	INT64_MAX)},
};
static const struct json_table counter_table = {JSON_MEMBERS(counter_members)};

static const struct json_member members[] = {
    {MEMBER_OBJECT("salt", struct tpm_identity, salt, key_table)},
    {MEMBER_OBJECT("ak", struct tpm_identity, ak, key_table)},
    {MEMBER_OBJECT("ek", struct tpm_identity, ek, key_table)},
    {MEMBER_GROUP("counter", counter_table)},
    {MEMBER_OBJECT("log", struct tpm_identity, log, index_table),
	.presence = JSON_NULLABLE, MEMBER_HAS(struct tpm_identity, has_log)},
};
static const struct json_table identity_table = {JSON_MEMBERS(members),
    .schema = "assay.tpm/1"};

int
tpm_identity_decode(struct bytes text, struct tpm_identity *ret_identity,
    struct err *err)
{
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
	TRY(json_table_read(&root, &identity_table, &identity, err));
	TRY(refuse_twice(&root, &identity, err));
	*ret_identity = identity;
	return 0;
}

int
tpm_identity_encode(const struct tpm_identity *identity, char **ret_text,
    struct err *err)
{
	CLEANUP(json_freep)
	json_t *document = json_table_write(&identity_table, identity);
	char *text;

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

/* "0x" and eight lower-case hex digits, of the type. */
static int
read_handle(const struct json_at *at, const struct json_member *member,
    void *ret_value, struct err *err)
{
	uint8_t bytes[4];
	const char *text;
	uint32_t handle = 0;

	TRY(json_string_in(at, member->name, 2 + 2 * sizeof(bytes), &text,
	    err));
	if (strncmp(text, "0x", 2) != 0 ||
	    !hex_decode(text + 2, sizeof(bytes), bytes))
		return json_refuse(at, member->name, err,
		    "not 0x and eight lower-case hex digits");
	for (size_t i = 0; i < sizeof(bytes); i++)
		handle = handle << 8 | bytes[i];
	if (handle >> 24 != member->min)
		return json_refuse(at, member->name, err,
		    "%s is not in the range 0x%02x......", text,
		    (unsigned int)member->min);
	memcpy(ret_value, &handle, sizeof(handle));
	return 0;
}

static json_t *
write_handle(const struct json_member *member, const void *value)
{
	const uint32_t *handle = value;

	(void)member;
	return json_sprintf("0x%08" PRIx32, *handle);
}

static int
read_name(const struct json_at *at, const struct json_member *member,
    void *ret_value, struct err *err)
{
	const char *hex;

	TRY(json_string_in(at, member->name, TPM_NAME_HEX_SIZE, &hex, err));
	if (!tpm_name_from_hex(hex, ret_value))
		return json_refuse(at, member->name, err,
		    "not a SHA-256 name: 000b and 64 hex digits");
	return 0;
}

static json_t *
write_name(const struct json_member *member, const void *value)
{
	char hex[TPM_NAME_HEX_SIZE];

	(void)member;
	tpm_name_hex(value, hex);
	return json_string(hex);
}
