/*
 * The Xen seam on libxenctrl and libxenguest: all that the build role asks, but
 * no host_info.
 */
#ifndef ASSAY_BUILDER_XEN_XEN_PORT_LIBXC_H
#define ASSAY_BUILDER_XEN_XEN_PORT_LIBXC_H

#include "grant-preload/xen_port.h"

/*
 * Open handles to the hypervisor. Nothing is opened later, so that a process
 * can enter its sandbox now. One port serves one build at a time. Close with
 * xen_port_close(). Errors: XEN_FAILED, NO_MEMORY.
 */
int xen_port_libxc_open(struct xen_port *ret_port, struct err *err);

#endif
