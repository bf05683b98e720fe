/*
 * What the build role keeps: Xen handles, open before, and its links.
 */
#ifndef ASSAY_BUILDER_BUILD_BUILD_SANDBOX_H
#define ASSAY_BUILDER_BUILD_BUILD_SANDBOX_H

#include "builder/sandbox.h"

extern const struct sandbox build_sandbox;

#endif
