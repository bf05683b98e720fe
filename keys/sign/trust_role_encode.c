#include "keys/sign/trust_role_encode.h"

#include "base/digest.h"
#include "base/json.h"
#include "base/scope.h"

static json_t *encode_members(const struct trust_role_draft *role);
static int put_groups(json_t *object, const struct trust_role_draft *role);
static int put_demands(json_t *object, const struct trust_role_draft *role);
static json_t *key_array(const struct digest *ids, size_t count);

json_t *
trust_role_encode(const struct trust_role_draft *role)
{
	CLEANUP(json_freep) json_t *object = encode_members(role);

	if (object == NULL || put_groups(object, role) != 0 ||
	    put_demands(object, role) != 0)
		return NULL;
	return take_ptr(&object);
}

json_t *
trust_role_encode_given(const struct trust_role_draft *role)
{
	json_t *object = trust_role_encode(role);

	if (role->threshold == 0)
		json_object_del(object, "threshold");
	if (role->key_count == 0)
		json_object_del(object, "keys");
	if (role->pattern_count == 0)
		json_object_del(object, "images");
	if (!role->is_debug)
		json_object_del(object, "debug");
	return object;
}

static json_t *
encode_members(const struct trust_role_draft *role)
{
	json_t *keys = key_array(role->key_ids, role->key_count);

	if (role->purpose != TRUST_IMAGE)
		return json_pack("{s:s, s:I, s:o}", "signs",
		    trust_purpose_name(role->purpose), "threshold",
		    (json_int_t)role->threshold, "keys", keys);
	return json_pack("{s:I, s:o, s:o, s:b}", "threshold",
	    (json_int_t)role->threshold, "keys", keys, "images",
	    trust_string_array(role->patterns, role->pattern_count), "debug",
	    (int)role->is_debug);
}

/* Without any, without the member. */
static int
put_groups(json_t *object, const struct trust_role_draft *role)
{
	CLEANUP(json_freep) json_t *groups = json_array();

	for (size_t i = 0; i < ALGORITHM_FAMILIES; i++) {
		const char *name =
		    algorithm_family_name((enum algorithm_family)i);

		if (role->of_family[i] != 0 &&
		    json_array_append_new(groups,
			json_pack("[s, I]", name,
			    (json_int_t)role->of_family[i])) != 0)
			return -1;
	}
	return json_array_size(groups) == 0
	           ? 0
	           : json_object_set(object, "groups", groups);
}

static int
put_demands(json_t *object, const struct trust_role_draft *role)
{
	CLEANUP(json_freep) json_t *demands = json_array();

	for (size_t i = 0; i < role->demand_count; i++) {
		const struct trust_demand_draft *demand = &role->demands[i];

		if (json_array_append_new(demands,
			json_pack("{s:s, s:s, s:s?}", "role", demand->role,
			    "predicate_type", demand->predicate_type,
			    "builder_id", demand->builder_id)) != 0)
			return -1;
	}
	return role->demand_count == 0
	           ? 0
	           : json_object_set(object, "provenance", demands);
}

static json_t *
key_array(const struct digest *ids, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		char hex[DIGEST_HEX_SIZE];

		digest_hex(&ids[i], hex);
		if (json_array_append_new(array, json_string(hex)) != 0)
			json_freep(&array);
	}
	return array;
}

json_t *
trust_string_array(const char *const *strings, size_t count)
{
	json_t *array = json_array();

	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(array, json_string(strings[i])) != 0)
			json_freep(&array);
	}
	return array;
}
