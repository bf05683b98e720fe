#include "builder/setup/caller_rule_read.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "builder/daemon_config.h"

enum { MAX_DOMAINS = LIMIT_DOMAINS, MAX_PER_HOUR = 100000 };

/* A rule as it is read: of uid, gid and image one is there. */
struct read {
	struct caller_rule rule;
	bool has_uid;
	bool has_gid;
	uint32_t gid;
	bool has_image;
	bool has_role;
};

static int read_rules(const struct json_at *root,
    const struct json_member *member, void *ret_value, struct err *err);
static int read_rule(const struct json_at *array, size_t index,
    struct caller_rule *ret_rule, struct err *err);
static int read_patterns(const struct json_at *object,
    const struct json_member *member, void *ret_value, struct err *err);
static int choose_kind(const struct json_at *object, struct read *read,
    struct err *err);
static bool is_same(const struct caller_rule *rule,
    const struct caller_rule *other);

const struct json_kind caller_rules_kind = {"[]", read_rules, NULL};
static const struct json_kind patterns_kind = {"[]string", read_patterns, NULL};

static const char *const whose[] = {"own", "all", NULL};

#define ID(name, field, has_field)                                   \
	MEMBER_INTEGER(name, struct read, field, 0, UINT32_MAX - 1), \
	    .presence = JSON_NEVER_NULL, MEMBER_HAS(struct read, has_field)
#define MOST(name, field, most)                                 \
	MEMBER_INTEGER(name, struct read, rule.field, 1, most), \
	    .presence = JSON_NEVER_NULL
#define WHOSE(name, field)                                 \
	MEMBER_WORD(name, struct read, rule.field, whose), \
	    .presence = JSON_NEVER_NULL

static const struct json_member members[] = {
    {ID("uid", rule.id, has_uid)},
    {ID("gid", gid, has_gid)},
    {MEMBER_STRING("image", struct read, rule.image),
	.presence = JSON_NEVER_NULL, .is_valid = caller_pattern_is_valid,
	.text = "no name or pattern of images",
	MEMBER_HAS(struct read, has_image)},
    {MEMBER_STRING("role", struct read, rule.role), .presence = JSON_NEVER_NULL,
	MEMBER_HAS(struct read, has_role)},
    {MEMBER_OF_ALL("builds", patterns_kind)},
    {MOST("max_domains", max_domains, MAX_DOMAINS)},
    {MOST("max_memory_mib", max_memory_mib, UINT32_MAX)},
    {MOST("max_builds", max_builds, LIMIT_BUILDS)},
    {MOST("builds_per_hour", builds_per_hour, MAX_PER_HOUR)},
    {WHOSE("sees", sees_all)},
    {WHOSE("destroys", destroys_all)},
};
static const struct json_table table = {JSON_MEMBERS(members)};

int
caller_rules_check(const struct json_at *root,
    const struct daemon_config *config, struct err *err)
{
	for (uint32_t i = 0; i < config->caller_count; i++) {
		const struct caller_rule *rule = &config->callers[i];
		const struct caller user = {
		    .kind = CALLER_USER,
		    .user = {.uid = rule->id},
		};
		uint32_t place = CALLER_PLACES;

		if (rule->kind == CALLER_RULE_UID &&
		    caller_rule_find(config, &user, &place) != NULL &&
		    place < LIMIT_ALLOWED_UIDS)
			return json_refuse(root, "callers", err,
			    "user %u is in allow_uids too", rule->id);
		for (uint32_t other = 0; other < i; other++) {
			if (is_same(rule, &config->callers[other]))
				return json_refuse(root, "callers", err,
				    "items %u and %u mean the same caller",
				    other, i);
		}
	}
	return 0;
}

static int
read_rules(const struct json_at *root, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct daemon_config *config = ret_value;
	struct json_at array;

	TRY(json_array_in(root, member->name, LIMIT_CALLERS, &array, err));
	for (size_t i = 0; i < json_array_size(array.value); i++)
		TRY(read_rule(&array, i, &config->callers[i], err));
	config->caller_count = (uint32_t)json_array_size(array.value);
	return 0;
}

static int
read_rule(const struct json_at *array, size_t index,
    struct caller_rule *ret_rule, struct err *err)
{
	struct read read = {.has_uid = false};
	struct json_at object;

	TRY(json_item_object(array, index, &object, err));
	TRY(json_table_read(&object, &table, &read, err));
	TRY(choose_kind(&object, &read, err));
	*ret_rule = read.rule;
	return 0;
}

static int
read_patterns(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct caller_rule *rule = &((struct read *)ret_value)->rule;
	struct json_at array;

	TRY(json_array_in(object, member->name, LIMIT_CALLER_PATTERNS, &array,
	    err));
	for (size_t i = 0; i < json_array_size(array.value); i++) {
		const char *pattern =
		    json_string_value(json_array_get(array.value, i));

		if (pattern == NULL || !caller_pattern_is_valid(pattern))
			return json_refuse(object, member->name, err,
			    "item %zu is no name or pattern of images", i);
		snprintf(rule->builds[i], sizeof(rule->builds[i]), "%s",
		    pattern);
	}
	rule->pattern_count = (uint32_t)json_array_size(array.value);
	return 0;
}

/* An image alone does not say who signed it: any role might. */
static int
choose_kind(const struct json_at *object, struct read *read, struct err *err)
{
	if (read->has_uid + read->has_gid + read->has_image != 1)
		return json_refuse(object, "uid", err,
		    "of uid, gid and image there has to be one");
	if (read->has_image != read->has_role)
		return json_refuse(object, "role", err,
		    "image and role come together");
	if (read->has_gid)
		read->rule.id = read->gid;
	read->rule.kind = read->has_uid   ? CALLER_RULE_UID
	                  : read->has_gid ? CALLER_RULE_GID
	                                  : CALLER_RULE_IMAGE;
	return 0;
}

/* Which of two beginnings meant it would be a matter of their order. */
static bool
is_same(const struct caller_rule *rule, const struct caller_rule *other)
{
	return rule->kind == other->kind && rule->id == other->id &&
	       caller_patterns_overlap(rule->image, other->image) &&
	       strcmp(rule->role, other->role) == 0;
}
