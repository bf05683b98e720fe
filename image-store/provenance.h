/*
 * Provenance: in-toto statements about an image's files, by whoever built them.
 *
 * They are attached to an image, as DSSE envelopes, and decide nothing unless
 * the image role that signed it demands some (see struct trust_demand). Then
 * for each demand and each file, kernel and ramdisk, there must be a statement
 * of the demanded predicate type and builder, signed by the demanded role, that
 * has the file's digest (or that of the unpacked kernel) as a subject.
 *
 * A statement that nobody demands, or that does not verify, is passed over: any
 * number by anybody may be attached, as long as the budget is enough to look at
 * them.
 * Spec: SLSA v1.0 provenance (runDetails.builder.id), v0.2 (builder.id).
 */
#ifndef ASSAY_IMAGE_STORE_PROVENANCE_H
#define ASSAY_IMAGE_STORE_PROVENANCE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/sealed.h"
#include "image-store/manifest.h"
#include "keys/trust.h"

/* How far the demands of an image role are met. Plain; begins as zeros. */
struct provenance_proof {
	unsigned int found[LIMIT_TRUST_DEMANDS];
	struct err why; /* the last statement that counted for nothing */
};

/*
 * Look at one statement: signatures of provenance roles, then what it says.
 * provenance_require() says whether all demands are met now, so that no more
 * need be looked at: nothing of a statement is kept, so that any number takes
 * the memory of one.
 * Errors: VERIFY_BUDGET_SPENT alone: whatever is wrong with the statement
 * itself, it is passed over.
 */
int provenance_show(struct provenance_proof *proof,
    const struct trust_policy *policy, size_t role,
    const struct manifest *manifest, const struct sealed *raw,
    struct verify_budget *budget, struct err *err);

/*
 * Is each demand of the image role met? By its index in the policy.
 * Errors: PROVENANCE_MISSING if no statement of the demanded type is signed by
 * the demanded role; PROVENANCE_MISMATCH if there is one, but by another
 * builder or not about all files.
 */
int provenance_require(const struct provenance_proof *proof,
    const struct trust_policy *policy, size_t role,
    const struct manifest *manifest, struct err *err);

/*
 * Is each demand of the role met by a statement about the unpacked kernel? One
 * about the stored kernel alone says nothing about an unpacked one that came
 * from elsewhere.
 */
bool provenance_is_of_elf(const struct provenance_proof *proof,
    const struct trust_policy *policy, size_t role);

#endif
