/*
 * Taking images out of a store: for `assay store`.
 *
 * Only the index is written. Blobs stay, for images that share them and for
 * whoever is reading them: image-store/pack/layout_gc.h removes what nothing
 * needs.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_LAYOUT_REMOVE_H
#define ASSAY_IMAGE_STORE_PACK_LAYOUT_REMOVE_H

#include <stddef.h>

#include <jansson.h>

#include "base/err.h"

/*
 * Take images out of the index: each of `images` is a name, a name, a colon and
 * a version, or a digest, of what was signed, of the envelope or of the OCI
 * manifest. All of them, or nothing. An image whose files are damaged or gone
 * is removed too, if the index says that it is one. What is not ours, and the
 * signed store index, are kept as they are. The store is locked, and written as
 * image-store/pack/layout_write.h says.
 * *ret_removed: an array of the descriptors that were removed, owned.
 * Errors: IMAGE_UNKNOWN; those of layout_lock(), layout_read_index() and
 * layout_write_index().
 */
int layout_remove(const char *path, const char *const *images, size_t count,
    json_t **ret_removed, struct err *err);

#endif
