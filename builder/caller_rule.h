/*
 * What a caller may have built, and how much of the host: the rules of
 * assayd.conf(5). Who is in allow_uids may have everything; the others have a
 * rule of their own.
 *
 * Which keys sign an image is for the trust policy, which is of many hosts. Who
 * may call is of this one, so it is in its configuration, which is measured
 * with the ramdisk.
 */
#ifndef ASSAY_BUILDER_CALLER_RULE_H
#define ASSAY_BUILDER_CALLER_RULE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/limits.h"
#include "measure/caller.h"

struct daemon_config;

/* "web-front", "web-*" or "*", with its NUL. */
#define CALLER_PATTERN_SIZE (LIMIT_NAME_BYTES + 2)

enum caller_rule_kind {
	CALLER_RULE_UID = 1,
	CALLER_RULE_GID,
	CALLER_RULE_IMAGE, /* domains of such an image, signed by that role */
};

struct caller_rule {
	uint32_t kind;
	uint32_t id; /* of the user or group */
	char image[CALLER_PATTERN_SIZE];
	char role[LIMIT_NAME_BYTES + 1];
	char builds[LIMIT_CALLER_PATTERNS][CALLER_PATTERN_SIZE];
	uint32_t pattern_count;
	/* Of all whom the rule is about, together; 0: as much as there is. */
	uint32_t max_domains;
	uint32_t max_memory_mib;
	uint32_t max_builds;      /* at once */
	uint32_t builds_per_hour; /* 0: that of all callers */
	bool sees_all;            /* or only what it had built itself */
	bool destroys_all;
};

/* Each rule has a place, and each user in allow_uids. */
enum { CALLER_PLACES = LIMIT_ALLOWED_UIDS + LIMIT_CALLERS };

/*
 * The rule for this caller, borrowed, or NULL if it may not call at all. A user
 * is known by his id before he is by his group. *ret_place (or NULL) is below
 * CALLER_PLACES, and of no other rule.
 */
const struct caller_rule *caller_rule_find(const struct daemon_config *config,
    const struct caller *caller, uint32_t *ret_place);

/* How many places are taken. */
uint32_t caller_rule_count(const struct daemon_config *config);

/* May it have an image of this name built? */
bool caller_rule_may_build(const struct caller_rule *rule, const char *image);

bool caller_pattern_is_valid(const char *pattern);

/* Is there a name that both mean? */
bool caller_patterns_overlap(const char *pattern, const char *other);

#endif
