#include "builder/caller_rule.h"

#include <string.h>

#include "builder/daemon_config.h"
#include "image-store/image_name.h"

static const struct caller_rule everything = {
    .kind = CALLER_RULE_UID,
    .builds = {"*"},
    .pattern_count = 1,
    .sees_all = true,
    .destroys_all = true,
};

static bool is_allowed(const struct daemon_config *config, uint32_t uid,
    uint32_t *ret_place);
static bool find_kind(const struct daemon_config *config,
    const struct caller *caller, uint32_t kind, uint32_t *ret_rule);
static bool is_about(const struct caller_rule *rule,
    const struct caller *caller);
static bool matches(const char *pattern, const char *name);

const struct caller_rule *
caller_rule_find(const struct daemon_config *config,
    const struct caller *caller, uint32_t *ret_place)
{
	bool is_user = caller->kind == CALLER_USER;
	uint32_t rule = 0;
	uint32_t place = 0;

	if (is_user && is_allowed(config, caller->user.uid, &place)) {
		if (ret_place != NULL)
			*ret_place = place;
		return &everything;
	}
	if (is_user ? !find_kind(config, caller, CALLER_RULE_UID, &rule) &&
			  !find_kind(config, caller, CALLER_RULE_GID, &rule)
		    : !find_kind(config, caller, CALLER_RULE_IMAGE, &rule))
		return NULL;
	if (ret_place != NULL)
		*ret_place = LIMIT_ALLOWED_UIDS + rule;
	return &config->callers[rule];
}

uint32_t
caller_rule_count(const struct daemon_config *config)
{
	return config->allow_uid_count + config->caller_count;
}

bool
caller_rule_may_build(const struct caller_rule *rule, const char *image)
{
	for (uint32_t i = 0; i < rule->pattern_count; i++) {
		if (matches(rule->builds[i], image))
			return true;
	}
	return false;
}

bool
caller_pattern_is_valid(const char *pattern)
{
	size_t len = strlen(pattern);
	char beginning[CALLER_PATTERN_SIZE] = "";

	if (strcmp(pattern, "*") == 0)
		return true;
	if (len == 0 || len >= sizeof(beginning))
		return false;
	memcpy(beginning, pattern, pattern[len - 1] == '*' ? len - 1 : len);
	return image_name_is_valid(beginning);
}

bool
caller_patterns_overlap(const char *pattern, const char *other)
{
	return matches(pattern, other) || matches(other, pattern);
}

static bool
is_allowed(const struct daemon_config *config, uint32_t uid,
    uint32_t *ret_place)
{
	for (uint32_t i = 0; i < config->allow_uid_count; i++) {
		if (config->allow_uids[i] != uid)
			continue;
		*ret_place = i;
		return true;
	}
	return false;
}

static bool
find_kind(const struct daemon_config *config, const struct caller *caller,
    uint32_t kind, uint32_t *ret_rule)
{
	for (uint32_t i = 0; i < config->caller_count; i++) {
		if (config->callers[i].kind != kind ||
		    !is_about(&config->callers[i], caller))
			continue;
		*ret_rule = i;
		return true;
	}
	return false;
}

static bool
is_about(const struct caller_rule *rule, const struct caller *caller)
{
	switch (rule->kind) {
	case CALLER_RULE_UID:
		return rule->id == caller->user.uid;
	case CALLER_RULE_GID:
		return rule->id == caller->user.gid;
	case CALLER_RULE_IMAGE:
		return caller->kind == CALLER_DOMAIN &&
		       matches(rule->image, caller->domain.image) &&
		       strcmp(rule->role, caller->domain.role) == 0;
	default:
		return false;
	}
}

static bool
matches(const char *pattern, const char *name)
{
	size_t len = strlen(pattern);

	if (len > 0 && pattern[len - 1] == '*')
		return strncmp(pattern, name, len - 1) == 0;
	return strcmp(pattern, name) == 0;
}
