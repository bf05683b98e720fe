/*
 * How much of the host a role can use up, and who is killed first when the
 * host's memory is.
 *
 * Not done: memory that a role makes and hands over is bounded for each piece
 * and by the number of descriptors, not as a sum; for that a host has cgroups.
 */
#ifndef ASSAY_BUILDER_SANDBOX_LIMITS_H
#define ASSAY_BUILDER_SANDBOX_LIMITS_H

#include "builder/sandbox.h"

/*
 * Of this process, for good. Needs no privilege, but one that was started
 * without any keeps its place among those that are killed.
 * Effects: SIGXFSZ is ignored, so that a file that grows too large is an error.
 * Errors: SYSTEM_FAILED.
 */
int sandbox_limits_set(enum sandbox_role role, struct err *err);

/* The supervisor is killed last: all roles would die with it. */
void sandbox_limits_keep(void);

#endif
