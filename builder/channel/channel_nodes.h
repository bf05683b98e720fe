/*
 * What tells a client domain where its ring is: two nodes that it alone may
 * read, written in one go.
 *
 * Spec: xen/include/public/io/libxenvchan.h; decision 0044 for the path.
 */
#ifndef ASSAY_BUILDER_CHANNEL_CHANNEL_NODES_H
#define ASSAY_BUILDER_CHANNEL_CHANNEL_NODES_H

#include "builder/xen/xenstore_batch.h"

/* Errors: XENSTORE_FAILED. */
int channel_nodes_write(struct xenstore_batch *store, uint32_t domid,
    uint32_t ref, uint32_t port, struct err *err);

/* Those of one domain, or of all. Errors: XENSTORE_FAILED. */
int channel_nodes_remove(struct xenstore_batch *store, uint32_t domid,
    struct err *err);
int channel_nodes_clear(struct xenstore_batch *store, struct err *err);

#endif
