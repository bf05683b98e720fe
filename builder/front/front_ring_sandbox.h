/* What the front of one domain keeps. */
#ifndef ASSAY_BUILDER_FRONT_FRONT_RING_SANDBOX_H
#define ASSAY_BUILDER_FRONT_FRONT_RING_SANDBOX_H

#include "builder/sandbox.h"

extern const struct sandbox front_ring_sandbox;

#endif
