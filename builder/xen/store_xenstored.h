/*
 * The xenstore seam on a real xenstored.
 */
#ifndef ASSAY_BUILDER_XEN_STORE_XENSTORED_H
#define ASSAY_BUILDER_XEN_STORE_XENSTORED_H

#include "builder/xen/store_port.h"

/* Whoever opens it closes it. Errors: XENSTORE_FAILED, NO_MEMORY. */
int store_xenstored_open(struct store_port *ret_port, struct err *err);

#endif
