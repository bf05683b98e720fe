/*
 * Asking a guest to shut down, as libxl does: a word in a node that the guest
 * watches (tools/libs/light/libxl_domain.c libxl__domain_pvcontrol).
 */
#ifndef ASSAY_BUILDER_XEN_XENSTORE_SHUTDOWN_H
#define ASSAY_BUILDER_XEN_XENSTORE_SHUTDOWN_H

#include "base/uuid.h"
#include "builder/xen/xenstore_link.h"

/*
 * "poweroff", if the domain of this id is the one with this uuid: that stands
 * in a node that the guest cannot write, is read in the same transaction, and
 * is written anew when another domain gets the id. What the guest makes of it
 * is its own affair.
 * Errors: DOMAIN_UNKNOWN; XENSTORE_FAILED, also if the guest changes the node
 * again and again.
 */
int xenstore_shutdown_ask(struct xenstore_link *link, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], struct err *err);

#endif
