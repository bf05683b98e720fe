/*
 * The daemon's clock in the hands of a test. Whoever links this has its calls
 * of timing_now_usec() wrapped.
 */
#ifndef ASSAY_TESTS_DAEMON_CLOCK_H
#define ASSAY_TESTS_DAEMON_CLOCK_H

#include "daemon_fixture.h"

/* How much the clock is ahead, in all processes that the test starts from here
 * on; NULL before clocked_setup(). */
extern volatile uint64_t *ahead_usec;

/* cmocka setup: as daemon_setup(), with a clock that is right. */
int clocked_setup(void **state);

#define clocked_test(test) \
	cmocka_unit_test_setup_teardown(test, clocked_setup, daemon_teardown)

#endif
