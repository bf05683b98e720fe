/*
 * The verdicts that the supervisor keeps for the next verify role.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_VERDICT_KEEP_H
#define ASSAY_BUILDER_SUPERVISOR_VERDICT_KEEP_H

#include "builder/verdict_cache.h"

/* The oldest one goes. */
void verdict_keep(struct verdict_cache *cache, const struct digest *policy,
    const struct trust_verdict *verdict);

#endif
