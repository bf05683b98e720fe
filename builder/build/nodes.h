/*
 * The xenstore nodes of the one domain that is made or removed here, by the
 * nodes role, which alone has xenstored: builder/nodes_link.h.
 */
#ifndef ASSAY_BUILDER_BUILD_NODES_H
#define ASSAY_BUILDER_BUILD_NODES_H

#include "builder/build_link.h"
#include "builder/nodes_link.h"
#include "builder/xen/domain_list.h"

struct nodes {
	int link;                   /* borrowed */
	const struct xen_port *xen; /* who has an id or a uuid now; borrowed */
	struct domain_claim claim;  /* whose nodes may go meanwhile */
	bool is_busy;               /* an answer is to come */
	struct nodes_done done;     /* the last one */
	struct link_place place;
};

/* What the role may say. */
extern const struct link_table nodes_reports;

/* All errors: XENSTORE_FAILED, also if the role has ended; and what it says. */

/* Is xenstored the one that was there when the role began? */
int nodes_check(struct nodes *nodes, struct err *err);

/* The first of these domains, or domain 0, that has the name; UINT32_MAX: none.
 */
int nodes_find(struct nodes *nodes, const struct domain_list *list,
    const char *name, uint32_t *ret_domid, struct err *err);

/* Begin to write these, once what an earlier domain of the id or the uuid left
 * is gone. Does not wait: how that went the next call tells. */
int nodes_send(struct nodes *nodes, const struct nodes_facts *facts,
    struct err *err);

/* Write those and where the rings are, all or none; have the ring served. */
int nodes_publish(struct nodes *nodes, const struct nodes_rings *rings,
    struct err *err);
int nodes_introduce(struct nodes *nodes, const struct nodes_rings *rings,
    struct err *err);

/* Remove what the claim's domain has, or left, unless another domain has its id
 * or its uuid. */
int nodes_remove(struct nodes *nodes, const struct domain_claim *claim,
    struct err *err);

#endif
