/*
 * The Xen seam on libxenctrl, libxenguest and a connection to xenstored.
 */
#ifndef ASSAY_BUILDER_XEN_XEN_PORT_LIBXC_H
#define ASSAY_BUILDER_XEN_XEN_PORT_LIBXC_H

#include <stdbool.h>

#include "grant-preload/xen_port.h"

/*
 * Open handles to the hypervisor, and to xenstored if it is asked for: without
 * it a dead xenstored is no obstacle, and all store_* operations are a BUG.
 * Nothing is opened later, so that a process can enter its sandbox now. One
 * port serves one build at a time. Close with xen_port_close().
 * Errors: XEN_FAILED, XENSTORE_FAILED, NO_MEMORY.
 */
int xen_port_libxc_open(bool with_store, struct xen_port *ret_port,
    struct err *err);

#endif
