/*
 * The signed store index that holds for this build: fetched, verified, not
 * older than what this host has seen, and on record before it is used.
 */
#ifndef ASSAY_BUILDER_INDEX_FETCH_H
#define ASSAY_BUILDER_INDEX_FETCH_H

#include "builder/build_link.h"
#include "builder/stage.h"
#include "image-store/store_index.h"

/*
 * Returns owned; NULL if the policy asks for none. `in_force` is the index that
 * was used last and the floor; a newer one is put on record over `link`.
 * Errors: STORE_INDEX_MISSING, those of store_index_verify(), STORE_ROLLBACK,
 * STORE_INDEX_EXPIRED, CLOCK_NOT_TRUSTED; those of build_link_adopt_store().
 */
int index_fetch(struct stage *stage, const struct trust_policy *policy,
    const struct store_epoch *in_force, int link,
    struct store_index **ret_index, struct err *err);

#endif
