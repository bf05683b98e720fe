/*
 * The part of the Xen seam for who looks: which domains there are, and the
 * host; and pausing. It does not speak to xenstored, which may be dead.
 */
#ifndef ASSAY_BUILDER_XEN_XEN_LOOK_H
#define ASSAY_BUILDER_XEN_XEN_LOOK_H

#include "grant-preload/xen_port.h"

/*
 * Has domain_list, host_info, domain_pause, domain_unpause and close alone.
 * Nothing is opened later. Close with xen_port_close().
 * Errors: XEN_UNREACHABLE, NO_MEMORY.
 */
int xen_look_open(struct xen_port *ret_port, struct err *err);

#endif
