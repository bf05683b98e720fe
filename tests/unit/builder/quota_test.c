#include "builder_fixture.h"

#include "builder/supervisor/quota.h"

enum { FIRST = 1000, SECOND = 1001, STRANGER = 1002 };
static const uint64_t hour_usec = 3600000000;

static struct quota quota;
static struct daemon_config quota_config;

static int
setup(void **state)
{
	(void)state;
	quota = (struct quota){0};
	quota_config = (struct daemon_config){
	    .allow_uids = {FIRST, SECOND},
	    .allow_uid_count = 2,
	    .builds_per_hour = 60,
	};
	return 0;
}

static const struct caller *
of(uint32_t uid)
{
	static struct caller caller;

	caller = user_caller(uid);
	return &caller;
}

static int
take(uint32_t uid, uint64_t now_usec)
{
	struct err err;

	return quota_take_build(&quota, &quota_config, of(uid), now_usec, 0,
	    &err);
}

static void
quota_gives_an_hours_builds_at_once_and_no_more(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 60; i++)
		assert_code(take(FIRST, 5), 0);
	assert_code(take(FIRST, 5), CALLER_QUOTA_SPENT);
}

static void
quota_gives_one_more_each_time_that_an_hour_has_for_it(void **state)
{
	(void)state;
	while (take(FIRST, 0) == 0)
		continue;
	assert_code(take(FIRST, 59999999), CALLER_QUOTA_SPENT);
	assert_code(take(FIRST, 60000000), 0);
	assert_code(take(FIRST, 60000000), CALLER_QUOTA_SPENT);
	/* After an hour without any it is as at the beginning. */
	for (uint32_t i = 0; i < 60; i++)
		assert_code(take(FIRST, 3 * hour_usec), 0);
	assert_code(take(FIRST, 3 * hour_usec), CALLER_QUOTA_SPENT);
}

static void
quota_says_when_the_next_build_may_begin(void **state)
{
	struct err err;

	(void)state;
	while (take(FIRST, 0) == 0)
		continue;
	assert_code(quota_take_build(&quota, &quota_config, of(FIRST), 20000000,
			0, &err),
	    CALLER_QUOTA_SPENT);
	assert_has(err.text, "60 builds in an hour: the next in 41 seconds");
}

static void
quota_of_one_user_is_not_that_of_another(void **state)
{
	(void)state;
	while (take(FIRST, 0) == 0)
		continue;
	assert_code(take(SECOND, 0), 0);
	assert_code(take(STRANGER, 0), RPC_NOT_PERMITTED);
}

static void
quota_of_the_log_is_shared_by_the_users(void **state)
{
	struct err err;

	(void)state;
	quota_add_log(&quota, &quota_config, of(FIRST), 499);
	quota_add_log(&quota, &quota_config, of(STRANGER), 10000);
	assert_code(
	    quota_take_build(&quota, &quota_config, of(FIRST), 0, 1000, &err),
	    0);
	quota_add_log(&quota, &quota_config, of(FIRST), 1);
	assert_code(
	    quota_take_build(&quota, &quota_config, of(FIRST), 0, 1000, &err),
	    CALLER_QUOTA_SPENT);
	assert_has(err.text, "its share is 500");
	assert_code(
	    quota_take_build(&quota, &quota_config, of(SECOND), 0, 1000, &err),
	    0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(
		quota_gives_an_hours_builds_at_once_and_no_more, setup),
	    cmocka_unit_test_setup(
		quota_gives_one_more_each_time_that_an_hour_has_for_it, setup),
	    cmocka_unit_test_setup(quota_says_when_the_next_build_may_begin,
		setup),
	    cmocka_unit_test_setup(quota_of_one_user_is_not_that_of_another,
		setup),
	    cmocka_unit_test_setup(quota_of_the_log_is_shared_by_the_users,
		setup),
	};

	return cmocka_run_group_tests_name("quota", tests, NULL, NULL);
}
