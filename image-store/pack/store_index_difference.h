/*
 * What a new store index changes, for those who sign it: a line for each image
 * that comes or goes.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_STORE_INDEX_DIFFERENCE_H
#define ASSAY_IMAGE_STORE_PACK_STORE_INDEX_DIFFERENCE_H

#include "image-store/store_index.h"

/*
 * The index of a store, if roles of the policy signed it; NULL if there is
 * none, or one that is not signed well enough: anybody who can write the store
 * could have put it there. Returns owned. Errors: those of
 * layout_copy_store_index() and store_index_verify() that are no refusal.
 */
int store_index_in_force(int dir_fd, const struct trust_policy *policy,
    struct store_index **ret_index, struct err *err);

/*
 * Lines as "+ web:1 manifest sha256:... envelope sha256:...\n", sorted by name,
 * version and envelope: "-" is only in `old`, which may be NULL for an empty
 * one, "+" only in `new`. Returns owned text (malloc, NUL-terminated).
 * Errors: NO_MEMORY.
 */
int store_index_difference(const struct store_index *old,
    const struct store_index *new, char **ret_text, struct err *err);

#endif
