/*
 * The stage: reads the store and unpacks kernels, outside the trusted role.
 *
 * One process for one build: first the verify role asks it, then the build
 * role, over the same link. It holds the store's directory and that link, runs
 * as a user of its own in its sandbox, and offers sealed memory. Taken over, it
 * can offer bytes that are refused.
 */
#ifndef ASSAY_BUILDER_STAGE_STAGE_ROLE_H
#define ASSAY_BUILDER_STAGE_STAGE_ROLE_H

#include <stdint.h>

#include "builder/link_table.h"

/* In which state it is asked, and what it may be asked then. */
enum stage_state { STAGE_EMPTY, STAGE_FILLED };

extern const struct link_table stage_calls;

/*
 * Run in a process of its own, without a store yet, until the other ends of the
 * link are closed. Takes the link; never returns.
 */
void stage_role_run(uint32_t user, int parent_pid, int link)
    __attribute__((noreturn));

#endif
