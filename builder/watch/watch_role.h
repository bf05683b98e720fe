/*
 * The watch role: hears from xenstored that domains came, went or shut down,
 * and says so to the supervisor; and asks guests to shut down. It has no handle
 * of Xen. It lives on.
 */
#ifndef ASSAY_BUILDER_WATCH_WATCH_ROLE_H
#define ASSAY_BUILDER_WATCH_WATCH_ROLE_H

#include "builder/link_table.h"
#include "builder/role.h"

/* In which state it is that may be told something. */
enum watch_state { WATCH_SERVES };

/* What it may be told: builder/watch_link.h. */
extern const struct link_table watch_calls;

/* Run in a process of its own, until the other side of the link closes, or
 * xenstored ends. Takes the link; never returns. */
void watch_role_run(const struct role_start *start, int link)
    __attribute__((noreturn));

#endif
