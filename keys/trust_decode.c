#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "base/utc.h"
#include "keys/scheme.h"
#include "keys/trust_policy.h"

enum { max_depth = 8 };

static int decode_previous(const struct json_at *root,
    struct trust_policy *policy, struct err *err);
static int decode_keys(const struct json_at *root, struct trust_policy *policy,
    struct err *err);
static int decode_key(const struct json_at *keys, const char *id,
    struct public_key **ret_key, struct err *err);
static int decode_algorithm(const struct json_at *at, const char *name,
    enum algorithm *ret_algorithm, struct err *err);
static int check_id(const struct json_at *keys, const struct json_at *at,
    const char *id, const struct public_key *key, struct err *err);
static int decode_revoked(const struct json_at *root,
    struct trust_policy *policy, struct err *err);
static int decode_revoked_keys(const struct json_at *revoked,
    struct trust_policy *policy, struct err *err);
static int decode_revoked_manifests(const struct json_at *revoked,
    struct trust_policy *policy, struct err *err);
static int decode_floors(const struct json_at *root,
    struct trust_policy *policy, struct err *err);
static int decode_clock(const struct json_at *root, struct trust_policy *policy,
    struct err *err);

int
trust_decode(struct bytes text, struct trust_policy **ret_policy,
    struct err *err)
{
	static const char *const members[] = {"schema", "version", "previous",
	    "keys", "roles", "revoked", "min_rollback", "clock", NULL};
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
	TRY(json_known(&root, members, err));
	TRY(json_literal_in(&root, "schema", TRUST_SCHEMA, err));
	TRY(json_integer_in(&root, "version", 1, INT64_MAX, &policy->version,
	    err));
	TRY(decode_previous(&root, policy, err));
	TRY(decode_keys(&root, policy, err));
	TRY(trust_decode_roles(&root, policy, err));
	TRY(decode_revoked(&root, policy, err));
	TRY(decode_floors(&root, policy, err));
	TRY(decode_clock(&root, policy, err));
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

/* Null: it follows nothing, as the root of a chain does. */
static int
decode_previous(const struct json_at *root, struct trust_policy *policy,
    struct err *err)
{
	policy->is_bound = json_object_get(root->value, "previous") != NULL;
	policy->has_previous = json_has(root, "previous");
	if (policy->has_previous)
		TRY(json_digest_in(root, "previous", &policy->previous, err));
	return 0;
}

static int
decode_keys(const struct json_at *root, struct trust_policy *policy,
    struct err *err)
{
	struct json_at keys;
	const char *id;
	json_t *ignored;

	TRY(trust_map_in(root, "keys", LIMIT_TRUST_KEYS, &keys, err));
	if (json_object_size(keys.value) == 0)
		return json_refuse(root, "keys", err, "empty");
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
	static const char *const members[] = {"alg", "pem", NULL};
	CLEANUP(public_key_freep) struct public_key *key = NULL;
	struct json_at at;
	const char *name;
	const char *pem;
	enum algorithm stated;

	TRY(json_object_in(keys, id, &at, err));
	/* As people name keys, and so that there is room for the member. */
	snprintf(at.path, sizeof(at.path), "keys.%.16s...",
	    err_quote_str(id).text);
	TRY(json_known(&at, members, err));
	TRY(json_string_in(&at, "alg", LIMIT_NAME_BYTES, &name, err));
	TRY(json_string_in(&at, "pem", LIMIT_PEM_BYTES, &pem, err));
	TRY(decode_algorithm(&at, name, &stated, err));
	if (public_key_from_pem(bytes_of_str(pem), &key, err) != 0)
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
decode_revoked(const struct json_at *root, struct trust_policy *policy,
    struct err *err)
{
	static const char *const members[] = {"keys", "manifests", NULL};
	struct json_at revoked;

	TRY(json_object_in(root, "revoked", &revoked, err));
	TRY(json_known(&revoked, members, err));
	TRY(decode_revoked_keys(&revoked, policy, err));
	TRY(decode_revoked_manifests(&revoked, policy, err));
	return 0;
}

/* A revoked key may be gone from the policy's keys already. */
static int
decode_revoked_keys(const struct json_at *revoked, struct trust_policy *policy,
    struct err *err)
{
	struct json_at keys;

	TRY(json_array_in(revoked, "keys", LIMIT_REVOCATIONS, &keys, err));
	for (size_t i = 0; i < json_array_size(keys.value); i++) {
		struct digest id;
		const char *hex;
		size_t key;

		TRY(json_item_string(&keys, i, DIGEST_HEX_SIZE, &hex, err));
		if (!digest_from_hex(hex, &id))
			return json_refuse(revoked, "keys", err,
			    "item %zu is not a key id", i);
		key = trust_find_key(policy, &id);
		if (key < policy->key_count)
			policy->revoked_keys |= UINT64_C(1) << key;
		policy->revoked_key_ids[policy->revoked_key_id_count++] = id;
	}
	return trust_refuse_twice(&keys, err);
}

static int
decode_revoked_manifests(const struct json_at *revoked,
    struct trust_policy *policy, struct err *err)
{
	struct json_at manifests;

	TRY(json_array_in(revoked, "manifests", LIMIT_REVOCATIONS, &manifests,
	    err));
	for (size_t i = 0; i < json_array_size(manifests.value); i++) {
		const char *text;

		TRY(json_item_string(&manifests, i, DIGEST_TEXT_SIZE, &text,
		    err));
		if (!digest_from_text(text, &policy->revoked_manifests[i]))
			return json_refuse(revoked, "manifests", err,
			    "item %zu is not a digest", i);
		policy->revoked_manifest_count++;
	}
	return trust_refuse_twice(&manifests, err);
}

static int
decode_floors(const struct json_at *root, struct trust_policy *policy,
    struct err *err)
{
	struct json_at floors;
	const char *location;
	json_t *ignored;

	TRY(trust_map_in(root, "min_rollback", LIMIT_ROLLBACK_FLOORS, &floors,
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

static int
decode_clock(const struct json_at *root, struct trust_policy *policy,
    struct err *err)
{
	static const char *const members[] = {"source", "not_before", NULL};
	struct json_at clock;
	const char *text;

	if (json_object_get(root->value, "clock") == NULL)
		return 0;
	TRY(json_object_in(root, "clock", &clock, err));
	TRY(json_known(&clock, members, err));
	TRY(json_literal_in(&clock, "source", "system", err));
	TRY(json_string_in(&clock, "not_before", UTC_TEXT_SIZE, &text, err));
	if (!utc_from_text(text, &policy->clock_not_before))
		return json_refuse(&clock, "not_before", err,
		    "not a time like 2026-11-23T16:00:00Z");
	policy->trusts_clock = true;
	return 0;
}
