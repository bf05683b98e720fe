#include "builder/timing.h"

#include <time.h>

void
timing_mark(struct timing *timing, enum timing_phase phase)
{
	uint64_t now = timing_now_usec();

	timing->phase_usec[phase] += (uint32_t)(now - timing->last_usec);
	timing->last_usec = now;
}

uint64_t
timing_now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}
