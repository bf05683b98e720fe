/*
 * Inside a trust policy. Private to keys/trust*.c.
 *
 * Sets of keys and roles are bit sets over their index in the policy.
 */
#ifndef ASSAY_KEYS_TRUST_POLICY_H
#define ASSAY_KEYS_TRUST_POLICY_H

#include <jansson.h>

#include "base/json.h"
#include "base/limits.h"
#include "keys/trust.h"

#define TRUST_SCHEMA "assay.trust/1"

_Static_assert(LIMIT_TRUST_KEYS <= 64, "a set of keys is an uint64_t");
_Static_assert(LIMIT_TRUST_ROLES <= 32, "a set of roles is an uint32_t");

/* Strings are borrowed from the document. */
struct trust_role {
	const char *name;
	enum trust_purpose purpose;
	uint64_t keys;
	int threshold;
	int of_family[ALGORITHM_FAMILIES]; /* "groups": thresholds besides */
	const char *patterns[LIMIT_ROLE_PATTERNS]; /* of an image role */
	size_t pattern_count;
	bool is_debug;
	struct trust_demand demands[LIMIT_TRUST_DEMANDS]; /* of an image role */
	size_t demand_count;
};

struct trust_floor {
	const char *location;
	int64_t index;
};

struct trust_policy {
	json_t *document;
	struct digest digest;
	int64_t version;
	bool is_bound;     /* it has "previous" */
	bool has_previous; /* which is not null */
	struct digest previous;
	struct public_key *keys[LIMIT_TRUST_KEYS];
	size_t key_count;
	uint64_t family_keys[ALGORITHM_FAMILIES];
	uint64_t revoked_keys;
	struct digest revoked_key_ids[LIMIT_REVOCATIONS]; /* listed or not */
	size_t revoked_key_id_count;
	struct trust_role roles[LIMIT_TRUST_ROLES];
	size_t role_count;
	struct digest revoked_manifests[LIMIT_REVOCATIONS];
	size_t revoked_manifest_count;
	struct trust_floor floors[LIMIT_ROLLBACK_FLOORS];
	size_t floor_count;
	bool trusts_clock;
	int64_t clock_not_before;
};

/* The roles of a policy whose keys are decoded. */
int trust_decode_roles(const struct json_at *root, struct trust_policy *policy,
    struct err *err);

/*
 * Refuse roles of which one demands provenance of itself, be it by way of
 * others. "roles" may hold anything that fits in its limit. Errors:
 * TRUST_ROLE_CYCLE, with the circle in its text.
 */
int trust_refuse_cycle(const struct json_at *roles, struct err *err);

/* An object whose members are entries, of which there is a limit. */
int trust_map_in(const struct json_at *object, const char *member,
    size_t max_members, struct json_at *ret_at, struct err *err);

/* No string may stand twice in an array of strings. */
int trust_refuse_twice(const struct json_at *array, struct err *err);

/* "images", for error texts. */
const char *trust_purpose_what(enum trust_purpose purpose);

/* Is a payload of this type for this purpose? */
bool trust_purpose_has_type(enum trust_purpose purpose,
    const char *payload_type);

/* The roles of the purpose whose threshold these keys reach, as bits. */
uint32_t trust_roles_met(const struct trust_policy *policy,
    enum trust_purpose purpose, uint64_t keys);

/* Is the key revoked, listed or not? */
bool trust_revokes_key(const struct trust_policy *policy,
    const struct digest *id);

/* The index of the key with this identity, or key_count. */
size_t trust_find_key(const struct trust_policy *policy,
    const struct digest *id);

/* [a-z][a-z0-9-]*, at most LIMIT_NAME_BYTES. */
bool trust_role_name_is_valid(const char *name);

/* [a-z0-9][a-z0-9._-]*, at most LIMIT_NAME_BYTES. */
bool trust_image_name_is_valid(const char *name);

/* An image name, or the beginning of one and then '*'. */
bool trust_pattern_is_valid(const char *pattern);

#endif
