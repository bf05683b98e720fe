/*
 * Faults on purpose: a layer over the seam of Xen, or that of xenstore, that
 * makes one operation fail, or kills the process after it, for tests of what is
 * left behind.
 *
 * Only in debug builds (ASSAY_FAULTS): a release build has no such switch, and
 * nothing of the layer is in it.
 */
#ifndef ASSAY_BUILDER_XEN_FAULT_H
#define ASSAY_BUILDER_XEN_FAULT_H

#include "builder/fault_spec.h"
#include "builder/xen/store_port.h"
#include "grant-preload/xen_port.h"

#if ASSAY_FAULTS

/*
 * Put the layer over `port`, if a fault is asked for. The layer borrows
 * *inner, which must outlive it; closing the layer closes `inner`.
 * The counters are per process: the n-th call of evtchn_alloc is "evtchn_alloc"
 * for the first and "evtchn_alloc2" for the second.
 */
void fault_wrap(const struct fault *fault, const struct xen_port *inner,
    struct xen_port *ret_port);
/* The same for xenstore. */
void fault_wrap_store(const struct fault *fault, const struct store_port *inner,
    struct store_port *ret_port);

/* Operation names, NULL-terminated, in the order of a build. */
const char *const *fault_operations(void);

#else

static inline void
fault_wrap(const struct fault *fault, const struct xen_port *inner,
    struct xen_port *ret_port)
{
	(void)fault;
	*ret_port = *inner;
}

static inline void
fault_wrap_store(const struct fault *fault, const struct store_port *inner,
    struct store_port *ret_port)
{
	(void)fault;
	*ret_port = *inner;
}

#endif

#endif
