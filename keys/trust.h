/*
 * The trust policy: whose signatures start which images, and whose make a boot
 * policy, a store index or a new trust policy.
 *
 * Built once from trust.json in the measured ramdisk, read-only afterwards.
 * trust_verify_for() is the only place that decides whether an envelope is
 * signed well enough; everything before it is foreign bytes.
 * Format: docs/man/assay-trust.5, FORMATS §1.5.
 */
#ifndef ASSAY_KEYS_TRUST_H
#define ASSAY_KEYS_TRUST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"
#include "keys/dsse.h"
#include "keys/public_key.h"
#include "keys/verify_budget.h"

struct trust_policy;

/* What a role signs. Each role has one purpose, and none counts for another. */
enum trust_purpose {
	TRUST_IMAGE,       /* "image" */
	TRUST_BOOT_POLICY, /* "boot-policy" */
	TRUST_STORE_INDEX, /* "store-index" */
	TRUST_POLICY,      /* "trust": the next version of the policy */
	TRUST_PROVENANCE,  /* "provenance": statements about images */
};

const char *trust_purpose_name(enum trust_purpose purpose);
bool trust_purpose_from_name(const char *name, enum trust_purpose *ret_purpose);

/*
 * Strict decode; every member but "previous", "signs", "provenance" and
 * "clock" is required, no other is allowed:
 * {"schema":"assay.trust/1","version":4,"previous":"sha256:<hex>"|null,
 *  "keys":{"<keyid>":{"alg","pem"}},
 *  "roles":{"<role>":{"signs":"image","threshold","keys":["<keyid>"],
 *                     "images":["web-*"],"debug":false,
 *                     "provenance":[{"predicate_type","builder_id","role"}]},
 *           "<role>":{"signs":"boot-policy","threshold","keys":["<keyid>"]}},
 *  "revoked":{"keys":["<keyid>"],"manifests":["sha256:<hex>"]},
 *  "min_rollback":{"<location>":15},
 *  "clock":{"source":"system","not_before":"2026-11-01T00:00:00Z"}}
 *
 * Refused as TRUST_MALFORMED, among other things: no keys, no roles, an image
 * role without patterns, another role with some; an "alg" that is not the
 * key's; a keyid that is not the SHA-256 of its key; a role key that is not
 * listed; a pattern or a revocation twice.
 *
 * Also TRUST_KEY_TWICE (under two ids, or twice in a role); TRUST_THRESHOLD_BAD
 * (zero, or above the number of keys); TRUST_ROLE_CYCLE (roles that demand of
 * each other or of themselves); TRUST_ROLE_REFERENCE_BAD (another demand of a
 * role that does not sign provenance, or by one that does not sign images);
 * KEY_UNSUPPORTED for an "alg" that nobody knows; TRUST_TOO_LARGE; those of
 * json_parse() and public_key_from_pem(). Returns owned.
 *
 * Allowed: a key in no role; a revoked key that "keys" has no longer; a role
 * whose keys are revoked below its threshold, which then signs nothing.
 * "manifests" holds digests of envelopes or of their payloads.
 */
int trust_decode(struct bytes text, struct trust_policy **ret_policy,
    struct err *err);

void trust_freep(struct trust_policy **policy);

/* Version number of the policy document, for status and receipts. */
int64_t trust_version(const struct trust_policy *policy);

/* SHA-256 of the text that was decoded, for the log. Borrowed. */
const struct digest *trust_digest(const struct trust_policy *policy);

/*
 * Does the policy say what it follows, be it nothing? Then what comes after it
 * has to name it. One that does not is of the time before "previous".
 */
bool trust_is_bound(const struct trust_policy *policy);

/* Is there a role of this purpose at all? */
bool trust_has_purpose(const struct trust_policy *policy,
    enum trust_purpose purpose);

/* Roles, for `assay trust show`; index below trust_role_count(). */
size_t trust_role_count(const struct trust_policy *policy);
const char *trust_role_name(const struct trust_policy *policy, size_t role);

struct trust_role_summary {
	enum trust_purpose purpose;
	int threshold;
	int key_count;
	bool is_debug;
};

struct trust_role_summary trust_role_summary(const struct trust_policy *policy,
    size_t role);

/* The id of the key of this index. Borrowed. */
const struct digest *trust_key_id(const struct trust_policy *policy,
    size_t key);

/*
 * The patterns of a role; none if it signs no images. All borrowed.
 * And whether one of them is for images of this name.
 */
const char *const *trust_role_patterns(const struct trust_policy *policy,
    size_t role, size_t *ret_count);
bool trust_pattern_matches(const char *pattern, const char *name);

/* What an image role demands besides signatures: "provenance". */
struct trust_demand {
	const char *predicate_type;
	const char *builder_id; /* NULL: any */
	size_t role;            /* of the purpose TRUST_PROVENANCE */
};
size_t trust_demand_count(const struct trust_policy *policy, size_t role);
const struct trust_demand *trust_demand_at(const struct trust_policy *policy,
    size_t role, size_t index);

/* Which roles of the purpose signed: bit i stands for role i. */
struct trust_verdict {
	uint32_t roles;
	uint64_t keys; /* that signed and are not revoked: bit i is key i */
	struct digest envelope; /* SHA-256 of the envelope as it came */
};

/*
 * Verify an envelope against the roles of one purpose. `raw` is the envelope's
 * own bytes, from which `envelope` was decoded.
 *
 * Order: is there such a role at all (TRUST_NO_ROLE); revocation of this
 * envelope or of its payload (IMAGE_REVOKED); each signature over PAE with the
 * key that it hints at; then each that this did not prove with every other key,
 * each once, keys of roles of the purpose first and those that signed already
 * last; distinct accepted, unrevoked keys per role of the purpose against
 * thresholds; is the payload type one of the purpose (PAYLOAD_TYPE_UNKNOWN).
 *
 * Where any role of the purpose will do (a trust policy, a boot policy, a store
 * index), hints that are enough are all that is looked at; the verdict then has
 * not every key that signed.
 *
 * Work: `budget` is charged for each key that is tried and could have made the
 * signature (public_key_fits()), before it is tried. VERIFY_BUDGET_SPENT says
 * nothing about the envelope: it was not looked at to the end, and must not be
 * passed over.
 *
 * If no role of the purpose reaches its threshold, the first of these that
 * applies: IMAGE_SIGNATURE_BAD (a signature hints at a known key, or at none,
 * and no key accepts it), or what public_key_refuse() says instead of the first
 * such that hints at a key, at the cost of up to
 * PUBLIC_KEY_REFUSE_VERIFICATIONS more for an envelope that is refused anyway,
 * all of which are charged; KEY_REVOKED (would be met with revoked
 * keys); KEY_UNKNOWN (a signature hints at a key that the policy does not have,
 * and no key accepts it); THRESHOLD_NOT_MET. Also NO_MEMORY. A signature that
 * no key accepts does not hurt an envelope that has enough good ones (DSSE
 * protocol.md).
 *
 * Not done: which image names the roles may sign; the name is in the payload,
 * which may only be parsed after this returned 0. See trust_allows_image().
 */
int trust_verify_for(const struct trust_policy *policy,
    enum trust_purpose purpose, struct bytes raw,
    const struct dsse_envelope *envelope, struct verify_budget *budget,
    struct trust_verdict *ret_verdict, struct err *err);

/*
 * Is this the digest of something revoked? `what` it is the digest of. One of a
 * payload holds whatever becomes of the envelope; one of an envelope is undone
 * by another way to write it, or by one more signature in it.
 * Errors: IMAGE_REVOKED.
 */
int trust_check_digest(const struct trust_policy *policy,
    const struct digest *digest, const char *what, struct err *err);

/*
 * May the roles that signed sign an image of this name? A pattern is a literal
 * or ends in one '*'. Debug images need a role whose "debug" member is true,
 * and such a role signs nothing else.
 * On success *ret_role is the index of the first such role.
 * Errors: ROLE_NOT_ALLOWED.
 */
int trust_allows_image(const struct trust_policy *policy,
    const struct trust_verdict *verdict, const char *name, bool is_debug,
    size_t *ret_role, struct err *err);

/*
 * Refuse an image below the policy's floor for its rollback location.
 * Errors: IMAGE_ROLLBACK.
 */
int trust_check_rollback(const struct trust_policy *policy,
    const char *location, int64_t index, struct err *err);

/*
 * The time by the clock that the policy trusts: with "clock", that of the
 * system, unless it is before "clock.not_before"; without, none.
 * Errors: CLOCK_NOT_TRUSTED. What such a clock is worth: docs/decisions/0022.
 */
int trust_now(const struct trust_policy *policy, int64_t *ret_seconds,
    struct err *err);

/*
 * Is an image with these dates valid now? Both are inclusive; UTC_NONE is no
 * date, and without any no clock is asked.
 * Errors: CLOCK_NOT_TRUSTED; IMAGE_NOT_YET_VALID; IMAGE_EXPIRED.
 */
int trust_check_validity(const struct trust_policy *policy, int64_t not_before,
    int64_t not_after, struct err *err);

#endif
