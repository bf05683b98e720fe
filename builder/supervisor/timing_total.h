/*
 * How long a build took, for the log.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_TIMING_TOTAL_H
#define ASSAY_BUILDER_SUPERVISOR_TIMING_TOTAL_H

#include "builder/timing.h"

uint32_t timing_total_usec(const struct timing *timing);

#endif
