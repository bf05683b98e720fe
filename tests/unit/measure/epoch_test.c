#include "base_fixture.h"
#include "tpm_port_fake.h"

#include <string.h>

#include "base/limits.h"
#include "measure/epoch.h"

static void
the_floor_is_what_was_counted_since_the_base(void **state)
{
	struct tpm_fake *fake = tpm_fake_new();
	struct tpm_port port = tpm_fake_port(fake);
	int64_t floor = 99;
	struct err err = {0};

	(void)state;
	fake->counter = 12;
	assert_refused(epoch_floor(&port, 7, &floor, &err), 0);
	assert_int_equal(floor, 5);
	assert_refused(epoch_floor(&port, 13, &floor, &err), EPOCH_COUNTER_BAD);
	fake->counter = UINT64_MAX;
	assert_refused(epoch_floor(&port, 0, &floor, &err), EPOCH_COUNTER_BAD);
	assert_int_equal(floor, 5);
	tpm_fake_free(fake);
}

/* Its counter is younger than the fleet: the base is below 0. */
static void
a_host_that_joined_later_has_the_epoch_of_its_fleet(void **state)
{
	struct tpm_fake *fake = tpm_fake_new();
	struct tpm_port port = tpm_fake_port(fake);
	const uint64_t base = (uint64_t)(1 - 5000);
	int64_t floor = 0;
	struct err err = {0};

	(void)state;
	fake->counter = 1;
	assert_refused(epoch_floor(&port, base, &floor, &err), 0);
	assert_int_equal(floor, 5000);
	assert_refused(epoch_raise(&port, base, 5003, &err), 0);
	assert_int_equal(fake->counter, 4);
	assert_refused(epoch_raise(&port, base, 5002, &err), STORE_ROLLBACK);
	tpm_fake_free(fake);
}

static void
an_epoch_is_counted_up_to_and_not_beyond(void **state)
{
	struct tpm_fake *fake = tpm_fake_new();
	struct tpm_port port = tpm_fake_port(fake);
	struct err err = {0};

	(void)state;
	fake->counter = 7;
	assert_refused(epoch_raise(&port, 7, 3, &err), 0);
	assert_int_equal(fake->counter, 10);
	assert_refused(epoch_raise(&port, 7, 3, &err), 0);
	assert_int_equal(fake->counter, 10);
	tpm_fake_free(fake);
}

static void
an_older_epoch_and_one_far_ahead_count_nothing(void **state)
{
	struct tpm_fake *fake = tpm_fake_new();
	struct tpm_port port = tpm_fake_port(fake);
	struct err err = {0};

	(void)state;
	fake->counter = 10;
	assert_refused(epoch_raise(&port, 7, 2, &err), STORE_ROLLBACK);
	assert_refused(epoch_raise(&port, 7, -1, &err), STORE_ROLLBACK);
	assert_refused(epoch_raise(&port, 7, 3 + LIMIT_EPOCH_STEPS + 1, &err),
	    EPOCH_TOO_FAR);
	assert_refused(epoch_raise(&port, 7, INT64_MAX, &err), EPOCH_TOO_FAR);
	assert_int_equal(fake->counter, 10);
	assert_refused(epoch_raise(&port, 7, 3 + LIMIT_EPOCH_STEPS, &err), 0);
	tpm_fake_free(fake);
}

static void
an_interrupted_count_goes_on_later(void **state)
{
	struct tpm_fake *fake = tpm_fake_new();
	struct tpm_port port = tpm_fake_port(fake);
	struct err err = {0};

	(void)state;
	fake->fail_at = 4;
	assert_refused(epoch_raise(&port, 0, 5, &err), TPM_FAILED);
	assert_int_equal(fake->counter, 2);
	assert_refused(epoch_raise(&port, 0, 5, &err), 0);
	assert_int_equal(fake->counter, 5);
	tpm_fake_free(fake);
}

static int
count_nothing(void *tpm, struct err *err)
{
	(void)tpm;
	(void)err;
	return 0;
}

static void
a_counter_that_does_not_count_is_noticed(void **state)
{
	struct tpm_fake *fake = tpm_fake_new();
	struct tpm_port port = tpm_fake_port(fake);
	struct tpm_ops ops = *port.ops;
	struct err err = {0};

	(void)state;
	ops.counter_increment = count_nothing;
	port.ops = &ops;
	assert_refused(epoch_raise(&port, 0, 5, &err), EPOCH_COUNTER_BAD);
	tpm_fake_free(fake);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_floor_is_what_was_counted_since_the_base),
	    cmocka_unit_test(
		a_host_that_joined_later_has_the_epoch_of_its_fleet),
	    cmocka_unit_test(an_epoch_is_counted_up_to_and_not_beyond),
	    cmocka_unit_test(an_older_epoch_and_one_far_ahead_count_nothing),
	    cmocka_unit_test(an_interrupted_count_goes_on_later),
	    cmocka_unit_test(a_counter_that_does_not_count_is_noticed),
	};

	return cmocka_run_group_tests_name("epoch", tests, NULL, NULL);
}
