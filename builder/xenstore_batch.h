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

/* A connection of its own. Errors: XENSTORE_FAILED. */
int xenstore_batch_open(int *ret_fd, struct err *err);

/*
 * Write all nodes in one transaction, in this order.
 * *ret_collided: somebody else changed the same nodes meanwhile; nothing was
 * written, try again.
 * Errors: XENSTORE_FAILED, naming the first node that was refused. The
 * connection is then of no use any more.
 */
int xenstore_batch_write(int fd, const struct xen_node *nodes, uint32_t count,
    bool *ret_collided, struct err *err);

#endif
