/*
 * The stage: reads the store and unpacks kernels, outside the trusted role.
 *
 * One process for one build, started by the build child before it opens Xen.
 * It holds the store's directory and one link, runs as nobody behind seccomp,
 * and offers sealed memory. Taken over, it can offer bytes that are refused.
 */
#ifndef ASSAY_BUILDER_STAGE_STAGE_ROLE_H
#define ASSAY_BUILDER_STAGE_STAGE_ROLE_H

#include "builder/stage_client.h"

/* Start it, without a store yet. Errors: SYSTEM_FAILED. */
int stage_role_start(uint32_t sandbox_uid, struct stage *ret_stage,
    struct err *err);

#endif
