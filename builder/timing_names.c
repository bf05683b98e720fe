#include "builder/timing_names.h"

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

uint32_t
timing_total_usec(const struct timing *timing)
{
	uint32_t total = 0;

	for (int phase = 0; phase < TIMING_PHASE_COUNT; phase++)
		total += timing->phase_usec[phase];
	return total;
}
