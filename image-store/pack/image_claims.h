/*
 * What an envelope claims to be, before anybody verified it: for the tools that
 * fill stores.
 *
 * Whether the signatures are any good is for the host that starts the image.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_IMAGE_CLAIMS_H
#define ASSAY_IMAGE_STORE_PACK_IMAGE_CLAIMS_H

#include "base/digest.h"
#include "image-store/layout.h"
#include "image-store/manifest.h"

/*
 * `ret_payload`, the SHA-256 of the payload, may be NULL.
 * Errors: those of dsse_decode() and manifest_decode(); PAYLOAD_TYPE_UNKNOWN.
 */
int image_claims_read(struct bytes raw_envelope, struct manifest *ret_claimed,
    struct digest *ret_payload, struct err *err);

/*
 * The SHA-256 of what an image of a store signs: the digest that a policy
 * revokes it by, whatever becomes of its envelope.
 * Errors: BLOB_DIGEST_MISMATCH if the blob is not the envelope that is listed;
 * those of layout_copy_blob_max() and dsse_decode().
 */
int image_claims_payload(int store_fd, const struct layout_entry *entry,
    struct digest *ret_payload, struct err *err);

/* A blob by its content. */
int image_claims_describe(struct bytes data, struct blob *ret_blob,
    struct err *err);

/* "NAME:VERSION", as the index of a store calls it. */
#define IMAGE_REF_SIZE (LIMIT_NAME_BYTES + 1 + LIMIT_VERSION_BYTES + 1)
void image_claims_ref(const struct manifest *claimed,
    char ret_ref[IMAGE_REF_SIZE]);

#endif
