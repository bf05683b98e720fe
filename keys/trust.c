#include "keys/trust.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/scope.h"
#include "keys/trust_policy.h"

static bool has_pattern_for(const struct trust_role *role, const char *name);
static bool is_all_of(const char *str, size_t len, const char *set);

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyz"

void
trust_freep(struct trust_policy **policy)
{
	if (*policy == NULL)
		return;
	for (size_t i = 0; i < (*policy)->key_count; i++)
		public_key_freep(&(*policy)->keys[i]);
	json_freep(&(*policy)->document);
	freep(policy);
}

int64_t
trust_version(const struct trust_policy *policy)
{
	return policy->version;
}

const struct digest *
trust_digest(const struct trust_policy *policy)
{
	return &policy->digest;
}

size_t
trust_role_count(const struct trust_policy *policy)
{
	return policy->role_count;
}

const char *
trust_role_name(const struct trust_policy *policy, size_t role)
{
	bug_unless(role < policy->role_count);
	return policy->roles[role].name;
}

struct trust_role_summary
trust_role_summary(const struct trust_policy *policy, size_t index)
{
	const struct trust_role *role = &policy->roles[index];

	bug_unless(index < policy->role_count);
	return (struct trust_role_summary){
	    .purpose = role->purpose,
	    .threshold = role->threshold,
	    .key_count = __builtin_popcountll(role->keys),
	    .is_debug = role->is_debug,
	};
}

const char *const *
trust_role_patterns(const struct trust_policy *policy, size_t index,
    size_t *ret_count)
{
	const struct trust_role *role = &policy->roles[index];

	bug_unless(index < policy->role_count);
	*ret_count = role->pattern_count;
	return role->patterns;
}

bool
trust_pattern_matches(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (pattern[len - 1] == '*')
		return strncmp(pattern, name, len - 1) == 0;
	return strcmp(pattern, name) == 0;
}

int
trust_allows_image(const struct trust_policy *policy,
    const struct trust_verdict *verdict, const char *name, bool is_debug,
    size_t *ret_role, struct err *err)
{
	for (size_t i = 0; i < policy->role_count; i++) {
		const struct trust_role *role = &policy->roles[i];

		if ((verdict->roles >> i & 1) == 0)
			continue;
		if (role->is_debug == is_debug && has_pattern_for(role, name)) {
			*ret_role = i;
			return 0;
		}
	}
	return err_set(err, ROLE_NOT_ALLOWED,
	    "no role that signed may sign the %s image \"%s\"",
	    is_debug ? "debug" : "prod", err_quote_str(name).text);
}

int
trust_check_rollback(const struct trust_policy *policy, const char *location,
    int64_t index, struct err *err)
{
	for (size_t i = 0; i < policy->floor_count; i++) {
		const struct trust_floor *floor = &policy->floors[i];

		if (strcmp(floor->location, location) == 0 &&
		    index < floor->index)
			return err_set(err, IMAGE_ROLLBACK,
			    "%s: index %lld is below the floor %lld",
			    err_quote_str(location).text, (long long)index,
			    (long long)floor->index);
	}
	return 0;
}

bool
trust_is_bound(const struct trust_policy *policy)
{
	return policy->is_bound;
}

bool
trust_has_purpose(const struct trust_policy *policy, enum trust_purpose purpose)
{
	for (size_t i = 0; i < policy->role_count; i++) {
		if (policy->roles[i].purpose == purpose)
			return true;
	}
	return false;
}

bool
trust_revokes_key(const struct trust_policy *policy, const struct digest *id)
{
	for (size_t i = 0; i < policy->revoked_key_id_count; i++) {
		if (digest_equal(&policy->revoked_key_ids[i], id))
			return true;
	}
	return false;
}

const struct digest *
trust_key_id(const struct trust_policy *policy, size_t key)
{
	bug_unless(key < policy->key_count);
	return public_key_id(policy->keys[key]);
}

size_t
trust_find_key(const struct trust_policy *policy, const struct digest *id)
{
	size_t i = 0;

	while (i < policy->key_count &&
	       !digest_equal(public_key_id(policy->keys[i]), id))
		i++;
	return i;
}

bool
trust_role_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= LIMIT_NAME_BYTES &&
	       is_all_of(name, 1, LETTERS) &&
	       is_all_of(name, len, LETTERS DIGITS "-");
}

bool
trust_image_name_is_valid(const char *name)
{
	size_t len = strlen(name);

	return len > 0 && len <= LIMIT_NAME_BYTES &&
	       is_all_of(name, 1, LETTERS DIGITS) &&
	       is_all_of(name, len, LETTERS DIGITS "._-");
}

bool
trust_pattern_is_valid(const char *pattern)
{
	char beginning[LIMIT_NAME_BYTES + 1] = "";
	size_t len = strlen(pattern);

	if (strcmp(pattern, "*") == 0)
		return true;
	if (len == 0 || pattern[len - 1] != '*')
		return trust_image_name_is_valid(pattern);
	if (len > sizeof(beginning))
		return false;
	memcpy(beginning, pattern, len - 1);
	return trust_image_name_is_valid(beginning);
}

static bool
has_pattern_for(const struct trust_role *role, const char *name)
{
	for (size_t i = 0; i < role->pattern_count; i++) {
		if (trust_pattern_matches(role->patterns[i], name))
			return true;
	}
	return false;
}

static bool
is_all_of(const char *str, size_t len, const char *set)
{
	return strspn(str, set) >= len;
}
