/*
 * Many xenstore writes in one transaction without waiting for each reply.
 *
 * A new domain has some seventy nodes: all requests go out first, then the
 * replies are read. Only the kernel's device makes it wait for each.
 */
#ifndef ASSAY_BUILDER_XEN_XENSTORE_BATCH_H
#define ASSAY_BUILDER_XEN_XENSTORE_BATCH_H

#include <stdbool.h>

#include "base/err.h"
#include "builder/xen/store_port.h"
#include "builder/xen/xenstore_link.h"

/* A connection that nobody else uses, and the transaction under way on it. */
struct xenstore_batch {
	struct xenstore_link link;
	bool is_begun;
	uint32_t transaction;
	const struct store_node *nodes; /* sent first; borrowed */
	uint32_t count;
	struct err refusal; /* the first, of the transaction */
};

/*
 * Begin a transaction, send these nodes, and do not wait for the replies. The
 * nodes are borrowed until xenstore_batch_write().
 */
int xenstore_batch_begin(struct xenstore_batch *batch,
    const struct store_node *nodes, uint32_t count, struct err *err);

/*
 * Write these nodes and those that were sent before, all or none. If somebody
 * else changed the same nodes meanwhile, all is done again, for some two
 * seconds: a guest that makes transactions collide without end (XSA-206) costs
 * a build, not the builder.
 * Errors: XENSTORE_FAILED, naming the first node that was refused.
 */
int xenstore_batch_write(struct xenstore_batch *batch,
    const struct store_node *nodes, uint32_t count, struct err *err);

#endif
