/*
 * Proof as a type: bytes that have the digest that was signed.
 */
#ifndef ASSAY_IMAGE_STORE_CHECKED_BLOB_H
#define ASSAY_IMAGE_STORE_CHECKED_BLOB_H

#include "base/err.h"
#include "base/sealed.h"
#include "image-store/manifest.h"

/* The two questions, each by itself. Errors: IMAGE_SIZE_MISMATCH;
 * IMAGE_DIGEST_MISMATCH. */
int blob_check_size(const struct blob *blob, const struct sealed *raw_bytes,
    const char *what, struct err *err);
int blob_check_digest(const struct blob *blob, const struct digest *found,
    const char *what, struct err *err);

/*
 * Sealed bytes together with the fact that they have a digest. Made only by
 * blob_receiver_finish(), which hashes, and by checked_blob_from_cache(), whose
 * caller vouches that this very memory was hashed before:
 * image-store/pack/blob_check.h is one.
 */
struct checked_blob;

/* Takes `checked`, also on failure. Errors: IMAGE_SIZE_MISMATCH. */
int checked_blob_from_cache(const struct blob *blob, struct sealed *checked,
    const char *what, struct checked_blob **ret_checked, struct err *err);
void checked_blob_freep(struct checked_blob **blob);
const struct sealed *checked_blob_sealed(const struct checked_blob *blob);

/*
 * The same for a blob that comes in pieces (see base/sealed.h), each of which
 * is sealed when it comes and is hashed then, while the next is being written
 * elsewhere. Nothing may be used before blob_receiver_finish() returned 0:
 * until then no byte is proved.
 *
 * blob_receiver_add() takes `fd`, blob_receiver_finish() the receiver, both
 * also on failure. `what` is borrowed. Errors: IMAGE_DIGEST_MISMATCH; those of
 * sealed_receiver_add() and sealed_receiver_finish().
 */
struct blob_receiver;

int blob_receiver_new(const struct blob *blob, const char *what,
    struct blob_receiver **ret_receiver, struct err *err);
int blob_receiver_add(struct blob_receiver *receiver, int fd, struct err *err);
int blob_receiver_finish(struct blob_receiver *receiver,
    struct checked_blob **ret_checked, struct err *err);
void blob_receiver_freep(struct blob_receiver **receiver);

/* Of which blob this is: the one that it was made for. Borrowed. */
const struct blob *checked_blob_signed(const struct checked_blob *blob);

#endif
