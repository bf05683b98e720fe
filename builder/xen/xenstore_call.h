/*
 * Single requests to xenstored, and the removal of nodes that a guard permits.
 */
#ifndef ASSAY_BUILDER_XEN_XENSTORE_CALL_H
#define ASSAY_BUILDER_XEN_XENSTORE_CALL_H

#include "base/err.h"
#include "builder/xen/store_port.h"
#include "builder/xen/xenstore_link.h"

/*
 * Which of these nodes has this value? *ret_index is the first, or `count`.
 * Errors: XENSTORE_FAILED.
 */
int xenstore_call_find(struct xenstore_link *link, const char *const *paths,
    uint32_t count, const char *value, uint32_t *ret_index, struct err *err);

/*
 * Remove nodes and all below them, if there are any. All are tried; the first
 * failure is returned.
 * Errors: XENSTORE_FAILED.
 */
int xenstore_call_remove(struct xenstore_link *link, const char *const *paths,
    uint32_t count, struct err *err);

/*
 * The same in one transaction, all or none, if the guard permits it. It is
 * asked after the removal and before the commit: whoever writes one of the
 * nodes in between makes all of it begin again, for some two seconds. With
 * oxenstored it is who makes or removes one, or a child of it. Where there is
 * nothing there is no transaction, and the guard is not asked.
 * Errors: XENSTORE_FAILED, and what the guard fails with.
 */
int xenstore_call_remove_guarded(struct xenstore_link *link,
    const char *const *paths, uint32_t count, const struct store_guard *guard,
    struct err *err);

/* Tell xenstored to serve a domain's ring. Errors: XENSTORE_FAILED. */
int xenstore_call_introduce(struct xenstore_link *link, uint32_t domid,
    uint64_t frame, uint32_t port, struct err *err);

#endif
