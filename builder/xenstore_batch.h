/*
 * Many xenstore writes in one transaction without waiting for each reply.
 *
 * A new domain has some seventy nodes. libxenstore sends a request and waits
 * for its reply, one by one; here all requests go out first, then the replies
 * are read. Only what a batch of writes needs: for everything else there is
 * libxenstore.
 * Spec: Xen docs/misc/xenstore.txt, xen/include/public/io/xs_wire.h.
 */
#ifndef ASSAY_BUILDER_XENSTORE_BATCH_H
#define ASSAY_BUILDER_XENSTORE_BATCH_H

#include <stdbool.h>

#include "base/err.h"
#include "base/xen_port.h"

/* A connection of its own, and the transaction under way on it. */
struct xenstore_batch {
	int fd;
	bool is_begun;
	uint32_t transaction;
	const struct xen_node *nodes; /* sent first; borrowed */
	uint32_t count;
};

/* Errors: XENSTORE_FAILED. */
int xenstore_batch_open(struct xenstore_batch *ret_batch, struct err *err);
void xenstore_batch_close(struct xenstore_batch *batch);

/*
 * Begin a transaction, send these nodes, and do not wait for the replies. The
 * nodes are borrowed until xenstore_batch_write().
 */
int xenstore_batch_begin(struct xenstore_batch *batch,
    const struct xen_node *nodes, uint32_t count, struct err *err);

/*
 * Write these nodes and those that were sent before, all or none. If somebody
 * else changed the same nodes meanwhile, all is done again, for some two
 * seconds: a guest that makes transactions collide for ever (XSA-206) costs a
 * build, not the builder.
 * Errors: XENSTORE_FAILED, naming the first node that was refused. The
 * connection is then of no use any more.
 */
int xenstore_batch_write(struct xenstore_batch *batch,
    const struct xen_node *nodes, uint32_t count, struct err *err);

#endif
