/*
 * The nodes role: writes and removes the xenstore nodes of one domain, as the
 * build role that it belongs to says. It has connections to xenstored and no
 * handle of Xen.
 */
#ifndef ASSAY_BUILDER_NODES_NODES_ROLE_H
#define ASSAY_BUILDER_NODES_NODES_ROLE_H

#include "builder/link_table.h"
#include "builder/role.h"

/* In which state it is that is told something. */
enum nodes_state {
	NODES_SERVES,
	NODES_ASKED, /* it asked whether nodes may go */
};

/* What it may be told: builder/nodes_link.h. */
extern const struct link_table nodes_calls;

/* Run in a process of its own, until the other side of the link closes, or
 * xenstored ends. Takes the link; never returns. */
void nodes_role_run(const struct role_start *start, int link)
    __attribute__((noreturn));

#endif
