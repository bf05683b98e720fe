/*
 * The signed store index that holds for this build: fetched, verified, not
 * older than what this host has seen, and on record before it is used.
 */
#ifndef ASSAY_BUILDER_VERIFY_INDEX_FETCH_H
#define ASSAY_BUILDER_VERIFY_INDEX_FETCH_H

#include "builder/rules.h"
#include "builder/verify/image_choose.h"

/*
 * Returns owned; NULL if the policy asks for none. `source` has no index yet;
 * its budget is charged. `in_force` is the index that was used last and the
 * floor; a newer one is put on record over the source's link.
 * Errors: STORE_INDEX_MISSING, VERIFY_BUDGET_SPENT, those of
 * store_index_verify(), STORE_ROLLBACK, STORE_INDEX_EXPIRED, CLOCK_NOT_TRUSTED;
 * those of verify_report_adopt_store().
 */
int index_fetch(const struct image_source *source,
    const struct store_epoch *in_force, struct store_index **ret_index,
    struct err *err);

#endif
