/*
 * Making the signed store index: its payload from what a store holds, and its
 * envelope into the store. image-store/store_index.h reads it.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_STORE_INDEX_WRITE_H
#define ASSAY_IMAGE_STORE_PACK_STORE_INDEX_WRITE_H

#include "base/bytes.h"
#include "image-store/store_index.h"

/*
 * The payload that lists every image of a store, sorted by name and version, so
 * that the same images give the same bytes. No signature is verified; each
 * envelope is decoded and must be the one that the store says.
 * `expires` may be UTC_NONE.
 * Returns owned text (malloc, NUL-terminated).
 * Errors: those of layout_read() and image_claims_read(); IMAGE_NAME_MISMATCH
 * if an envelope is listed under another name; STORE_TOO_LARGE; NO_MEMORY.
 */
int store_index_encode(int dir_fd, int64_t epoch, int64_t expires,
    char **ret_text, struct err *err);

/*
 * What goes before a new payload: the envelope in the store if it is over the
 * very same payload, so that its signatures are kept; else empty. NUL follows.
 * Returns owned.
 * Errors: STORE_ROLLBACK if the store has an index of another content whose
 * epoch is not below that of the new payload; those of store_index_decode().
 */
int store_index_read_old(int dir_fd, struct bytes payload, char **ret_text,
    size_t *ret_len, struct err *err);

/*
 * May this envelope replace what the store has? Only reads.
 * Errors: those of store_index_decode() and store_index_read_old();
 * PAYLOAD_TYPE_UNKNOWN.
 */
int store_index_check_newer(int dir_fd, struct bytes envelope, struct err *err);

/*
 * Put an envelope into the store, in place of the one that is there.
 * Errors: those of store_index_check_newer(); STORE_MALFORMED; STORE_IO;
 * NO_MEMORY.
 */
int store_index_put(const char *path, struct bytes envelope, struct err *err);

/* The same for who holds the store's lock, `dir_fd` of layout_lock(). */
int store_index_put_locked(int dir_fd, struct bytes envelope, struct err *err);

#endif
