#include "builder/supervisor/timing_total.h"

uint32_t
timing_total_usec(const struct timing *timing)
{
	uint32_t total = 0;

	for (int phase = 0; phase < TIMING_PHASE_COUNT; phase++)
		total += timing->phase_usec[phase];
	return total;
}
