/*
 * Putting an image into a store: for CI and `assay store`.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_LAYOUT_ADD_H
#define ASSAY_IMAGE_STORE_PACK_LAYOUT_ADD_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Add a packed and signed image directory (see image-store/pack/image_dir.h).
 * The envelope's payload is decoded without verifying signatures, only to
 * learn name, version and blobs; every blob's digest is checked.
 * Replaces the entries of the same name and version only if `replace`; blobs
 * of a replaced image stay. One writer at a time: the directory is locked.
 * Entries of the index that are not ours are kept as they are.
 * Errors: IMAGE_UNSIGNED (also if there is no envelope); those of dsse_decode
 * and manifest_decode; PAYLOAD_TYPE_UNKNOWN; IMAGE_DIGEST_MISMATCH;
 * IMAGE_SIZE_MISMATCH; FILE_EXISTS; STORE_MALFORMED; STORE_IO; NO_MEMORY.
 */
int layout_add(const char *path, const char *image_dir, bool replace,
    struct err *err);

#endif
