#include "daemon_clock.h"

#include <sys/mman.h>

#include "builder/timing.h"

volatile uint64_t *ahead_usec;

uint64_t __real_timing_now_usec(void);
uint64_t __wrap_timing_now_usec(void);

uint64_t
__wrap_timing_now_usec(void)
{
	return __real_timing_now_usec() +
	       (ahead_usec != NULL ? *ahead_usec : 0);
}

int
clocked_setup(void **state)
{
	if (ahead_usec == NULL)
		ahead_usec = mmap(NULL, sizeof(*ahead_usec),
		    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal((void *)(uintptr_t)ahead_usec, MAP_FAILED);
	*ahead_usec = 0;
	return daemon_setup(state);
}
