/*
 * The times of a build as they are told: for who reports them.
 */
#ifndef ASSAY_BUILDER_FRONT_TIMING_NAMES_H
#define ASSAY_BUILDER_FRONT_TIMING_NAMES_H

#include "builder/timing.h"

const char *timing_phase_name(enum timing_phase phase);

#endif
