/*
 * Proof as a type: a verified image is made here and nowhere else.
 *
 * Two steps, because blobs are chosen by what the manifest says:
 *
 *	verified_manifest_new()  envelope -> signatures -> role -> manifest
 *	verified_image_new()     manifest + sealed blobs -> digests -> image
 *
 * Both look only at sealed memory. A holder of a verified_image may load its
 * bytes: they cannot change any more, and they are the ones that were signed.
 */
#ifndef ASSAY_IMAGE_STORE_VERIFIED_IMAGE_H
#define ASSAY_IMAGE_STORE_VERIFIED_IMAGE_H

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
 * is not made before. Statements are shown one by one, under the policy that
 * verified the manifest, until no more is needed or none is left; then
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

/*
 * Does this sealed blob have the signed size and digest?
 * Errors: IMAGE_SIZE_MISMATCH, IMAGE_DIGEST_MISMATCH.
 */
int blob_check(const struct blob *blob, const struct sealed *raw_bytes,
    const char *what, struct err *err);

/*
 * Sealed bytes together with the fact that they have a digest. Made only by
 * checked_blob_new() and blob_intake_finish(), which hash, and by
 * checked_blob_from_cache(), whose caller vouches that this very memory was
 * hashed before.
 */
struct checked_blob;

/* Takes `raw_bytes`, also on failure. Errors: those of blob_check. */
int checked_blob_new(const struct blob *blob, struct sealed *raw_bytes,
    const char *what, struct checked_blob **ret_checked, struct err *err);
int checked_blob_from_cache(const struct blob *blob, struct sealed *checked,
    const char *what, struct checked_blob **ret_checked, struct err *err);
void checked_blob_freep(struct checked_blob **blob);
const struct sealed *checked_blob_sealed(const struct checked_blob *blob);

/*
 * The same for a blob that comes in pieces (see base/sealed.h), each of which
 * is sealed when it comes and is hashed then, while the next is being written
 * elsewhere. Nothing may be used before blob_intake_finish() returned 0: until
 * then no byte is proved.
 *
 * blob_intake_add() takes `fd`, blob_intake_finish() the intake, both also on
 * failure. `what` is borrowed.
 * Errors: IMAGE_DIGEST_MISMATCH; those of intake_add() and intake_finish().
 */
struct blob_intake;

int blob_intake_new(const struct blob *blob, const char *what,
    struct blob_intake **ret_intake, struct err *err);
int blob_intake_add(struct blob_intake *intake, int fd, struct err *err);
int blob_intake_finish(struct blob_intake *intake,
    struct checked_blob **ret_checked, struct err *err);
void blob_intake_freep(struct blob_intake **intake);

struct verified_image;

/*
 * Takes manifest, elf and ramdisk (NULL if the manifest has none), also on
 * failure.
 * Errors: PROVENANCE_MISSING if it is demanded and was not shown;
 * IMAGE_DIGEST_MISMATCH if a blob is not the one the manifest names;
 * KERNEL_FORMAT_UNKNOWN if the ELF is not one for x86-64;
 * RAMDISK_UNPACKABLE if libxenguest would unpack the ramdisk (a gzip file
 * whose last four bytes claim a size at or below its own: with the module
 * limit set to the ramdisk's size, only such a file is unpacked; Xen 4.17
 * tools/libs/guest/xg_dom_core.c xc_dom_build_module).
 */
int verified_image_new(struct verified_manifest *manifest,
    struct checked_blob *elf, struct checked_blob *ramdisk,
    struct verified_image **ret_image, struct err *err);

void verified_image_freep(struct verified_image **image);

/* All borrowed. The ramdisk is empty if there is none. */
const struct verified_manifest *verified_image_manifest(
    const struct verified_image *image);
struct bytes verified_image_elf(const struct verified_image *image);
struct bytes verified_image_ramdisk(const struct verified_image *image);

#endif
