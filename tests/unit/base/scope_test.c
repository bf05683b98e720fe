#include "base_fixture.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/scope.h"

static int done_count;

static void
count_done(int *value)
{
	done_count += *value;
}

static int
fail_early(int code)
{
	CLEANUP(count_done)
	int one = 1;

	(void)one;
	TRY(code);
	done_count += 100;
	return 0;
}

static void
try_returns_the_code_and_cleans_up(void **state)
{
	(void)state;
	done_count = 0;
	assert_int_equal(fail_early(42), 42);
	assert_int_equal(done_count, 1);
	assert_int_equal(fail_early(0), 0);
	assert_int_equal(done_count, 102);
}

static void
take_leaves_nothing_behind(void **state)
{
	int value = 3;
	int *ptr = &value;
	int fd = 5;

	(void)state;
	assert_ptr_equal(take_ptr(&ptr), &value);
	assert_null(ptr);
	assert_int_equal(take_fd(&fd), 5);
	assert_int_equal(fd, -1);
}

static void
closep_closes_once(void **state)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int number = fd;

	(void)state;
	assert_true(fd >= 0);
	closep(&fd);
	assert_int_equal(fd, -1);
	assert_int_equal(fcntl(number, F_GETFD), -1);
	closep(&fd);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(try_returns_the_code_and_cleans_up),
	    cmocka_unit_test(take_leaves_nothing_behind),
	    cmocka_unit_test(closep_closes_once),
	};

	return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
