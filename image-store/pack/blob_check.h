/*
 * Checking a blob that is there as a whole: for who packs, lists and verifies
 * stores. A build takes its blobs piece by piece.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_BLOB_CHECK_H
#define ASSAY_IMAGE_STORE_PACK_BLOB_CHECK_H

#include "image-store/checked_blob.h"

/*
 * Does this sealed blob have the signed size and digest?
 * Errors: IMAGE_SIZE_MISMATCH, IMAGE_DIGEST_MISMATCH.
 */
int blob_check(const struct blob *blob, const struct sealed *raw_bytes,
    const char *what, struct err *err);

/* Takes `raw_bytes`, also on failure. Errors: those of blob_check. */
int checked_blob_new(const struct blob *blob, struct sealed *raw_bytes,
    const char *what, struct checked_blob **ret_checked, struct err *err);

#endif
