/*
 * What assayd takes over from whoever starts it: the function in a child that
 * was started badly, and the program itself.
 */
#include "base_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/process_start.h"

enum { STREAMS = 3, SUBSETS = 1 << STREAMS, PATIENCE_SECONDS = 20 };

#define need(condition)                           \
	do {                                      \
		if (!(condition))                 \
			_exit(__LINE__ % 90 + 1); \
	} while (0)

/* The streams of which the bit is set. */
static void
close_streams(int subset)
{
	for (int fd = 0; fd < STREAMS; fd++) {
		if ((subset >> fd & 1) != 0)
			close(fd);
	}
}

static bool
is_null_device(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISCHR(st.st_mode) &&
	       st.st_rdev == makedev(1, 3);
}

static int
status_of(void (*act)(int), int argument)
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		alarm(PATIENCE_SECONDS);
		act(argument);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

/* --- the function ---------------------------------------------------- */

static void
fill_a_subset(int subset)
{
	int file;
	struct err err;

	need(close_range(STREAMS, ~0u, 0) == 0); /* what the runner left open */
	file = open("stream", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	for (int fd = 0; fd < STREAMS; fd++)
		need(dup2(file, fd) == fd);
	need(file >= STREAMS && close(file) == 0);
	close_streams(subset);
	need(process_start(&err) == 0);
	for (int fd = 0; fd < STREAMS; fd++)
		need(is_null_device(fd) == ((subset >> fd & 1) != 0));
	/* It kept nothing open besides. */
	need(open("stream", O_RDONLY | O_CLOEXEC) == STREAMS);
}

static void
process_start_fills_the_streams_that_are_closed(void **state)
{
	(void)state;
	for (int subset = 0; subset < SUBSETS; subset++)
		assert_int_equal(status_of(fill_a_subset, subset), 0);
}

static void
fill_without_room(int subset)
{
	const struct rlimit none = {0, 0};
	struct err err = {0};

	close_streams(subset);
	need(setrlimit(RLIMIT_NOFILE, &none) == 0);
	need(process_start(&err) == (subset == 0 ? 0 : SYSTEM_FAILED));
	need(subset == 0 || err.sys == EMFILE);
}

static void
process_start_refuses_to_go_on_without_streams(void **state)
{
	(void)state;
	for (int subset = 0; subset < SUBSETS; subset++)
		assert_int_equal(status_of(fill_without_room, subset), 0);
}

static void
lose_and_see_a_status(int unused)
{
	int status = 0;
	struct err err;
	pid_t pid;

	(void)unused;
	need(signal(SIGCHLD, SIG_IGN) != SIG_ERR);
	need(process_start(&err) == 0);
	pid = fork();
	if (pid == 0)
		_exit(7);
	need(waitpid(pid, &status, 0) == pid);
	need(WIFEXITED(status) && WEXITSTATUS(status) == 7);
}

static void
process_start_lets_wait_see_how_children_end(void **state)
{
	(void)state;
	assert_int_equal(status_of(lose_and_see_a_status, 0), 0);
}

static void
block_all(int unused)
{
	struct err err;
	sigset_t set;

	(void)unused;
	sigfillset(&set);
	need(sigprocmask(SIG_SETMASK, &set, NULL) == 0);
	need(process_start(&err) == 0);
	need(sigprocmask(SIG_SETMASK, NULL, &set) == 0);
	for (int number = 1; number < NSIG; number++)
		need(sigismember(&set, number) != 1);
}

static void
process_start_blocks_no_signal(void **state)
{
	(void)state;
	assert_int_equal(status_of(block_all, 0), 0);
}

static void
choose_a_umask(int mask)
{
	struct err err;

	umask((mode_t)mask);
	need(process_start(&err) == 0);
	need(umask(0) == 022);
}

static void
process_start_sets_the_umask(void **state)
{
	(void)state;
	assert_int_equal(status_of(choose_a_umask, 0), 0);
	assert_int_equal(status_of(choose_a_umask, 0777), 0);
}

/* --- the program ----------------------------------------------------- */

/* assayd with such streams, SIGCHLD ignored, all signals blocked, umask 0; its
 * configuration is a FIFO, so that it waits when it has opened its first file.
 */
static pid_t
start_assayd(int subset)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		sigset_t all;

		alarm(PATIENCE_SECONDS);
		close_streams(subset);
		signal(SIGCHLD, SIG_IGN);
		sigfillset(&all);
		sigdelset(&all, SIGALRM);
		sigprocmask(SIG_SETMASK, &all, NULL);
		umask(0);
		execl(ASSAYD_PROGRAM, "assayd", "--config", "conf", NULL);
		_exit(99);
	}
	return pid;
}

static void
proc_link(pid_t pid, int fd, char ret_target[256])
{
	char path[64];
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
	len = readlink(path, ret_target, 255);
	ret_target[len < 0 ? 0 : len] = '\0';
}

/* A hexadecimal or octal line of /proc/PID/status. */
static unsigned long long
status_value(pid_t pid, const char *key, int base)
{
	char path[64];
	char line[256];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, key, strlen(key)) == 0)
			break;
	}
	fclose(file);
	assert_has(line, key);
	return strtoull(line + strlen(key), NULL, base);
}

static void
assert_starts_well(int subset)
{
	char target[256];
	pid_t pid = start_assayd(subset);
	int conf = open("conf", O_WRONLY | O_CLOEXEC); /* it has opened it */
	int status;

	assert_true(conf >= 0);
	for (int fd = 0; fd < STREAMS; fd++) {
		proc_link(pid, fd, target);
		if ((subset >> fd & 1) != 0)
			assert_string_equal(target, "/dev/null");
		else
			assert_null(strstr(target, "/conf"));
	}
	assert_int_equal(status_value(pid, "SigIgn:", 16) >> (SIGCHLD - 1) & 1,
	    0);
	assert_int_equal(status_value(pid, "SigBlk:", 16), 0);
	assert_int_equal(status_value(pid, "Umask:", 8), 022);
	assert_int_equal(write(conf, "{", 1), 1);
	close(conf);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3);
}

static void
assayd_takes_no_file_for_a_stream(void **state)
{
	(void)state;
	assert_int_equal(mkfifo("conf", 0600), 0);
	alarm(PATIENCE_SECONDS);
	for (int subset = 0; subset < SUBSETS; subset++)
		assert_starts_well(subset);
	alarm(0);
}

/* What it says before it refuses to begin, with this member for its users. */
static void
run_assayd(const char *member, char ret_said[1024])
{
	int status;
	pid_t pid;
	ssize_t len;
	CLEANUP(closep) int said = -1;
	FILE *conf = fopen("conf", "we");

	assert_non_null(conf);
	fprintf(conf,
	    "{\"schema\":\"assay.config/1\",\"store\":\"/s\","
	    "\"trust\":\"/t\",\"socket\":\"/x\",\"state\":\"/y\","
	    "\"allow_uids\":[0],\"xenstored_domid\":0,%s"
	    "\"xenconsoled_domid\":0}",
	    member);
	fclose(conf);
	said = open("said", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(said >= 0);
	pid = fork();
	if (pid == 0) {
		alarm(PATIENCE_SECONDS);
		dup2(said, STDERR_FILENO);
		execl(ASSAYD_PROGRAM, "assayd", "--config", "conf", NULL);
		_exit(99);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 3); /* nothing to measure with */
	len = pread(said, ret_said, 1023, 0);
	assert_true(len > 0);
	ret_said[len] = '\0';
	assert_has(ret_said, "measure: missing");
}

static void
assayd_says_that_roles_share_a_user(void **state)
{
	char said[1024];

	(void)state;
	run_assayd("", said);
	assert_null(strstr(said, "shares="));
	run_assayd("\"sandbox_uid\":65534,", said);
	assert_has(said,
	    "assayd: weaker shares=sandbox_uid detail=\"roles have one "
	    "user; use users instead\"");
}

#define scratch_test(test) \
	cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    scratch_test(process_start_fills_the_streams_that_are_closed),
	    cmocka_unit_test(process_start_refuses_to_go_on_without_streams),
	    cmocka_unit_test(process_start_lets_wait_see_how_children_end),
	    cmocka_unit_test(process_start_blocks_no_signal),
	    cmocka_unit_test(process_start_sets_the_umask),
	    scratch_test(assayd_takes_no_file_for_a_stream),
	    scratch_test(assayd_says_that_roles_share_a_user),
	};

	return cmocka_run_group_tests_name("process_start", tests, NULL, NULL);
}
