/*
 * What the look role keeps: a handle of Xen, open before, and its link.
 */
#ifndef ASSAY_BUILDER_LOOK_LOOK_SANDBOX_H
#define ASSAY_BUILDER_LOOK_LOOK_SANDBOX_H

#include "builder/sandbox.h"

extern const struct sandbox look_sandbox;

#endif
