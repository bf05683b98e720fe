#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "keys/trust_policy.h"

static int decode_role(const struct json_at *roles, const char *name,
    const struct trust_policy *policy, struct trust_role *role,
    struct err *err);
static int check_threshold(int64_t threshold, uint64_t keys, struct err *err);
static int decode_purpose(const struct json_at *at, struct trust_role *role,
    struct err *err);
static int decode_keys(const struct json_at *at,
    const struct trust_policy *policy, struct trust_role *role,
    struct err *err);
static int refuse_key_twice(const struct json_at *at, const char *hex,
    struct err *err);
static int decode_groups(const struct json_at *at,
    const struct trust_policy *policy, struct trust_role *role,
    struct err *err);
static int decode_group(const struct json_at *at, json_t *item,
    const struct trust_policy *policy, struct trust_role *role,
    struct err *err);
static int decode_demands(const struct json_at *roles,
    const struct trust_policy *policy, struct trust_role *role,
    struct err *err);
static int decode_demand(const struct json_at *at,
    const struct trust_policy *policy, const char *demanding,
    struct trust_demand *demand, struct err *err);
static int decode_patterns(const struct json_at *at, struct trust_role *role,
    struct err *err);

static const struct purpose {
	const char *name;
	const char *what;
	const char *payload_types[3]; /* NULL-terminated */
} purposes[] = {
    [TRUST_IMAGE] = {"image", "images",
	{DSSE_IMAGE_PAYLOAD_TYPE, DSSE_STATEMENT_PAYLOAD_TYPE}},
    [TRUST_BOOT_POLICY] = {"boot-policy", "boot policies",
	{DSSE_BOOT_POLICY_PAYLOAD_TYPE}},
    [TRUST_STORE_INDEX] = {"store-index", "store indexes",
	{DSSE_STORE_INDEX_PAYLOAD_TYPE}},
    [TRUST_POLICY] = {"trust", "trust policies", {DSSE_TRUST_PAYLOAD_TYPE}},
    [TRUST_PROVENANCE] = {"provenance", "provenance",
	{DSSE_STATEMENT_PAYLOAD_TYPE}},
};

const char *
trust_purpose_name(enum trust_purpose purpose)
{
	bug_unless((size_t)purpose < countof(purposes));
	return purposes[purpose].name;
}

bool
trust_purpose_from_name(const char *name, enum trust_purpose *ret_purpose)
{
	for (size_t i = 0; i < countof(purposes); i++) {
		if (strcmp(purposes[i].name, name) == 0) {
			*ret_purpose = (enum trust_purpose)i;
			return true;
		}
	}
	return false;
}

const char *
trust_purpose_what(enum trust_purpose purpose)
{
	bug_unless((size_t)purpose < countof(purposes));
	return purposes[purpose].what;
}

bool
trust_purpose_has_type(enum trust_purpose purpose, const char *payload_type)
{
	const char *const *type = purposes[purpose].payload_types;

	while (*type != NULL && strcmp(*type, payload_type) != 0)
		type++;
	return *type != NULL;
}

int
trust_decode_roles(const struct json_at *root, struct trust_policy *policy,
    struct err *err)
{
	struct json_at roles;
	const char *name;
	json_t *ignored;

	TRY(trust_map_in(root, "roles", LIMIT_TRUST_ROLES, &roles, err));
	if (json_object_size(roles.value) == 0)
		return json_refuse(root, "roles", err, "empty");
	TRY(trust_refuse_cycle(&roles, err));
	json_object_foreach(roles.value, name, ignored)
	{
		TRY(decode_role(&roles, name, policy,
		    &policy->roles[policy->role_count], err));
		policy->role_count++;
	}
	/* A demand names a role that may stand behind it. */
	for (size_t i = 0; i < policy->role_count; i++)
		TRY(decode_demands(&roles, policy, &policy->roles[i], err));
	return 0;
}

size_t
trust_demand_count(const struct trust_policy *policy, size_t role)
{
	bug_unless(role < policy->role_count);
	return policy->roles[role].demand_count;
}

const struct trust_demand *
trust_demand_at(const struct trust_policy *policy, size_t role, size_t index)
{
	bug_unless(index < trust_demand_count(policy, role));
	return &policy->roles[role].demands[index];
}

static int
decode_role(const struct json_at *roles, const char *name,
    const struct trust_policy *policy, struct trust_role *role, struct err *err)
{
	struct json_at at;
	int64_t threshold;

	if (!trust_role_name_is_valid(name))
		return json_refuse(roles, err_quote_str(name).text, err,
		    "not a role name: [a-z][a-z0-9-]*");
	role->name = name;
	TRY(json_object_in(roles, name, &at, err));
	TRY(decode_purpose(&at, role, err));
	TRY(decode_keys(&at, policy, role, err));
	TRY(json_integer_in(&at, "threshold", INT64_MIN, INT64_MAX, &threshold,
	    err));
	if (check_threshold(threshold, role->keys, err) != 0)
		return json_blame(&at, "threshold", err);
	role->threshold = (int)threshold;
	TRY(decode_groups(&at, policy, role, err));
	if (role->purpose != TRUST_IMAGE)
		return 0;
	TRY(decode_patterns(&at, role, err));
	TRY(json_bool_in(&at, "debug", &role->is_debug, err));
	return 0;
}

static int
check_threshold(int64_t threshold, uint64_t keys, struct err *err)
{
	int count = __builtin_popcountll(keys);

	if (threshold < 1 || threshold > count)
		return err_set(err, TRUST_THRESHOLD_BAD,
		    "%lld is outside 1 to %d", (long long)threshold, count);
	return 0;
}

/* What it signs, and so which members it has. */
static int
decode_purpose(const struct json_at *at, struct trust_role *role,
    struct err *err)
{
	static const char *const of_image[] = {"signs", "threshold", "keys",
	    "groups", "images", "debug", "provenance", NULL};
	static const char *const of_other[] = {"signs", "threshold", "keys",
	    "groups", NULL};
	const char *signs = "image";

	if (json_object_get(at->value, "signs") != NULL)
		TRY(json_string_in(at, "signs", LIMIT_NAME_BYTES, &signs, err));
	if (!trust_purpose_from_name(signs, &role->purpose))
		return json_refuse(at, "signs", err,
		    "\"%s\" is not image, boot-policy, store-index, trust or "
		    "provenance",
		    err_quote_str(signs).text);
	if (role->purpose != TRUST_IMAGE &&
	    json_object_get(at->value, "provenance") != NULL) {
		err_set(err, TRUST_ROLE_REFERENCE_BAD,
		    "a role that signs %s demands none",
		    trust_purpose_what(role->purpose));
		return json_blame(at, "provenance", err);
	}
	return json_known(at,
	    role->purpose == TRUST_IMAGE ? of_image : of_other, err);
}

static int
decode_keys(const struct json_at *at, const struct trust_policy *policy,
    struct trust_role *role, struct err *err)
{
	struct json_at keys;

	TRY(json_array_in(at, "keys", LIMIT_TRUST_KEYS, &keys, err));
	for (size_t i = 0; i < json_array_size(keys.value); i++) {
		struct digest id;
		const char *hex;
		size_t key;

		TRY(json_item_string(&keys, i, DIGEST_HEX_SIZE, &hex, err));
		if (!digest_from_hex(hex, &id))
			return json_refuse(at, "keys", err,
			    "item %zu is not a key id", i);
		key = trust_find_key(policy, &id);
		if (key == policy->key_count)
			return json_refuse(at, "keys", err,
			    "%.16s... is not in the policy's keys", hex);
		if ((role->keys >> key & 1) != 0)
			return refuse_key_twice(at, hex, err);
		role->keys |= UINT64_C(1) << key;
	}
	return 0;
}

static int
refuse_key_twice(const struct json_at *at, const char *hex, struct err *err)
{
	err_set(err, TRUST_KEY_TWICE, "%.16s... stands there twice", hex);
	return json_blame(at, "keys", err);
}

/* "One classical key and one of ML-DSA": [["classical",1],["ml-dsa",1]]. */
static int
decode_groups(const struct json_at *at, const struct trust_policy *policy,
    struct trust_role *role, struct err *err)
{
	struct json_at groups;

	if (json_object_get(at->value, "groups") == NULL)
		return 0;
	TRY(json_array_in(at, "groups", ALGORITHM_FAMILIES, &groups, err));
	for (size_t i = 0; i < json_array_size(groups.value); i++)
		TRY(decode_group(at, json_array_get(groups.value, i), policy,
		    role, err));
	return 0;
}

static int
decode_group(const struct json_at *at, json_t *item,
    const struct trust_policy *policy, struct trust_role *role, struct err *err)
{
	const char *name = json_string_value(json_array_get(item, 0));
	json_t *count = json_array_get(item, 1);
	enum algorithm_family family;

	if (json_array_size(item) != 2 || name == NULL ||
	    !json_is_integer(count) ||
	    !algorithm_family_from_name(name, &family))
		return json_refuse(at, "groups", err,
		    "not [\"classical\" or \"ml-dsa\", number]");
	if (check_threshold(json_integer_value(count),
		role->keys & policy->family_keys[family], err) != 0) {
		err_prefix(err, "%s", name);
		return json_blame(at, "groups", err);
	}
	if (role->of_family[family] != 0)
		return json_refuse(at, "groups", err, "%s stands there twice",
		    name);
	role->of_family[family] = (int)json_integer_value(count);
	return 0;
}

static int
decode_demands(const struct json_at *roles, const struct trust_policy *policy,
    struct trust_role *role, struct err *err)
{
	struct json_at at, demands, item;

	TRY(json_object_in(roles, role->name, &at, err));
	if (json_object_get(at.value, "provenance") == NULL)
		return 0;
	TRY(json_array_in(&at, "provenance", LIMIT_TRUST_DEMANDS, &demands,
	    err));
	if (json_array_size(demands.value) == 0)
		return json_refuse(&at, "provenance", err, "empty");
	for (size_t i = 0; i < json_array_size(demands.value); i++) {
		TRY(json_item_object(&demands, i, &item, err));
		TRY(decode_demand(&item, policy, role->name,
		    &role->demands[role->demand_count], err));
		role->demand_count++;
	}
	return 0;
}

static int
decode_demand(const struct json_at *at, const struct trust_policy *policy,
    const char *demanding, struct trust_demand *demand, struct err *err)
{
	static const char *const known[] = {"predicate_type", "builder_id",
	    "role", NULL};
	const char *signs = "nothing: there is no such role";
	const char *name;
	size_t role = 0;

	TRY(json_known(at, known, err));
	TRY(json_string_in(at, "predicate_type", LIMIT_TYPE_URI_BYTES,
	    &demand->predicate_type, err));
	if (json_has(at, "builder_id"))
		TRY(json_string_in(at, "builder_id", LIMIT_TYPE_URI_BYTES,
		    &demand->builder_id, err));
	else
		TRY(json_null_in(at, "builder_id", err));
	TRY(json_string_in(at, "role", LIMIT_NAME_BYTES, &name, err));
	while (role < policy->role_count &&
	       strcmp(policy->roles[role].name, name) != 0)
		role++;
	if (role < policy->role_count)
		signs = trust_purpose_what(policy->roles[role].purpose);
	if (role == policy->role_count ||
	    policy->roles[role].purpose != TRUST_PROVENANCE) {
		err_set(err, TRUST_ROLE_REFERENCE_BAD,
		    "%s -> %s, which signs %s", demanding,
		    err_quote_str(name).text, signs);
		return json_blame(at, "role", err);
	}
	demand->role = role;
	return 0;
}

static int
decode_patterns(const struct json_at *at, struct trust_role *role,
    struct err *err)
{
	struct json_at images;

	TRY(json_array_in(at, "images", LIMIT_ROLE_PATTERNS, &images, err));
	if (json_array_size(images.value) == 0)
		return json_refuse(at, "images", err, "empty");
	for (size_t i = 0; i < json_array_size(images.value); i++) {
		const char *pattern;

		TRY(json_item_string(&images, i, LIMIT_NAME_BYTES + 1, &pattern,
		    err));
		if (!trust_pattern_is_valid(pattern))
			return json_refuse(at, "images", err,
			    "\"%s\" is no name, nor a beginning and '*'",
			    err_quote_str(pattern).text);
		role->patterns[role->pattern_count++] = pattern;
	}
	return trust_refuse_twice(&images, err);
}
