/*
 * A store on disk, written: for CI and `assay store`.
 *
 * Blobs are written under a temporary name and renamed, the index last: a
 * reader sees the store before or after, never between. The index is sorted
 * by ref.name, so the same images give the same store, byte for byte.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_LAYOUT_WRITE_H
#define ASSAY_IMAGE_STORE_PACK_LAYOUT_WRITE_H

#include <stdbool.h>

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"

/*
 * Make an empty store. The directory is made if it is missing.
 * Errors: FILE_EXISTS if it is not empty, or no directory; STORE_IO.
 */
int layout_init(const char *path, struct err *err);

/*
 * In parts, for who adds several things at once: lock the store, write blobs,
 * put what names them into the index that layout_read_index() gave, and write
 * that last. What is written goes below `dir_fd` of layout_lock() and nowhere
 * else, whatever the store's owner puts in the place of its parts meanwhile: no
 * link is followed, and only regular files are replaced.
 */

/* Open a store and keep other writers out until the fd is closed.
 * Errors: those of layout_open(); STORE_IO. */
int layout_lock(const char *path, int *ret_dir_fd, struct err *err);

/* Under its own digest. One that is there already is written again: it may be
 * damaged. Errors: STORE_MALFORMED if a part of the store is something else
 * than it should be; STORE_IO; NO_MEMORY. */
int layout_write_blob(int dir_fd, struct bytes data, struct err *err);

/* Errors: STORE_TOO_LARGE; STORE_MALFORMED as above; STORE_IO; NO_MEMORY. */
int layout_write_index(int dir_fd, const json_t *index, struct err *err);

#endif
