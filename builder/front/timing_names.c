#include "builder/front/timing_names.h"

static const char *const phase_names[] = {
#define TIMING_NAME(phase, name) [phase] = name,
    TIMING_PHASES(TIMING_NAME)
#undef TIMING_NAME
};

const char *
timing_phase_name(enum timing_phase phase)
{
	return phase_names[phase];
}
