/*
 * Write the planned grant entries into a paused guest, then read the whole
 * table back and refuse anything that was not planned.
 *
 * libxenguest writes entries without checking, and skips one silently when it
 * finds its frame odd (xg_dom_boot.c xc_dom_set_gnttab_entry). What counts
 * here is what Xen says afterwards: both entries as planned, every other one
 * empty.
 */
#ifndef ASSAY_GRANT_PRELOAD_GRANT_PRELOAD_H
#define ASSAY_GRANT_PRELOAD_GRANT_PRELOAD_H

#include "grant-preload/grant_plan.h"

/*
 * The guest has not run yet. On success *ret_found holds the entries as they
 * were read back.
 * Errors: GRANT_MISMATCH, naming the reference, planned and found;
 * XEN_FAILED.
 */
int grant_preload(const struct xen_port *xen, uint32_t domid,
    const struct grant_plan *plan, struct grant_plan *ret_found,
    struct err *err);

#endif
