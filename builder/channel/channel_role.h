/*
 * Offers channels to client domains: a page, a port, and two nodes that say
 * where they are. It never looks into a page: whoever serves the domain does,
 * in a process of its own.
 */
#ifndef ASSAY_BUILDER_CHANNEL_CHANNEL_ROLE_H
#define ASSAY_BUILDER_CHANNEL_CHANNEL_ROLE_H

#include "builder/role.h"

/* Does not return. `link`: to the supervisor; taken. */
void channel_role_run(const struct role_start *start, int link)
    __attribute__((noreturn));

/* What it may be asked. */
extern const struct link_table channel_calls;

#endif
