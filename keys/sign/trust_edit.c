#include "keys/sign/trust_edit.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/json.h"
#include "base/scope.h"
#include "base/utc.h"
#include "keys/trust_policy.h"
#include "keys/sign/trust_role_encode.h"

struct trust_edit {
	json_t *document;
};

static json_t *place(const struct trust_edit *edit, const char *object,
    const char *member);
static int find_role(const struct trust_edit *edit, const char *name,
    json_t **ret_role, struct err *err);
static int put_role(struct trust_edit *edit, const char *name, json_t *role,
    struct err *err);
static int check_role(const struct trust_edit *edit,
    const struct trust_role_draft *role, struct err *err);
static int check_demand(const struct trust_demand_draft *demand,
    struct err *err);
static size_t index_in(const json_t *array, const char *string);
static int append(json_t *array, const char *string, const char *what,
    struct err *err);
static int sort_arrays(json_t *document, struct err *err);
static int sort_array(json_t *object, const char *member, struct err *err);
static int compare_strings(const void *a, const void *b);
static int write_text(const json_t *document, char **ret_text, struct err *err);

int
trust_edit_new(struct trust_edit **ret_edit, struct err *err)
{
	CLEANUP(trust_edit_freep)
	struct trust_edit *edit = calloc(1, sizeof(*edit));

	if (edit == NULL)
		return err_set(err, NO_MEMORY, "trust policy");
	edit->document = json_pack("{s:s, s:i, s:n, s:{}, s:{},"
				   " s:{s:[], s:[]}, s:{}}",
	    "schema", TRUST_SCHEMA, "version", 0, "previous", "keys", "roles",
	    "revoked", "keys", "manifests", "min_rollback");
	if (edit->document == NULL)
		return err_set(err, NO_MEMORY, "trust policy");
	*ret_edit = take_ptr(&edit);
	return 0;
}

int
trust_edit_open(struct bytes text, struct trust_edit **ret_edit,
    struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(trust_edit_freep)
	struct trust_edit *edit = calloc(1, sizeof(*edit));

	if (edit == NULL)
		return err_set(err, NO_MEMORY, "trust policy");
	TRY(trust_decode(text, &policy, err));
	edit->document = json_incref(policy->document);
	*ret_edit = take_ptr(&edit);
	return 0;
}

void
trust_edit_freep(struct trust_edit **edit)
{
	if (*edit == NULL)
		return;
	json_freep(&(*edit)->document);
	freep(edit);
}

int
trust_edit_add_key(struct trust_edit *edit, const struct public_key *key,
    struct err *err)
{
	json_t *keys = json_object_get(edit->document, "keys");
	CLEANUP(freep) char *pem = NULL;
	char id[DIGEST_HEX_SIZE];
	json_t *entry;

	digest_hex(public_key_id(key), id);
	if (json_object_get(keys, id) != NULL)
		return err_set_field(err, TRUST_EDIT_REFUSED, "keys",
		    "keys: %.16s... is there already", id);
	TRY(public_key_to_pem(key, &pem, err));
	entry = json_pack("{s:s, s:s}", "alg",
	    algorithm_name(public_key_algorithm(key)), "pem", pem);
	if (json_object_set_new(keys, id, entry) != 0)
		return err_set(err, NO_MEMORY, "keys");
	return 0;
}

int
trust_edit_remove_key(struct trust_edit *edit, const struct digest *id,
    struct err *err)
{
	char hex[DIGEST_HEX_SIZE];
	const char *name;
	json_t *role;

	digest_hex(id, hex);
	if (json_object_del(json_object_get(edit->document, "keys"), hex) != 0)
		return err_set_field(err, TRUST_EDIT_REFUSED, "keys",
		    "keys: there is no %.16s...", hex);
	json_object_foreach(json_object_get(edit->document, "roles"), name,
	    role)
	{
		json_t *keys = json_object_get(role, "keys");

		json_array_remove(keys, index_in(keys, hex));
	}
	return 0;
}

int
trust_edit_set_role(struct trust_edit *edit,
    const struct trust_role_draft *role, struct err *err)
{
	TRY(check_role(edit, role, err));
	return put_role(edit, role->name, trust_role_encode(role), err);
}

int
trust_edit_change_role(struct trust_edit *edit,
    const struct trust_role_draft *changes, struct err *err)
{
	CLEANUP(json_freep) json_t *given = NULL;
	json_t *old = NULL;
	json_t *role;

	TRY(find_role(edit, changes->name, &old, err));
	TRY(check_role(edit, changes, err));
	given = trust_role_encode_given(changes);
	role = json_copy(old);
	if (json_object_update(role, given) != 0)
		json_freep(&role);
	return put_role(edit, changes->name, role, err);
}

bool
trust_edit_has_role(const struct trust_edit *edit, const char *name,
    enum trust_purpose *ret_purpose)
{
	const json_t *role = place(edit, "roles", name);
	const char *signs = json_string_value(json_object_get(role, "signs"));

	if (role == NULL)
		return false;
	if (signs == NULL || !trust_purpose_from_name(signs, ret_purpose))
		*ret_purpose = TRUST_IMAGE;
	return true;
}

int
trust_edit_add_to_role(struct trust_edit *edit, const char *role,
    const struct digest *id, struct err *err)
{
	char hex[DIGEST_HEX_SIZE];
	json_t *found = NULL;

	TRY(find_role(edit, role, &found, err));
	digest_hex(id, hex);
	return append(json_object_get(found, "keys"), hex, role, err);
}

int
trust_edit_remove_role(struct trust_edit *edit, const char *role,
    struct err *err)
{
	json_t *found;

	TRY(find_role(edit, role, &found, err));
	json_object_del(json_object_get(edit->document, "roles"), role);
	return 0;
}

int
trust_edit_revoke_key(struct trust_edit *edit, const struct digest *id,
    struct err *err)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(id, hex);
	return append(place(edit, "revoked", "keys"), hex, "revoked.keys", err);
}

int
trust_edit_revoke_manifest(struct trust_edit *edit, const struct digest *digest,
    struct err *err)
{
	char text[DIGEST_TEXT_SIZE];

	digest_text(digest, text);
	return append(place(edit, "revoked", "manifests"), text,
	    "revoked.manifests", err);
}

int
trust_edit_raise_floor(struct trust_edit *edit, const char *location,
    int64_t index, struct err *err)
{
	json_t *floors = json_object_get(edit->document, "min_rollback");
	const json_t *old;

	if (!trust_image_name_is_valid(location))
		return err_set_field(err, TRUST_MALFORMED, "min_rollback",
		    "\"%s\" is not a rollback location",
		    err_quote_str(location).text);
	old = json_object_get(floors, location);
	if (old != NULL && json_integer_value(old) >= index)
		return err_set_field(err, TRUST_EDIT_REFUSED, "min_rollback",
		    "min_rollback.%s: %lld already", location,
		    (long long)json_integer_value(old));
	if (json_object_set_new(floors, location, json_integer(index)) != 0)
		return err_set(err, NO_MEMORY, "floor");
	return 0;
}

int
trust_edit_set_clock(struct trust_edit *edit, int64_t not_before,
    struct err *err)
{
	const char *old = json_string_value(place(edit, "clock", "not_before"));
	int64_t floor = UTC_NONE;
	char text[UTC_TEXT_SIZE];

	if (old != NULL && utc_from_text(old, &floor) && not_before <= floor)
		return err_set_field(err, TRUST_EDIT_REFUSED,
		    "clock.not_before", "clock.not_before: %s already", old);
	utc_text(not_before, text);
	if (json_object_set_new(edit->document, "clock",
		json_pack("{s:s, s:s}", "source", "system", "not_before",
		    text)) != 0)
		return err_set(err, NO_MEMORY, "clock");
	return 0;
}

int
trust_edit_remove_clock(struct trust_edit *edit, struct err *err)
{
	if (json_object_del(edit->document, "clock") != 0)
		return err_set_field(err, TRUST_EDIT_REFUSED, "clock",
		    "clock: there is none");
	return 0;
}

bool
trust_edit_has_key(const struct trust_edit *edit, const struct digest *id)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(id, hex);
	return place(edit, "keys", hex) != NULL;
}

int
trust_edit_finish(struct trust_edit *edit, int64_t version,
    const struct digest *previous, char **ret_text, struct err *err)
{
	char named[DIGEST_TEXT_SIZE];
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(freep) char *text = NULL;
	json_t *old = json_object_get(edit->document, "version");

	if (version == 0 && json_integer_value(old) == INT64_MAX)
		return err_set_field(err, TRUST_EDIT_REFUSED, "version",
		    "version: there is none after %lld", (long long)INT64_MAX);
	if (version == 0)
		version = json_integer_value(old) + 1;
	json_integer_set(old, version);
	if (previous != NULL)
		digest_text(previous, named);
	if (json_object_set_new(edit->document, "previous",
		previous != NULL ? json_string(named) : json_null()) != 0)
		return err_set(err, NO_MEMORY, "trust policy");
	TRY(sort_arrays(edit->document, err));
	TRY(write_text(edit->document, &text, err));
	TRY(trust_decode(bytes_of_str(text), &policy, err));
	*ret_text = take_ptr(&text);
	return 0;
}

static json_t *
place(const struct trust_edit *edit, const char *object, const char *member)
{
	return json_object_get(json_object_get(edit->document, object), member);
}

static int
find_role(const struct trust_edit *edit, const char *name, json_t **ret_role,
    struct err *err)
{
	json_t *role = place(edit, "roles", name);

	if (role == NULL)
		return err_set_field(err, TRUST_EDIT_REFUSED, "roles",
		    "roles: there is no \"%s\"", err_quote_str(name).text);
	*ret_role = role;
	return 0;
}

/* Takes `role`, which is NULL if memory was short. */
static int
put_role(struct trust_edit *edit, const char *name, json_t *role,
    struct err *err)
{
	CLEANUP(json_freep) json_t *owned = role;
	json_t *roles = json_object_get(edit->document, "roles");

	TRY(sort_array(role, "keys", err));
	TRY(sort_array(role, "images", err));
	if (role != NULL && json_equal(json_object_get(roles, name), role))
		return err_set_field(err, TRUST_EDIT_REFUSED, "roles",
		    "roles.%s: it is so already", name);
	if (json_object_set(roles, name, role) != 0)
		return err_set(err, NO_MEMORY, "role");
	return 0;
}

/* What is not even UTF-8 would make jansson fail without a reason. */
static int
check_role(const struct trust_edit *edit, const struct trust_role_draft *role,
    struct err *err)
{
	if (!trust_role_name_is_valid(role->name))
		return err_set_field(err, TRUST_MALFORMED, "role",
		    "\"%s\" is not a role name: [a-z][a-z0-9-]*",
		    err_quote_str(role->name).text);
	for (size_t i = 0; i < role->key_count; i++) {
		if (!trust_edit_has_key(edit, &role->key_ids[i]))
			return err_set_field(err, TRUST_EDIT_REFUSED, "keys",
			    "keys: there is no key %zu of the role", i + 1);
	}
	for (size_t i = 0; i < role->pattern_count; i++) {
		if (!trust_pattern_is_valid(role->patterns[i]))
			return err_set_field(err, TRUST_MALFORMED, "images",
			    "\"%s\" is no name, nor a beginning and '*'",
			    err_quote_str(role->patterns[i]).text);
	}
	for (size_t i = 0; i < role->demand_count; i++)
		TRY(check_demand(&role->demands[i], err));
	return 0;
}

static int
check_demand(const struct trust_demand_draft *demand, struct err *err)
{
	const char *strings[] = {demand->role, demand->predicate_type,
	    demand->builder_id};

	for (size_t i = 0; i < countof(strings); i++) {
		json_t *string;

		if (strings[i] == NULL)
			continue;
		string = json_string(strings[i]);
		if (string == NULL)
			return err_set_field(err, TRUST_MALFORMED, "provenance",
			    "\"%s\" is not UTF-8",
			    err_quote_str(strings[i]).text);
		json_decref(string);
	}
	return 0;
}

/* The size of the array if it is not in it. */
static size_t
index_in(const json_t *array, const char *string)
{
	size_t i = 0;

	while (i < json_array_size(array) &&
	       strcmp(json_string_value(json_array_get(array, i)), string) != 0)
		i++;
	return i;
}

static int
append(json_t *array, const char *string, const char *what, struct err *err)
{
	if (index_in(array, string) < json_array_size(array))
		return err_set_field(err, TRUST_EDIT_REFUSED, what,
		    "%s: %.23s... is there already", what, string);
	if (json_array_append_new(array, json_string(string)) != 0)
		return err_set(err, NO_MEMORY, "%s", what);
	return 0;
}

static int
sort_arrays(json_t *document, struct err *err)
{
	json_t *revoked = json_object_get(document, "revoked");
	const char *name;
	json_t *role;

	json_object_foreach(json_object_get(document, "roles"), name, role)
	{
		TRY(sort_array(role, "keys", err));
		TRY(sort_array(role, "images", err));
	}
	TRY(sort_array(revoked, "keys", err));
	TRY(sort_array(revoked, "manifests", err));
	return 0;
}

/* Of strings; one that is not there is in order. */
static int
sort_array(json_t *object, const char *member, struct err *err)
{
	json_t *array = json_object_get(object, member);
	size_t count = json_array_size(array);
	CLEANUP(freep) const char **strings = NULL;
	json_t *sorted;

	if (count == 0)
		return 0;
	strings = calloc(count, sizeof(*strings));
	if (strings == NULL)
		return err_set(err, NO_MEMORY, "%s", member);
	for (size_t i = 0; i < count; i++)
		strings[i] = json_string_value(json_array_get(array, i));
	qsort(strings, count, sizeof(*strings), compare_strings);
	sorted = trust_string_array(strings, count);
	if (json_object_set_new(object, member, sorted) != 0)
		return err_set(err, NO_MEMORY, "%s", member);
	return 0;
}

static int
compare_strings(const void *a, const void *b)
{
	const char *const *left = a;
	const char *const *right = b;

	return strcmp(*left, *right);
}

static int
write_text(const json_t *document, char **ret_text, struct err *err)
{
	CLEANUP(freep)
	char *text = json_dumps(document, JSON_INDENT(2) | JSON_SORT_KEYS);
	char *line;

	if (text == NULL || asprintf(&line, "%s\n", text) < 0)
		return err_set(err, NO_MEMORY, "trust policy");
	*ret_text = line;
	return 0;
}
