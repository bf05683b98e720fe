/*
 * What the watch role keeps: two connections to xenstored, open before, and its
 * link. No device.
 */
#ifndef ASSAY_BUILDER_WATCH_WATCH_SANDBOX_H
#define ASSAY_BUILDER_WATCH_WATCH_SANDBOX_H

#include "builder/sandbox.h"

extern const struct sandbox watch_sandbox;

#endif
