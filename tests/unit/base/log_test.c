#include "base_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log_output.h"
#include "base/log.h"
#include "base/log_limit.h"

/* What `speak` writes to standard error, and how its process ends. */
static int
hear(void (*speak)(void), char ret_text[4096])
{
	const struct rlimit no_core = {0, 0};
	int ends[2];
	int status;
	size_t len = 0;
	ssize_t got;
	pid_t pid;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		dup2(ends[1], STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		speak();
		_exit(0);
	}
	close(ends[1]);
	while ((got = read(ends[0], ret_text + len, 4095 - len)) > 0)
		len += (size_t)got;
	ret_text[len] = '\0';
	close(ends[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void
say_one_line(void)
{
	log_set_role("assayd[test]");
	log_line("refused build image=%s code=%s", "web", "IMAGE_UNKNOWN");
}

static void
say_too_much(void)
{
	char long_text[3000];

	memset(long_text, 'z', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	log_line("%s", long_text);
}

static void
log_quote_lets_no_text_end_its_quotes(void **state)
{
	char long_text[1000];

	(void)state;
	assert_string_equal(log_quote("").text, "");
	assert_string_equal(log_quote("a b=c").text, "a b=c");
	assert_string_equal(log_quote("x\" code=0 y=\"\\").text,
	    "x\\\" code=0 y=\\\"\\\\");
	memset(long_text, '"', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(strlen(log_quote(long_text).text), 638);
	/* As much as an error says. */
	long_text[sizeof(((struct err *)NULL)->text) - 1] = '\0';
	assert_int_equal(strlen(log_quote(long_text).text),
	    2 * strlen(long_text));
}

static void
drop(const char *line, size_t len)
{
	(void)line;
	(void)len;
}

static void
break_a_rule(void)
{
	bug_unless(1 + 1 == 2);
	bug_unless(1 + 1 == 3);
}

static void
log_line_is_one_line_with_the_role(void **state)
{
	char text[4096];

	(void)state;
	assert_int_equal(hear(say_one_line, text), 0);
	assert_string_equal(text,
	    "assayd[test]: refused build image=web code=IMAGE_UNKNOWN\n");
}

static void
log_line_is_cut_and_still_ends(void **state)
{
	char text[4096];

	(void)state;
	assert_int_equal(hear(say_too_much, text), 0);
	assert_true(strlen(text) <= 1024);
	assert_ptr_equal(strchr(text, '\n'), text + strlen(text) - 1);
	assert_has(text, "zz...\n");
}

static void
say_bare(void)
{
	log_set_role("assayd");
	log_set_output(drop);
	log_set_process("assayd[test]");
	log_line("bare");
}

/* Whoever reads it puts the name before it. */
static void
log_line_of_a_role_is_bare(void **state)
{
	char text[4096];

	(void)state;
	assert_int_equal(hear(say_bare, text), 0);
	assert_string_equal(text, "bare\n");
}

static void
say_into_a_full_pipe(void)
{
	int ends[2];
	char lines[256];
	ssize_t got = 0;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0)
		_exit(1);
	alarm(20); /* or it would wait */
	{
		int kept = dup(STDERR_FILENO);

		dup2(ends[1], STDERR_FILENO);
		for (int i = 0; i < 100; i++)
			log_line("%01000d", i);
		while (read(ends[0], lines, sizeof(lines)) > 0)
			continue;
		log_line("last");
		got = read(ends[0], lines, sizeof(lines));
		dup2(kept, STDERR_FILENO);
	}
	(void)!write(STDERR_FILENO, lines, got > 0 ? (size_t)got : 0);
}

static void
log_line_that_a_full_pipe_does_not_take_is_counted(void **state)
{
	char text[4096];

	(void)state;
	assert_int_equal(hear(say_into_a_full_pipe, text), 0);
	assert_memory_equal(text, "assay: missed lines=", 20);
	assert_in_range(strtoul(text + 20, NULL, 10), 20, 60);
	assert_has(text, "\nassay: last\n");
}

static void
bug_unless_says_the_rule_and_aborts(void **state)
{
	char text[4096];
	int status;

	(void)state;
	status = hear(break_a_rule, text);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
	assert_has(text, "rule=\"1 + 1 == 3\"");
	assert_has(text, "log_test.c");
}

/* --- lines that strangers cause -------------------------------------- */

static bool
allows(struct log_limit *limit, uint64_t now_usec)
{
	uint64_t missed = 77;
	bool is_allowed = log_limit_allows(limit, now_usec, &missed);

	if (!is_allowed)
		assert_int_equal(missed, 77);
	return is_allowed;
}

static void
log_limit_allows_a_burst_and_then_one_each_interval(void **state)
{
	struct log_limit limit = {.burst = 3, .usec = 1000};
	uint64_t now = 5000000;

	(void)state;
	for (int i = 0; i < 3; i++)
		assert_true(allows(&limit, now));
	assert_false(allows(&limit, now));
	assert_false(allows(&limit, now + 999));
	assert_true(allows(&limit, now + 1000));
	assert_false(allows(&limit, now + 1000));
	assert_false(allows(&limit, now + 1999));
	assert_true(allows(&limit, now + 2000));
	/* Two intervals of silence are two lines, many are no more than the
	 * burst. */
	assert_true(allows(&limit, now + 4500));
	assert_true(allows(&limit, now + 4500));
	assert_false(allows(&limit, now + 4500));
	now = UINT64_MAX - 10;
	for (int i = 0; i < 3; i++)
		assert_true(allows(&limit, now));
	assert_false(allows(&limit, now));
}

static void
log_limit_says_how_many_were_left_out(void **state)
{
	struct log_limit limit = {.burst = 2, .usec = 1000};
	uint64_t missed = 77;

	(void)state;
	for (int i = 0; i < 2; i++) {
		assert_true(log_limit_allows(&limit, 5000, &missed));
		assert_int_equal(missed, 0);
	}
	for (int i = 0; i < 5; i++)
		assert_false(allows(&limit, 5000));
	assert_true(log_limit_allows(&limit, 6000, &missed));
	assert_int_equal(missed, 5);
	assert_true(log_limit_allows(&limit, 7000, &missed));
	assert_int_equal(missed, 0);
}

/* Whatever comes, and however fast: the log of a day has room for it. */
static void
log_limit_holds_in_a_flood(void **state)
{
	enum { SECONDS = 100, EACH_USEC = 100 };

	struct log_limit limit = {.burst = 20, .usec = 1000000};
	uint64_t lines = 0;
	uint64_t missed = 0;
	uint64_t sum = 0;
	uint64_t all = 0;

	(void)state;
	for (uint64_t at = 0; at < SECONDS * 1000000ull; at += EACH_USEC) {
		all++;
		if (!log_limit_allows(&limit, 7777777 + at, &missed))
			continue;
		lines++;
		sum += missed;
	}
	assert_in_range(lines, 20 + SECONDS - 1, 20 + SECONDS);
	assert_int_equal(lines + sum + limit.missed, all);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(log_line_is_one_line_with_the_role),
	    cmocka_unit_test(log_line_is_cut_and_still_ends),
	    cmocka_unit_test(log_line_of_a_role_is_bare),
	    cmocka_unit_test(log_quote_lets_no_text_end_its_quotes),
	    cmocka_unit_test(
		log_line_that_a_full_pipe_does_not_take_is_counted),
	    cmocka_unit_test(bug_unless_says_the_rule_and_aborts),
	    cmocka_unit_test(
		log_limit_allows_a_burst_and_then_one_each_interval),
	    cmocka_unit_test(log_limit_says_how_many_were_left_out),
	    cmocka_unit_test(log_limit_holds_in_a_flood),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
