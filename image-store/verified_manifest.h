/*
 * Proof as a type: what is signed about one image, verified.
 *
 *	envelope -> signatures -> role -> manifest -> names, floors, dates
 *
 * It looks only at sealed memory, and nothing of the payload is parsed before
 * its signatures are good. A holder of one knows which bytes are the image's:
 * image-store/checked_blob.h.
 */
#ifndef ASSAY_IMAGE_STORE_VERIFIED_MANIFEST_H
#define ASSAY_IMAGE_STORE_VERIFIED_MANIFEST_H

#include "base/digest.h"
#include "base/err.h"
#include "base/sealed.h"
#include "image-store/manifest.h"
#include "keys/trust.h"

struct verified_manifest;

/*
 * `name` is the image name that was asked for, or NULL if any will do.
 * Borrows the envelope for the call only.
 *
 * Order: decode the envelope, verify signatures, only then parse the manifest,
 * if a statement was signed ask whether its manifest is revoked, compare names,
 * check that the signing role owns the name, rollback floor, dates. Errors:
 * those of dsse_decode, trust_verify, manifest_decode; IMAGE_REVOKED;
 * IMAGE_NAME_MISMATCH; ROLE_NOT_ALLOWED; IMAGE_ROLLBACK; those of
 * trust_check_validity.
 */
int verified_manifest_new(const struct trust_policy *policy, const char *name,
    const struct sealed *raw_envelope, struct verify_budget *budget,
    struct verified_manifest **ret_manifest, struct err *err);

/*
 * The same for an envelope that was verified before. What the signatures came
 * to depends on nothing but the policy, which holds the revocations, and the
 * envelope's bytes, which are those of `known`: their SHA-256 is taken here and
 * compared.
 * So `known` is what trust_verify_for() would return now. Everything else is
 * done again: decoding, names, roles, rollback floor, dates.
 *
 * If the bytes are not those of `known`, or it is NULL, the signatures are
 * verified; otherwise nothing is charged to the budget. The caller vouches that
 * `known` came from verified_manifest_verdict() under this very policy.
 */
int verified_manifest_again(const struct trust_policy *policy,
    const struct trust_verdict *known, const char *name,
    const struct sealed *raw_envelope, struct verify_budget *budget,
    struct verified_manifest **ret_manifest, struct err *err);

/*
 * Does the role that signed demand provenance that was not shown yet? An image
 * may not be used before. Statements are shown one by one, under the policy
 * that verified the manifest, until no more is needed or none is left; then
 * require_proof says what is missing. Errors: those of provenance_show() and
 * provenance_require().
 */
bool verified_manifest_needs_proof(const struct verified_manifest *manifest);
int verified_manifest_show(const struct trust_policy *policy,
    struct verified_manifest *manifest, const struct sealed *raw_provenance,
    struct verify_budget *budget, struct err *err);
int verified_manifest_require_proof(const struct trust_policy *policy,
    const struct verified_manifest *manifest, struct err *err);

/*
 * Speaks the provenance that was shown of the kernel as it is stored, and not
 * as it is loaded? Then what is loaded has to be unpacked from that very file:
 * an unpacked kernel of the right digest that was made from another one will
 * not do.
 */
bool verified_manifest_needs_unpacking(
    const struct verified_manifest *manifest);

void verified_manifest_freep(struct verified_manifest **manifest);

/* All borrowed. */
const struct manifest *verified_manifest_get(
    const struct verified_manifest *manifest);
const struct digest *verified_manifest_envelope(
    const struct verified_manifest *manifest); /* SHA-256 of the envelope */
const struct digest *verified_manifest_payload(
    const struct verified_manifest *manifest); /* SHA-256 of the payload */
const struct trust_verdict *verified_manifest_verdict(
    const struct verified_manifest *manifest);
const char *verified_manifest_role(const struct verified_manifest *manifest);
/* The ids of the keys that signed, at most LIMIT_SIGNATURES. */
const struct digest *verified_manifest_signers(
    const struct verified_manifest *manifest, size_t *ret_count);

#endif
