/*
 * What the nodes role keeps: two connections to xenstored, open before, and its
 * link. No device.
 */
#ifndef ASSAY_BUILDER_NODES_NODES_SANDBOX_H
#define ASSAY_BUILDER_NODES_NODES_SANDBOX_H

#include "builder/sandbox.h"

extern const struct sandbox nodes_sandbox;

#endif
