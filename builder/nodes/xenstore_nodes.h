/*
 * The xenstore nodes of a new domain, as libxl would have written them, so
 * that xl, xenconsoled, xentop and the guest's drivers find what they expect.
 *
 * Written once, in one transaction, and never read back: what the guest can
 * write tells the builder nothing (XSA-175, XSA-178).
 * Source of the list: libxl_create.c libxl__domain_make, libxl_dom.c
 * libxl__build_post, libxl_console.c, Xen 4.17.
 */
#ifndef ASSAY_BUILDER_NODES_XENSTORE_NODES_H
#define ASSAY_BUILDER_NODES_XENSTORE_NODES_H

#include "builder/nodes_link.h"
#include "builder/xen/store_port.h"

/* An owned list: paths and values live in it. */
struct xenstore_nodes {
	struct store_node *nodes;
	uint32_t count;
	bool is_short; /* memory ran out while it was filled */
};

/* All but the rings, which are known later; start_time_usec: wall clock, for
 * /vm/UUID/start_time. Errors: NO_MEMORY. */
int xenstore_nodes_make(const struct nodes_facts *facts,
    uint16_t xenconsoled_domid, int64_t start_time_usec,
    struct xenstore_nodes *ret_nodes, struct err *err);
/* Where the rings are: the rest. Errors: NO_MEMORY. */
int xenstore_nodes_make_rings(uint32_t domid, const struct xen_rings *rings,
    struct xenstore_nodes *ret_nodes, struct err *err);
void xenstore_nodes_done(struct xenstore_nodes *nodes);

/*
 * Remove every node that these two would write, and whatever tools put below:
 * those whose path has the domain's id, and those below /vm, by its uuid. The
 * guard says whether they may go: builder/xen/store_port.h.
 * Errors: XENSTORE_FAILED; those of the guard.
 */
int xenstore_nodes_remove(const struct store_port *store, uint32_t domid,
    uint16_t xenconsoled_domid, const struct store_guard *guard,
    struct err *err);
int xenstore_nodes_remove_vm(const struct store_port *store,
    const uint8_t uuid[UUID_BYTES], const struct store_guard *guard,
    struct err *err);

#endif
