/*
 * Which two grant entries a new guest starts with, and nothing else.
 *
 * Grant reference 0 lets xenconsoled's domain map the console ring, reference
 * 1 lets xenstored's domain map the xenstore ring. With these in place before
 * the first instruction neither daemon needs the right to map guest memory.
 * Spec: xen/include/public/grant_table.h, GNTTAB_RESERVED_CONSOLE and
 * GNTTAB_RESERVED_XENSTORE; entry version 1.
 *
 * The domids come from the measured configuration, never from xenstore: whoever
 * could write /tool/xenconsoled/domid would otherwise choose who maps the ring.
 */
#ifndef ASSAY_GRANT_PRELOAD_GRANT_PLAN_H
#define ASSAY_GRANT_PRELOAD_GRANT_PLAN_H

#include "base/err.h"
#include "grant-preload/xen_port.h"

#define GRANT_REF_CONSOLE  0u
#define GRANT_REF_XENSTORE 1u
#define GRANT_PLAN_ENTRIES 2u

/* Where the two daemons run. */
struct grant_daemons {
	uint16_t xenstored_domid;
	uint16_t xenconsoled_domid;
};

/* Index is the grant reference. */
struct grant_plan {
	struct xen_grant_entry entries[GRANT_PLAN_ENTRIES];
};

/*
 * Errors: GRANT_MISMATCH if the rings are one frame, frame zero, or do not fit
 * an entry's 32 bits (Xen then could not express the grant; libxenguest would
 * skip it silently), or if a daemon is to run in the guest itself.
 */
int grant_plan_make(const struct grant_daemons *daemons, uint32_t guest_domid,
    const struct xen_rings *rings, struct grant_plan *ret_plan,
    struct err *err);

#endif
