/*
 * How much work one request may make: signatures that are verified, and bytes
 * of envelopes that are fetched. Envelopes are foreign until they are verified,
 * so whoever can write the store chooses how many there are and how many
 * signatures each has; what all of them may cost together is limited here.
 *
 * A budget is made where a request is taken up, handed down by pointer, and
 * charged before the work is done. What it refuses refuses the request: there
 * is no going on without what was not looked at.
 *
 * Not done: time. A verification costs what the key's algorithm does; see
 * LIMIT_VERIFICATIONS for the dearest.
 */
#ifndef ASSAY_KEYS_VERIFY_BUDGET_H
#define ASSAY_KEYS_VERIFY_BUDGET_H

#include <stddef.h>

#include "base/err.h"

/* What is used up of what. Never more than its limit. */
struct verify_budget {
	size_t verifications;
	size_t max_verifications;
	size_t envelope_bytes;
	size_t max_envelope_bytes;
};

/* All of LIMIT_VERIFICATIONS and LIMIT_REQUEST_ENVELOPE_BYTES. */
void verify_budget_init(struct verify_budget *ret_budget);

/*
 * Before so many public-key operations. On failure nothing is charged.
 * Errors: VERIFY_BUDGET_SPENT.
 */
int verify_budget_take(struct verify_budget *budget, size_t verifications,
    struct err *err);

/*
 * Before an envelope of unknown size is fetched: all that it may have.
 * verify_budget_fetched() says afterwards what it has, and gives back the rest.
 * An envelope counts as whole pages, as the memory does that it comes in.
 * Errors: VERIFY_BUDGET_SPENT, of which nothing is charged.
 */
int verify_budget_take_envelope(struct verify_budget *budget, size_t max_bytes,
    struct err *err);
void verify_budget_fetched(struct verify_budget *budget, size_t max_bytes,
    size_t bytes);

#endif
