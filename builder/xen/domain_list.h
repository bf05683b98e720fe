/*
 * The domains that Xen lists now, from id 1 up.
 */
#ifndef ASSAY_BUILDER_XEN_DOMAIN_LIST_H
#define ASSAY_BUILDER_XEN_DOMAIN_LIST_H

#include "base/limits.h"
#include "base/uuid.h"
#include "grant-preload/xen_port.h"

struct domain_list {
	struct xen_domain_info *infos; /* owned */
	uint32_t count;
};

/* Errors: XEN_FAILED, NO_MEMORY. Free with domain_list_done(). */
int domain_list_read(const struct xen_port *xen, struct domain_list *ret_list,
    struct err *err);
void domain_list_done(struct domain_list *list);

/* Borrowed; NULL if no domain has the id. */
const struct xen_domain_info *domain_list_find(const struct domain_list *list,
    uint32_t domid);

/* A domain with this uuid other than `except`; borrowed, or NULL. */
const struct xen_domain_info *domain_list_uuid_owner(
    const struct domain_list *list, const uint8_t uuid[UUID_BYTES],
    uint32_t except);

#endif
