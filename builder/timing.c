#include "builder/timing.h"

#include <time.h>

static const char *const phase_names[] = {
#define TIMING_NAME(phase, name) [phase] = name,
    TIMING_PHASES(TIMING_NAME)
#undef TIMING_NAME
};

void
timing_start(struct timing *timing)
{
	*timing = (struct timing){.last_usec = timing_now_usec()};
}

void
timing_mark(struct timing *timing, enum timing_phase phase)
{
	uint64_t now = timing_now_usec();

	timing->phase_usec[phase] += (uint32_t)(now - timing->last_usec);
	timing->last_usec = now;
}

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

uint64_t
timing_now_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000u + (uint64_t)now.tv_nsec / 1000u;
}
