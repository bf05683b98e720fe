/*
 * What the verify role keeps: links to the supervisor and the stage.
 */
#ifndef ASSAY_BUILDER_VERIFY_VERIFY_SANDBOX_H
#define ASSAY_BUILDER_VERIFY_VERIFY_SANDBOX_H

#include "builder/sandbox.h"

extern const struct sandbox verify_sandbox;

#endif
