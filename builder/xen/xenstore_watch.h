/*
 * A connection to xenstored on which it says that domains came, went or shut
 * down, and nothing else. What it says is not looked at: that something came is
 * all that there is to know.
 *
 * xenstored fires these watches when it is told of a domain and when Xen raises
 * VIRQ_DOM_EXC, which is for a shutdown too (tools/xenstore/xenstored_domain.c
 * domain_cleanup, do_introduce). A guest cannot fire them in another way.
 */
#ifndef ASSAY_BUILDER_XEN_XENSTORE_WATCH_H
#define ASSAY_BUILDER_XEN_XENSTORE_WATCH_H

#include "base/err.h"

/*
 * Waits until xenstored has said yes to both watches. The descriptor is the
 * caller's, does not block, and is readable after an event.
 * Errors: XENSTORE_FAILED.
 */
int xenstore_watch_open(int *ret_fd, struct err *err);

/* Forget what came. Errors: XENSTORE_FAILED if xenstored has ended it. */
int xenstore_watch_take(int fd, struct err *err);

#endif
