/*
 * What roles say, and a log that is read slowly: nobody waits, nobody writes
 * another's line, and what is left out is told. Whoever waits is ended by
 * alarm(2).
 */
#include "builder_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/supervisor/log_queue.h"
#include "builder/supervisor/role_log.h"
#include "builder/timing.h"

enum { PATIENCE_SECONDS = 60, TURNS = 200, MANY_LINES = 3000 };

static struct role_logs logs;
static int log_end; /* the log is read from here */
static int kept_stderr;
static uint64_t ahead_usec;

uint64_t __real_timing_now_usec(void);
uint64_t __wrap_timing_now_usec(void);

uint64_t
__wrap_timing_now_usec(void)
{
	return __real_timing_now_usec() + ahead_usec;
}

static bool refuses_open;

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int
__wrap_open(const char *path, int flags, ...)
{
	if (!refuses_open)
		return __real_open(path, flags, 0);
	errno = EACCES;
	return -1;
}

static void
be_the_log(int fd)
{
	kept_stderr = dup(STDERR_FILENO);
	assert_true(kept_stderr >= 0);
	assert_int_equal(dup2(fd, STDERR_FILENO), STDERR_FILENO);
	close(fd);
	log_queue_open();
}

static int
setup(void **state)
{
	int ends[2];

	(void)state;
	alarm(PATIENCE_SECONDS);
	signal(SIGPIPE, SIG_IGN);
	logs = (struct role_logs){.count = 0};
	ahead_usec = 0;
	if (pipe2(ends, O_CLOEXEC) != 0)
		return -1;
	log_end = ends[0];
	log_set_role("assayd");
	be_the_log(ends[1]);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	role_logs_done(&logs);
	ahead_usec = 0;
	log_queue_close();
	dup2(kept_stderr, STDERR_FILENO);
	closep(&kept_stderr);
	closep(&log_end);
	log_set_role("assay");
	alarm(0);
	return 0;
}

#define log_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

static int
open_role(enum role role)
{
	struct err err;
	int fd = -1;

	assert_code(role_log_open(&logs, role, &fd, &err), 0);
	return fd;
}

static void
say_raw(int fd, const char *bytes)
{
	ssize_t len = (ssize_t)strlen(bytes);

	assert_int_equal(write(fd, bytes, (size_t)len), len);
}

/* A turn of the supervisor's loop, in which nobody else says anything. */
static void
turn(void)
{
	struct pollfd fds[1 + ROLE_LOG_FDS] = {{.fd = -1}};

	assert_int_equal(role_logs_wait(&logs, fds, 1, 0), 0);
}

static void
turn_often(void)
{
	for (int i = 0; i < TURNS; i++) {
		ahead_usec += 1000;
		turn();
	}
}

/* What the log has now. */
static void
read_log(struct buffer *log)
{
	struct pollfd wait = {.fd = log_end, .events = POLLIN};
	char bytes[4096];

	while (poll(&wait, 1, 0) == 1) {
		ssize_t got = read(log_end, bytes, sizeof(bytes));

		if (got <= 0)
			break;
		buffer_add(log, bytes, (size_t)got);
		log_queue_flush();
	}
}

static const char *
logged_text(struct buffer *log)
{
	read_log(log);
	buffer_add(log, "", 1);
	return (const char *)log->ptr;
}

static size_t
count_of(const char *text, const char *part)
{
	size_t count = 0;

	while ((text = strstr(text, part)) != NULL) {
		text += strlen(part);
		count++;
	}
	return count;
}

/* --- one role and another -------------------------------------------- */

static void
each_line_of_a_role_has_its_name_before_it(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	CLEANUP(closep) int stage = open_role(ROLE_STAGE);
	CLEANUP(closep) int look = open_role(ROLE_LOOK);

	(void)state;
	say_raw(stage, "failed code=A\nfailed co");
	say_raw(look, "failed code=B\n");
	turn();
	say_raw(stage, "de=C\n");
	turn();
	assert_string_equal(logged_text(&log),
	    "assayd[look]: failed code=B\n"
	    "assayd[stage]: failed code=A\n"
	    "assayd[stage]: failed code=C\n");
}

/* Lines that it makes up, and what a terminal would obey. */
static void
a_role_writes_no_line_of_another(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	CLEANUP(closep) int verify = open_role(ROLE_VERIFY);
	const char *text;

	(void)state;
	say_raw(verify, "x\nassayd: built image=web\rassayd: y\033[2Jz\177\n"
			"\x9b\xe2\x80\xae\t\n");
	turn();
	text = logged_text(&log);
	assert_string_equal(text,
	    "assayd[verify]: x\n"
	    "assayd[verify]: assayd: built image=web\\x0dassayd: "
	    "y\\x1b[2Jz\\x7f\n"
	    "assayd[verify]: \\x9b\\xe2\\x80\\xae\\x09\n");
}

static void
a_zero_byte_ends_no_line(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	CLEANUP(closep) int front = open_role(ROLE_FRONT);

	(void)state;
	assert_int_equal(write(front, "a\0b\n", 4), 4);
	turn();
	assert_string_equal(logged_text(&log), "assayd[front]: a\\x00b\n");
}

static void
a_long_line_is_cut_and_says_so(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	CLEANUP(closep) int tpm = open_role(ROLE_TPM);
	char line[3001];
	const char *text;

	(void)state;
	memset(line, 'z', sizeof(line) - 1);
	line[sizeof(line) - 1] = '\0';
	say_raw(tpm, line);
	say_raw(tpm, "\nnext\n");
	turn();
	text = logged_text(&log);
	assert_has(text, "zz cut=1976\nassayd[tpm]: next\n");
	assert_true(strlen(text) < ROLE_LOG_TEXT + 100);
}

/* --- its end --------------------------------------------------------- */

static void
speak_and_die(void)
{
	log_set_process("test");
	log_line("dying");
	log_line("bye");
	(void)!write(STDERR_FILENO, "no end", 6);
	kill(getpid(), SIGKILL);
}

static void
what_a_role_said_before_it_was_killed_comes_out(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	int build = open_role(ROLE_BUILD);
	pid_t pid = fork();

	(void)state;
	if (pid == 0) {
		dup2(build, STDERR_FILENO);
		speak_and_die();
	}
	close(build);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	turn_often();
	assert_string_equal(logged_text(&log),
	    "assayd[build]: dying\nassayd[build]: bye\n"
	    "assayd[build]: no end\n");
	assert_int_equal(logs.count, 0);
}

/* Nothing more will be read after that, whoever still holds the other end. */
static void
what_was_said_when_all_ends_comes_out(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	CLEANUP(closep) int tpm = open_role(ROLE_TPM);
	CLEANUP(closep) int front = open_role(ROLE_FRONT);

	(void)state;
	say_raw(tpm, "a\nb");
	say_raw(front, "c\n");
	role_logs_done(&logs);
	assert_string_equal(logged_text(&log),
	    "assayd[front]: c\nassayd[tpm]: a\nassayd[tpm]: b\n");
	assert_int_equal(logs.count, 0);
}

static void
streams_that_end_leave_those_of_others(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	int fds[5];

	(void)state;
	for (size_t i = 0; i < countof(fds); i++)
		fds[i] = open_role((enum role)i);
	close(fds[0]);
	close(fds[2]);
	close(fds[4]);
	turn();
	assert_int_equal(logs.count, 2);
	say_raw(fds[1], "x\n");
	say_raw(fds[3], "y\n");
	turn();
	assert_int_equal(count_of(logged_text(&log), "assayd[stage]: x\n"), 1);
	assert_has((const char *)log.ptr, "assayd[build]: y\n");
	close(fds[1]);
	close(fds[3]);
}

static void
no_more_roles_speak_than_there_are_places(void **state)
{
	int fds[ROLE_STREAMS];
	struct err err;
	int one_more = -1;

	(void)state;
	for (size_t i = 0; i < countof(fds); i++)
		fds[i] = open_role(ROLE_STAGE);
	assert_code(role_log_open(&logs, ROLE_STAGE, &one_more, &err),
	    SYSTEM_FAILED);
	assert_int_equal(one_more, -1);
	/* Places of those that have ended are free, though nobody saw it. */
	for (size_t i = 0; i < countof(fds); i++)
		close(fds[i]);
	assert_code(role_log_open(&logs, ROLE_STAGE, &one_more, &err), 0);
	assert_int_equal(logs.count, 1);
	close(one_more);
}

/* --- floods ---------------------------------------------------------- */

static uint64_t
missed_in(const char *text, const char *what)
{
	uint64_t sum = 0;

	while ((text = strstr(text, what)) != NULL) {
		text += strlen(what);
		sum += strtoull(text, NULL, 10);
	}
	return sum;
}

static void
a_flood_of_one_role_is_limited_and_told(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	CLEANUP(closep) int stage = open_role(ROLE_STAGE);
	CLEANUP(closep) int other = open_role(ROLE_STAGE);
	CLEANUP(closep) int verify = open_role(ROLE_VERIFY);
	const char *text;
	size_t lines;

	(void)state;
	for (int i = 0; i < MANY_LINES; i++) {
		say_raw(i % 2 == 0 ? stage : other, "x\n");
		if (i % 100 == 0) {
			turn();
			read_log(&log);
			ahead_usec += 200;
		}
	}
	turn_often();
	read_log(&log);
	say_raw(verify, "heard\n");
	turn();
	ahead_usec += 1000000;
	say_raw(other, "last\n");
	turn();
	text = logged_text(&log);
	lines = count_of(text, "assayd[stage]: x\n");
	assert_in_range(lines, ROLE_LOG_BURST, ROLE_LOG_BURST + 2);
	assert_int_equal(missed_in(text, "assayd: missed role=stage lines=") +
			     lines,
	    MANY_LINES);
	assert_has(text, "assayd[verify]: heard\n");
	assert_has(text, "assayd[stage]: last\n");
}

/* What it says has no end, so no line of it is counted. */
static void
a_role_that_ends_no_line_is_not_read_for_a_while(void **state)
{
	CLEANUP(closep) int stage = open_role(ROLE_STAGE);
	char bytes[4096];
	size_t taken = 0;

	(void)state;
	memset(bytes, 1, sizeof(bytes));
	for (int i = 0; i < TURNS; i++) {
		ssize_t put;

		while ((put = write(stage, bytes, sizeof(bytes))) > 0)
			taken += (size_t)put;
		turn();
	}
	/* What the pipe holds, and the turn in which it was too much. */
	assert_in_range(taken, 1, 2 * 65536);
}

/* It would take all the time of the supervisor, which reads it and drops it. */
static void
a_role_that_says_too_much_is_not_read_for_a_while(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	CLEANUP(closep) int stage = open_role(ROLE_STAGE);
	size_t taken = 0;

	(void)state;
	for (int i = 0; i < TURNS; i++) {
		char lines[4096];
		ssize_t got;

		memset(lines, '\n', sizeof(lines));
		while ((got = write(stage, lines, sizeof(lines))) > 0)
			taken += (size_t)got;
		turn();
		read_log(&log);
	}
	/* What the pipe holds, and what a few turns read. */
	assert_true(taken < 65536 + 10 * 16384);
}

/* --- nobody waits ---------------------------------------------------- */

static void
a_role_with_a_full_pipe_does_not_wait_and_says_so_later(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	int build = open_role(ROLE_BUILD);
	struct pollfd fds[1 + ROLE_LOG_FDS] = {{.fd = -1}};
	int go[2];
	pid_t pid;

	(void)state;
	assert_int_equal(pipe2(go, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		char byte;

		alarm(PATIENCE_SECONDS);
		dup2(build, STDERR_FILENO);
		log_set_process("test");
		for (int i = 0; i < MANY_LINES; i++)
			log_line("%0500d", i);
		(void)!write(go[1], "x", 1);
		(void)!read(STDIN_FILENO, &byte, 0);
		while (poll(&(struct pollfd){.fd = STDERR_FILENO,
				.events = POLLOUT},
			   1, 100) != 1)
			continue;
		log_line("again");
		_exit(0);
	}
	close(build);
	fds[0] = (struct pollfd){.fd = go[0], .events = POLLIN};
	/* It has said all that it wanted, and nobody had read it. */
	assert_int_equal(poll(fds, 1, 20000), 1);
	fds[0].fd = -1;
	while (logs.count > 0) {
		assert_int_equal(role_logs_wait(&logs, fds, 1, 10), 0);
		read_log(&log);
		ahead_usec += 1000000000; /* what comes out is not the point */
	}
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	{
		const char *text = logged_text(&log);

		assert_true(
		    missed_in(text, "assayd[build]: missed lines=") > 0);
		assert_has(text, "assayd[build]: again\n");
	}
	close(go[0]);
	close(go[1]);
}

/* Each line is whole, what was left out is told, in the order of the log. */
static void
assert_lines(const char *text, const char *last)
{
	uint64_t missed = missed_in(text, "assayd: missed lines=");
	size_t lines = count_of(text, "assayd: number ");
	size_t whole = count_of(text, " end\n");

	assert_true(missed > 0);
	assert_int_equal(lines, whole);
	assert_int_equal(lines + missed, MANY_LINES);
	assert_has(text, last);
}

static void
say_numbers(void)
{
	for (int i = 0; i < MANY_LINES; i++)
		log_line("number %0100d end", i);
}

static void
a_log_that_nobody_reads_is_not_waited_for(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};

	(void)state;
	say_numbers();
	assert_int_equal(log_queue_poll().events, POLLOUT);
	assert_true(log_queue_poll().fd >= 0);
	read_log(&log);
	log_line("after");
	assert_lines(logged_text(&log), "assayd: after\n");
	assert_int_equal(log_queue_poll().fd, -1);
}

/* The shell that started us goes on with this very description. */
static void
standard_error_itself_still_waits(void **state)
{
	(void)state;
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

/* journald's is one. */
static void
a_socket_that_nobody_reads_is_not_waited_for(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	int ends[2];

	(void)state;
	log_queue_close();
	closep(&log_end);
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	close(ends[1]);
	log_end = ends[0];
	log_queue_open();
	say_numbers();
	read_log(&log);
	log_line("after");
	assert_lines(logged_text(&log), "assayd: after\n");
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

/* Somebody pressed Ctrl-S there. */
static void
a_terminal_that_was_stopped_is_not_waited_for(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	CLEANUP(closep) int terminal = -1;
	struct termios raw;

	(void)state;
	log_queue_close();
	closep(&log_end);
	log_end = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(log_end >= 0);
	assert_int_equal(grantpt(log_end), 0);
	assert_int_equal(unlockpt(log_end), 0);
	terminal = open(ptsname(log_end), O_RDWR | O_NOCTTY | O_CLOEXEC);
	assert_true(terminal >= 0);
	assert_int_equal(tcgetattr(terminal, &raw), 0);
	cfmakeraw(&raw);
	assert_int_equal(tcsetattr(terminal, TCSANOW, &raw), 0);
	assert_int_equal(dup2(terminal, STDERR_FILENO), STDERR_FILENO);
	log_queue_open();
	assert_int_equal(tcflow(terminal, TCOOFF), 0);
	say_numbers();
	assert_int_equal(tcflow(terminal, TCOON), 0);
	log_queue_flush();
	while (log_queue_poll().fd >= 0)
		read_log(&log);
	log_line("after");
	usleep(100000); /* a terminal hands on what it got in its own time */
	assert_lines(logged_text(&log), "assayd: after\n");
	assert_int_equal(fcntl(STDERR_FILENO, F_GETFL) & O_NONBLOCK, 0);
}

static void
a_log_that_cannot_be_opened_again_is_asked_first(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};

	(void)state;
	log_queue_close();
	refuses_open = true;
	log_queue_open();
	refuses_open = false;
	say_numbers();
	read_log(&log);
	log_line("after");
	assert_lines(logged_text(&log), "assayd: after\n");
}

static void
a_log_whose_reader_is_gone_is_not_waited_for(void **state)
{
	(void)state;
	closep(&log_end);
	say_numbers();
	assert_int_equal(log_queue_poll().fd, -1);
}

/* Nobody's words become a part of a line that a full disk cut. */
static void
a_line_that_a_full_disk_cut_is_a_line_of_its_own(void **state)
{
	char text[256] = "";
	struct rlimit before;
	struct rlimit full;

	(void)state;
	log_queue_close();
	closep(&log_end);
	log_end = memfd_create("log", MFD_CLOEXEC);
	assert_true(log_end >= 0);
	assert_int_equal(dup2(log_end, STDERR_FILENO), STDERR_FILENO);
	log_queue_open();
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	full = (struct rlimit){sizeof("assayd: on") - 1, before.rlim_max};
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
	log_line("one"); /* as far as "assayd: on" */
	log_line("two");
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	log_line("four");
	log_line("five");
	assert_int_equal(lseek(log_end, 0, SEEK_SET), 0);
	assert_true(read(log_end, text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "assayd: on\n"
				  "assayd: missed lines=2\n"
				  "assayd: four\n"
				  "assayd: five\n");
}

/* They end while it is full: what roles say takes no more than its half. */
static void
roles_leave_room_for_the_supervisor(void **state)
{
	CLEANUP(buffer_done) struct buffer log = {0};
	CLEANUP(closep) int stage = open_role(ROLE_STAGE);
	char line[1002];
	const char *text;

	(void)state;
	memset(line, 'z', sizeof(line));
	line[sizeof(line) - 2] = '\n';
	line[sizeof(line) - 1] = '\0';
	for (int i = 0; i < 250; i++) {
		say_raw(stage, line);
		turn();
		ahead_usec += 1000000;
	}
	assert_false(log_queue_takes_more());
	for (int i = 0; i < 100; i++)
		log_line("refused build image=%d", i);
	text = logged_text(&log);
	assert_has(text, "assayd: refused build image=99\n");
	assert_null(strstr(text, "assayd: missed lines="));
}

/* --- waiting --------------------------------------------------------- */

static void
waiting_goes_on_while_roles_speak(void **state)
{
	struct pollfd fds[1 + ROLE_LOG_FDS];
	CLEANUP(closep) int front = open_role(ROLE_FRONT);
	uint64_t before = timing_now_usec();
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	fds[0] = (struct pollfd){.fd = ends[0], .events = POLLIN};
	say_raw(front, "hello\n");
	assert_int_equal(role_logs_wait(&logs, fds, 1, 50), 0);
	assert_true(timing_now_usec() - before >= 50000);
	say_raw(front, "hello\n");
	say_raw(ends[1], "x");
	assert_int_equal(role_logs_wait(&logs, fds, 1, -1), 1);
	assert_int_equal(fds[0].revents, POLLIN);
	close(ends[0]);
	close(ends[1]);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    log_test(each_line_of_a_role_has_its_name_before_it),
	    log_test(a_role_writes_no_line_of_another),
	    log_test(a_zero_byte_ends_no_line),
	    log_test(a_long_line_is_cut_and_says_so),
	    log_test(what_a_role_said_before_it_was_killed_comes_out),
	    log_test(what_was_said_when_all_ends_comes_out),
	    log_test(streams_that_end_leave_those_of_others),
	    log_test(no_more_roles_speak_than_there_are_places),
	    log_test(a_flood_of_one_role_is_limited_and_told),
	    log_test(a_role_that_ends_no_line_is_not_read_for_a_while),
	    log_test(a_role_that_says_too_much_is_not_read_for_a_while),
	    log_test(a_role_with_a_full_pipe_does_not_wait_and_says_so_later),
	    log_test(a_log_that_nobody_reads_is_not_waited_for),
	    log_test(standard_error_itself_still_waits),
	    log_test(a_socket_that_nobody_reads_is_not_waited_for),
	    log_test(a_terminal_that_was_stopped_is_not_waited_for),
	    log_test(a_log_that_cannot_be_opened_again_is_asked_first),
	    log_test(a_log_whose_reader_is_gone_is_not_waited_for),
	    log_test(a_line_that_a_full_disk_cut_is_a_line_of_its_own),
	    log_test(roles_leave_room_for_the_supervisor),
	    log_test(waiting_goes_on_while_roles_speak),
	};

	return cmocka_run_group_tests_name("role_log", tests, NULL, NULL);
}
