/*
 * What the stage keeps: one store, one link to who asks.
 */
#ifndef ASSAY_BUILDER_STAGE_STAGE_SANDBOX_H
#define ASSAY_BUILDER_STAGE_STAGE_SANDBOX_H

#include "builder/sandbox.h"

extern const struct sandbox stage_sandbox;

#endif
