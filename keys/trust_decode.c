#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_table.h"
#include "base/scope.h"
#include "keys/scheme.h"
#include "keys/trust_policy.h"

enum { max_depth = 8 };

/* A key as it is written. */
struct key_text {
	const char *algorithm;
	const char *pem;
};

static int read_keys(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static int decode_key(const struct json_at *keys, const char *id,
    struct public_key **ret_key, struct err *err);
static int decode_algorithm(const struct json_at *at, const char *name,
    enum algorithm *ret_algorithm, struct err *err);
static int check_id(const struct json_at *keys, const struct json_at *at,
    const char *id, const struct public_key *key, struct err *err);
static int read_roles(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static int read_revoked_keys(const struct json_at *revoked,
    const struct json_member *member, void *ret_value, struct err *err);
static int read_revoked_manifests(const struct json_at *revoked,
    const struct json_member *member, void *ret_value, struct err *err);
static int read_floors(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);

static const struct json_kind keys_kind = {"object", read_keys, NULL};
static const struct json_kind roles_kind = {"object", read_roles, NULL};
static const struct json_kind revoked_keys_kind = {"[]string",
    read_revoked_keys, NULL};
static const struct json_kind revoked_manifests_kind = {"[]string",
    read_revoked_manifests, NULL};
static const struct json_kind floors_kind = {"[string]int", read_floors, NULL};

static const struct json_member key_members[] = {
    {MEMBER_BORROWED("alg", struct key_text, algorithm, LIMIT_NAME_BYTES)},
    {MEMBER_BORROWED("pem", struct key_text, pem, LIMIT_PEM_BYTES)},
};
static const struct json_table key_table = {JSON_MEMBERS(key_members)};

static const struct json_member revoked_members[] = {
    {MEMBER_OF_ALL("keys", revoked_keys_kind)},
    {MEMBER_OF_ALL("manifests", revoked_manifests_kind)},
};
static const struct json_table revoked_table = {JSON_MEMBERS(revoked_members)};

static const struct json_member clock_members[] = {
    {MEMBER_LITERAL("source", "system")},
    {MEMBER_TIME("not_before", struct trust_policy, clock_not_before)},
};
static const struct json_table clock_table = {JSON_MEMBERS(clock_members)};

static const struct json_member members[] = {
    {MEMBER_INTEGER("version", struct trust_policy, version, 1, INT64_MAX)},
    /* Null: it follows nothing, as the root of a chain does. */
    {MEMBER_DIGEST("previous", struct trust_policy, previous),
	.presence = JSON_OPTIONAL,
	MEMBER_HAS(struct trust_policy, has_previous)},
    {MEMBER_OF_ALL("keys", keys_kind)},
    {MEMBER_OF_ALL("roles", roles_kind)}, /* of keys that were read */
    {MEMBER_GROUP("revoked", revoked_table)},
    {MEMBER_OF_ALL("min_rollback", floors_kind)},
    {MEMBER_GROUP("clock", clock_table), .presence = JSON_NEVER_NULL,
	MEMBER_HAS(struct trust_policy, trusts_clock)},
};
static const struct json_table trust_table = {JSON_MEMBERS(members),
    .schema = TRUST_SCHEMA};

int
trust_decode(struct bytes text, struct trust_policy **ret_policy,
    struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	struct json_at root;

	if (text.len > LIMIT_TRUST_BYTES)
		return err_set(err, TRUST_TOO_LARGE,
		    "trust policy: %zu bytes, limit %zu", text.len,
		    LIMIT_TRUST_BYTES);
	policy = calloc(1, sizeof(*policy));
	if (policy == NULL)
		return err_set(err, NO_MEMORY, "trust policy");
	TRY(digest_of(text, &policy->digest, err));
	TRY(json_parse(text, max_depth, "trust policy", TRUST_MALFORMED,
	    &policy->document, err));
	root = json_root(policy->document, TRUST_MALFORMED);
	TRY(json_table_read(&root, &trust_table, policy, err));
	policy->is_bound = json_object_get(root.value, "previous") != NULL;
	*ret_policy = take_ptr(&policy);
	return 0;
}

int
trust_map_in(const struct json_at *object, const char *member,
    size_t max_members, struct json_at *ret_at, struct err *err)
{
	struct json_at at;

	TRY(json_object_in(object, member, &at, err));
	if (json_object_size(at.value) > max_members)
		return json_refuse(object, member, err,
		    "%zu members, limit %zu", json_object_size(at.value),
		    max_members);
	*ret_at = at;
	return 0;
}

int
trust_refuse_twice(const struct json_at *array, struct err *err)
{
	CLEANUP(json_freep) json_t *seen = json_object();

	for (size_t i = 0; i < json_array_size(array->value); i++) {
		json_t *item = json_array_get(array->value, i);
		const char *string = json_string_value(item);

		if (json_object_get(seen, string) != NULL)
			return err_set_field(err, array->code, array->path,
			    "%s: \"%s\" stands there twice", array->path,
			    err_quote_str(string).text);
		if (json_object_set(seen, string, item) != 0)
			return err_set(err, NO_MEMORY, "%s", array->path);
	}
	return 0;
}

static int
read_keys(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct trust_policy *policy = ret_value;
	struct json_at keys;
	const char *id;
	json_t *ignored;

	TRY(trust_map_in(root, member->name, LIMIT_TRUST_KEYS, &keys, err));
	if (json_object_size(keys.value) == 0)
		return json_refuse(root, member->name, err, "empty");
	json_object_foreach(keys.value, id, ignored)
	{
		TRY(decode_key(&keys, id, &policy->keys[policy->key_count],
		    err));
		policy->family_keys[algorithm_family(
		    public_key_algorithm(policy->keys[policy->key_count]))] |=
		    UINT64_C(1) << policy->key_count;
		policy->key_count++;
	}
	return 0;
}

static int
decode_key(const struct json_at *keys, const char *id,
    struct public_key **ret_key, struct err *err)
{
	CLEANUP(public_key_freep) struct public_key *key = NULL;
	struct json_at at;
	struct key_text text;
	enum algorithm stated;

	TRY(json_object_in(keys, id, &at, err));
	/* As people name keys, and so that there is room for the member. */
	snprintf(at.path, sizeof(at.path), "keys.%.16s...",
	    err_quote_str(id).text);
	TRY(json_table_read(&at, &key_table, &text, err));
	TRY(decode_algorithm(&at, text.algorithm, &stated, err));
	if (public_key_from_pem(bytes_of_str(text.pem), &key, err) != 0)
		return json_blame(&at, "pem", err);
	TRY(check_id(keys, &at, id, key, err));
	if (public_key_algorithm(key) != stated)
		return json_refuse(&at, "alg", err, "the key is for %s",
		    algorithm_name(public_key_algorithm(key)));
	*ret_key = take_ptr(&key);
	return 0;
}

static int
decode_algorithm(const struct json_at *at, const char *name,
    enum algorithm *ret_algorithm, struct err *err)
{
	if (!algorithm_from_name(name, ret_algorithm)) {
		err_set(err, KEY_UNSUPPORTED, "unknown algorithm \"%s\"",
		    err_quote_str(name).text);
		return json_blame(at, "alg", err);
	}
	if (scheme_check_available(*ret_algorithm, err) != 0)
		return json_blame(at, "alg", err);
	return 0;
}

/* Is it the key's own id? */
static int
check_id(const struct json_at *keys, const struct json_at *at, const char *id,
    const struct public_key *key, struct err *err)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(public_key_id(key), hex);
	if (strcmp(hex, id) == 0)
		return 0;
	if (json_object_get(keys->value, hex) != NULL)
		return err_set_field(err, TRUST_KEY_TWICE, at->path,
		    "%s: the same key as keys.%.16s...", at->path, hex);
	return json_refuse(at, "pem", err,
	    "its SHA-256 is %.16s..., not the id", hex);
}

static int
read_roles(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	(void)member;
	return trust_decode_roles(root, ret_value, err);
}

/* A revoked key may be gone from the policy's keys already. */
static int
read_revoked_keys(const struct json_at *revoked,
    const struct json_member *member, void *ret_value, struct err *err)
{
	struct trust_policy *policy = ret_value;
	struct json_at keys;

	TRY(json_array_in(revoked, member->name, LIMIT_REVOCATIONS, &keys,
	    err));
	for (size_t i = 0; i < json_array_size(keys.value); i++) {
		struct digest id;
		const char *hex;
		size_t key;

		TRY(json_item_string(&keys, i, DIGEST_HEX_SIZE, &hex, err));
		if (!digest_from_hex(hex, &id))
			return json_refuse(revoked, member->name, err,
			    "item %zu is not a key id", i);
		key = trust_find_key(policy, &id);
		if (key < policy->key_count)
			policy->revoked_keys |= UINT64_C(1) << key;
		policy->revoked_key_ids[policy->revoked_key_id_count++] = id;
	}
	return trust_refuse_twice(&keys, err);
}

static int
read_revoked_manifests(const struct json_at *revoked,
    const struct json_member *member, void *ret_value, struct err *err)
{
	struct trust_policy *policy = ret_value;
	struct json_at manifests;

	TRY(json_array_in(revoked, member->name, LIMIT_REVOCATIONS, &manifests,
	    err));
	for (size_t i = 0; i < json_array_size(manifests.value); i++) {
		const char *text;

		TRY(json_item_string(&manifests, i, DIGEST_TEXT_SIZE, &text,
		    err));
		if (!digest_from_text(text, &policy->revoked_manifests[i]))
			return json_refuse(revoked, member->name, err,
			    "item %zu is not a digest", i);
		policy->revoked_manifest_count++;
	}
	return trust_refuse_twice(&manifests, err);
}

static int
read_floors(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct trust_policy *policy = ret_value;
	struct json_at floors;
	const char *location;
	json_t *ignored;

	TRY(trust_map_in(root, member->name, LIMIT_ROLLBACK_FLOORS, &floors,
	    err));
	json_object_foreach(floors.value, location, ignored)
	{
		struct trust_floor *floor =
		    &policy->floors[policy->floor_count];

		if (!trust_image_name_is_valid(location))
			return json_refuse(&floors,
			    err_quote_str(location).text, err,
			    "not a rollback location");
		floor->location = location;
		TRY(json_integer_in(&floors, location, 0, INT64_MAX,
		    &floor->index, err));
		policy->floor_count++;
	}
	return 0;
}
