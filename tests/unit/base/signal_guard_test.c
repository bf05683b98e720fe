#include "base_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/signal_guard.h"
#include "base/scope.h"

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
enum { LARGE = 5 << 20 }; /* at least three steps of file_write() */

/* Of a child: a signal comes in its n-th write(), or in its fsync(). */
static int signal_at_write;
static bool signal_at_fsync;

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);
int __real_fsync(int fd);
int __wrap_fsync(int fd);

ssize_t
__wrap_write(int fd, const void *data, size_t len)
{
	if (signal_at_write > 0 && --signal_at_write == 0)
		raise(SIGINT);
	return __real_write(fd, data, len);
}

int
__wrap_fsync(int fd)
{
	if (signal_at_fsync)
		raise(SIGTERM);
	return __real_fsync(fd);
}

/* At the end of a hold, just before the old handler is back. */
static bool signal_at_end;

int __real_sigaction(int number, const struct sigaction *act,
    struct sigaction *old);
int __wrap_sigaction(int number, const struct sigaction *act,
    struct sigaction *old);

int
__wrap_sigaction(int number, const struct sigaction *act, struct sigaction *old)
{
	if (signal_at_end && number == SIGTERM)
		raise(SIGTERM);
	return __real_sigaction(number, act, old);
}

/* How a child ends that does this, with signals as a shell sets them. */
static int
status_of(void (*act)(int number), int number)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		for (size_t i = 0; i < countof(signals); i++)
			signal(signals[i], SIG_DFL);
		act(number);
		_exit(7);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
assert_killed_by(int status, int number)
{
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), number);
}

static void
make_file(const char *path)
{
	close(open(path, O_CREAT | O_WRONLY, 0600));
}

static void
be_hit_in_the_inner_hold(int number)
{
	struct signal_guard outer = signal_guard_begin();
	struct signal_guard inner = signal_guard_begin();

	raise(number);
	signal_guard_end(&inner);
	make_file("after-inner");
	signal_guard_end(&outer);
	make_file("after-outer");
}

static void
a_signal_arrives_when_the_outermost_hold_ends(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(signals); i++) {
		assert_killed_by(
		    status_of(be_hit_in_the_inner_hold, signals[i]),
		    signals[i]);
		assert_int_equal(access("after-inner", F_OK), 0);
		assert_int_equal(access("after-outer", F_OK), -1);
		unlink("after-inner");
	}
}

static void
hold_check_fails_once_a_signal_came(void **state)
{
	struct signal_guard outer;
	struct signal_guard guard;
	struct err err = {0};

	(void)state;
	signal(SIGINT, SIG_DFL);
	outer = signal_guard_begin();
	guard = signal_guard_begin();
	assert_int_equal(signal_guard_check("web/kernel", &err), 0);
	assert_int_equal(err.code, ERR_NONE);
	raise(SIGINT);
	assert_refused(signal_guard_check("web/kernel", &err), STORE_IO);
	assert_int_equal(err.sys, EINTR);
	assert_has(err.text, "web/kernel: Interrupted");
	signal_guard_end(&guard);
	assert_refused(signal_guard_check("web/kernel", &err), STORE_IO);
	/* What it was before takes the signal, and the next hold is a new one.
	 */
	for (size_t i = 0; i < SIGNAL_GUARD_SIGNALS; i++)
		outer.before[i].sa_handler = SIG_IGN;
	signal_guard_end(&outer);
	guard = signal_guard_begin();
	assert_int_equal(signal_guard_check("web/kernel", &err), 0);
	signal_guard_end(&guard);
}

static void
a_signal_that_is_ignored_stays_ignored(void **state)
{
	struct signal_guard guard;
	struct err err;

	(void)state;
	signal(SIGHUP, SIG_IGN);
	guard = signal_guard_begin();
	raise(SIGHUP);
	assert_int_equal(signal_guard_check("f", &err), 0);
	signal_guard_end(&guard);
	signal(SIGHUP, SIG_DFL);
}

static void
write_a_large_file(int number)
{
	CLEANUP(freep) uint8_t *data = calloc(1, LARGE);
	struct err err;

	(void)number;
	file_write("f", bytes_of(data, LARGE), 0644, FILE_REFUSE, &err);
	make_file("after");
}

static void
file_write_leaves_nothing_when_a_signal_comes(void **state)
{
	(void)state;
	for (int n = 1; n <= 3; n++) {
		signal_at_write = n;
		assert_killed_by(status_of(write_a_large_file, 0), SIGINT);
		assert_int_equal(count_names(), 0);
	}
	signal_at_write = 0;
}

static void
file_write_gives_a_whole_file_its_name_when_a_signal_comes(void **state)
{
	struct stat st;

	(void)state;
	signal_at_fsync = true;
	assert_killed_by(status_of(write_a_large_file, 0), SIGTERM);
	signal_at_fsync = false;
	assert_int_equal(count_names(), 1);
	assert_int_equal(stat("f", &st), 0);
	assert_int_equal(st.st_size, LARGE);
}

#define scratch_test(test) \
	cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)

static void
hold_until_a_signal_comes_at_its_end(int number)
{
	struct signal_guard guard = signal_guard_begin();

	(void)number;
	signal_at_end = true;
	signal_guard_end(&guard);
}

static void
a_signal_at_the_end_of_a_hold_is_not_lost(void **state)
{
	int status = status_of(hold_until_a_signal_comes_at_its_end, 0);

	(void)state;
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGTERM);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_signal_at_the_end_of_a_hold_is_not_lost),
	    scratch_test(a_signal_arrives_when_the_outermost_hold_ends),
	    cmocka_unit_test(hold_check_fails_once_a_signal_came),
	    cmocka_unit_test(a_signal_that_is_ignored_stays_ignored),
	    scratch_test(file_write_leaves_nothing_when_a_signal_comes),
	    scratch_test(
		file_write_gives_a_whole_file_its_name_when_a_signal_comes),
	};

	return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
