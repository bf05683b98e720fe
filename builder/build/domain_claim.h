/*
 * Which domain is meant by what is known of one that may exist, and whose nodes
 * may go with it.
 */
#ifndef ASSAY_BUILDER_BUILD_DOMAIN_CLAIM_H
#define ASSAY_BUILDER_BUILD_DOMAIN_CLAIM_H

#include "builder/build_link.h"
#include "builder/nodes_link.h"
#include "builder/xen/domain_list.h"

/* *ret_domid is 0 if there is none. Errors: DOMAIN_AMBIGUOUS. */
int domain_claim_find(const struct domain_list *list,
    const struct domain_claim *claim, uint32_t *ret_domid, struct err *err);

/*
 * May the nodes of the claim's id, or of its uuid, go? If no domain that Xen
 * has now, but the one that is removed, has it. Errors: XEN_FAILED, NO_MEMORY.
 */
int domain_claim_may_remove(const struct domain_claim *claim,
    const struct xen_port *xen, enum nodes_of of, bool *ret_may,
    struct err *err);

#endif
