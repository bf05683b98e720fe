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
 * number by anybody may be attached.
 * Spec: SLSA v1.0 provenance (runDetails.builder.id), v0.2 (builder.id).
 */
#ifndef ASSAY_IMAGE_STORE_PROVENANCE_H
#define ASSAY_IMAGE_STORE_PROVENANCE_H

#include "base/err.h"
#include "base/sealed.h"
#include "image-store/manifest.h"
#include "keys/trust.h"

/*
 * Order: each envelope: signatures of provenance roles, then the statement;
 * then each demand of the image role, by its index in the policy.
 * Errors: PROVENANCE_MISSING if no statement of the demanded type is signed by
 * the demanded role; PROVENANCE_MISMATCH if there is one, but by another
 * builder or not about all files.
 */
int provenance_check(const struct trust_policy *policy, size_t role,
    const struct manifest *manifest, struct sealed *const *raw_envelopes,
    size_t count, struct err *err);

#endif
