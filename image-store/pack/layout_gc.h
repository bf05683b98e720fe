/*
 * Removing the blobs of a store that nothing refers to: for `assay store`.
 *
 * What is referred to: each descriptor of the index, ours or not, and whatever
 * the documents say that they lead to. A manifest or an index of OCI that is
 * missing or damaged could refer to anything: then nothing is removed. What
 * only looks like a reference keeps its blob.
 *
 * The store is locked, so that nothing of ours is writing. Other tools take no
 * lock, and write blobs before they name them: none of them may be at it.
 * Who reads the store with an index of a moment ago may find a blob gone.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_LAYOUT_GC_H
#define ASSAY_IMAGE_STORE_PACK_LAYOUT_GC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct layout_garbage {
	size_t count;
	uint64_t bytes;
};

/*
 * Remove them, or only say what would be. Removed are regular files directly in
 * blobs/sha256 that have a digest for a name, or the temporary name of one, as
 * a writer leaves it that was killed. `tell` is called with the name of each,
 * and may be NULL.
 *
 * A crash leaves a store that is in order: the index is not written here, and
 * is on disk before the first blob goes.
 * Errors: STORE_MALFORMED; BLOB_SIZE_MISMATCH, BLOB_DIGEST_MISMATCH if an OCI
 * document is not the one that is named; STORE_IO; NO_MEMORY; those of
 * layout_lock() and layout_read_index().
 */
int layout_gc(const char *path, bool is_dry_run,
    void (*tell)(const char *name, uint64_t bytes),
    struct layout_garbage *ret_garbage, struct err *err);

#endif
