/*
 * What the front keeps: one listening socket, one link to the supervisor.
 */
#ifndef ASSAY_BUILDER_FRONT_FRONT_SANDBOX_H
#define ASSAY_BUILDER_FRONT_FRONT_SANDBOX_H

#include "builder/sandbox.h"

extern const struct sandbox front_sandbox;

#endif
