/*
 * Verdicts on the signatures of envelopes that need not be found out again.
 *
 * A verdict says which roles of a policy signed the envelope with this digest.
 * It is kept under the digest of that policy, and found by no other: the policy
 * in force may change while assayd runs. Why a verdict can stand in for
 * verifying again: verified_manifest_again().
 *
 * Plain value of fixed size: it goes to each verify role with its task.
 */
#ifndef ASSAY_BUILDER_VERDICT_CACHE_H
#define ASSAY_BUILDER_VERDICT_CACHE_H

#include "keys/trust.h"

enum { VERDICT_CACHE_SIZE = 64 };

struct known_verdict {
	struct digest policy;
	struct trust_verdict verdict;
};

struct verdict_cache {
	struct known_verdict known[VERDICT_CACHE_SIZE];
	uint32_t added; /* the oldest ones were overwritten */
};

/* That of this policy on this envelope. Borrowed, or NULL. */
const struct trust_verdict *verdict_cache_find(
    const struct verdict_cache *cache, const struct digest *policy,
    const struct digest *envelope);

#endif
