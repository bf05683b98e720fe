/*
 * The look role: asks Xen which domains there are, and about the host, so that
 * the supervisor needs no handle of Xen; and pauses and unpauses. It lives on,
 * makes nothing and destroys nothing.
 */
#ifndef ASSAY_BUILDER_LOOK_LOOK_ROLE_H
#define ASSAY_BUILDER_LOOK_LOOK_ROLE_H

#include "builder/role.h"

/* Run in a process of its own, until the other side of the link closes:
 * builder/look_link.h. Takes the link; never returns. */
void look_role_run(const struct role_start *start, int link)
    __attribute__((noreturn));

#endif
