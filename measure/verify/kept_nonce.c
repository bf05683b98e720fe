#include "measure/verify/kept_nonce.h"

#include "base/hex.h"
#include "base/scope.h"

static int read_nonce(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static json_t *write_nonce(const struct json_member *member, const void *value);

static const struct json_kind nonce_kind = {"string", read_nonce, write_nonce};

static const struct json_member members[] = {
    {MEMBER_OWN("nonce", struct kept_nonce, nonce, nonce_kind)},
    ONCE_MEMBERS(struct kept_nonce, once),
};
static const struct json_table nonce_table = {JSON_MEMBERS(members),
    .schema = "assay.nonce/1"};

int
kept_nonce_decode(struct bytes text, struct kept_nonce *ret_nonce,
    struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct kept_nonce nonce = {.once = {.used = 0}};
	struct json_at root;

	TRY(json_parse(text, 2, "nonce", REFERENCE_MALFORMED, &document, err));
	root = json_root(document, REFERENCE_MALFORMED);
	TRY(json_table_read(&root, &nonce_table, &nonce, err));
	TRY(once_check_span(&root, &nonce.once, err));
	*ret_nonce = nonce;
	return 0;
}

json_t *
kept_nonce_encode(const struct kept_nonce *nonce)
{
	return json_table_write(&nonce_table, nonce);
}

static int
read_nonce(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	const char *hex;

	TRY(json_string_in(root, member->name, 2 * KEPT_NONCE_BYTES, &hex,
	    err));
	if (!hex_decode(hex, KEPT_NONCE_BYTES, ret_value))
		return json_refuse(root, member->name, err,
		    "not %d bytes as lower-case hex", KEPT_NONCE_BYTES);
	return 0;
}

static json_t *
write_nonce(const struct json_member *member, const void *value)
{
	char hex[2 * KEPT_NONCE_BYTES + 1];

	(void)member;
	hex_encode(bytes_of(value, KEPT_NONCE_BYTES), hex);
	return json_string(hex);
}
