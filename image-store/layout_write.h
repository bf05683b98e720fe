/*
 * A store on disk, written: for CI and `assay store`. In the library
 * assay-pack, which assayd does not link.
 *
 * Blobs are written under a temporary name and renamed, the index last: a
 * reader sees the store before or after, never between. The index is sorted
 * by ref.name, so the same images give the same store, byte for byte.
 */
#ifndef ASSAY_IMAGE_STORE_LAYOUT_WRITE_H
#define ASSAY_IMAGE_STORE_LAYOUT_WRITE_H

#include "base/bytes.h"
#include "base/err.h"

/* Make an empty store. Errors: FILE_EXISTS if the directory is not empty. */
int layout_init(const char *path, struct err *err);

/*
 * Add a packed and signed image directory (see image-store/image_dir.h).
 * The envelope's payload is decoded without verifying signatures, only to
 * learn name, version and blobs; every blob's digest is checked.
 * Replaces the entry of the same name and version only if `replace`.
 * Errors: those of image_dir_read; IMAGE_DIGEST_MISMATCH;
 * IMAGE_SIZE_MISMATCH; IMAGE_UNSIGNED; FILE_EXISTS; STORE_*.
 */
int layout_add(const char *path, const char *image_dir, bool replace,
    struct err *err);

#endif
