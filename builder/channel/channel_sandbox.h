/* What the channel role keeps. */
#ifndef ASSAY_BUILDER_CHANNEL_CHANNEL_SANDBOX_H
#define ASSAY_BUILDER_CHANNEL_CHANNEL_SANDBOX_H

#include "builder/sandbox.h"

extern const struct sandbox channel_sandbox;

#endif
