/*
 * Which policy is in force when assayd begins: asked of a verify role, real or
 * played by the test, before there is a supervisor.
 */
#include "daemon_clock.h"

#include "forked_roles.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/supervisor/supervisor_state.h"
#include "builder/verify_link.h"

static int
find_with(const struct role_launcher *launcher, const char *text,
    struct trust_id *ret_mark, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *trust = NULL;
	struct supervisor_start start = {
	    .config = &config,
	    .launcher = launcher,
	};

	assert_code(
	    sealed_from_bytes("policy", bytes_of_str(text), &trust, err), 0);
	start.trust = trust;
	return supervisor_find_trust(&start, ret_mark, err);
}

static int
setup(void **state)
{
	assert_int_equal(clocked_setup(state), 0);
	trust_freep(&policy);
	policy = make_policy_with_trust(1); /* version 4 */
	return 0;
}

/* --- what a real one says ---------------------------------------------- */

static void
assert_found(int64_t version)
{
	const struct trust_id expected = mark_of(policy, config.trust_updates);
	struct trust_id mark;
	struct err err = {0};

	memset(&mark, 0, sizeof(mark));
	if (find_with(&forked_roles, policy_text(policy), &mark, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(mark.version, version);
	assert_memory_equal(&mark, &expected, sizeof(mark));
}

static void
start_finds_the_policy_that_is_in_force(void **state)
{
	CLEANUP(freep) char *step = make_trust_step(5, 1, SIGNERS);

	(void)state;
	assert_found(4);
	strcpy(config.trust_updates, "updates");
	write_file("updates", bytes_of_str(""));
	assert_found(4);
	write_file("updates", bytes_of_str(step));
	assert_found(5);
}

static void
assert_not_found(const struct role_launcher *launcher, const char *text,
    int code, const char *part)
{
	struct trust_id mark;
	struct trust_id before;
	struct err err = {0};

	memset(&mark, 0x5a, sizeof(mark));
	memcpy(&before, &mark, sizeof(before));
	assert_code(find_with(launcher, text, &mark, &err), code);
	assert_code((int)err.code, code);
	assert_has(err.text, part);
	assert_memory_equal(&mark, &before, sizeof(mark));
}

static void
start_ends_by_the_name_of_what_is_wrong_with_the_policy(void **state)
{
	(void)state;
	assert_not_found(&forked_roles, "", TRUST_MALFORMED, "trust.json: ");
	assert_not_found(&forked_roles, "{\"schema\":", TRUST_MALFORMED,
	    "trust.json: ");
	assert_not_found(&forked_roles, "{\"schema\":1,\"schema\":2}",
	    MEMBER_DUPLICATE, "trust.json: ");
}

static void
start_ends_by_the_name_of_what_is_wrong_with_the_chain(void **state)
{
	CLEANUP(freep) char *gap = make_trust_step(6, 1, SIGNERS);
	const char *text = policy_text(policy);

	(void)state;
	strcpy(config.trust_updates, "updates");
	assert_not_found(&forked_roles, text, STORE_IO, "updates");
	write_file("updates", bytes_of_str("{}"));
	assert_not_found(&forked_roles, text, TRUST_CHAIN_MALFORMED,
	    "updates: line 1");
	write_file("updates", bytes_of_str(gap));
	assert_not_found(&forked_roles, text, TRUST_GAP, "updates: line 1: ");
	assert_int_equal(unlink("updates"), 0);
	assert_int_equal(mkfifo("updates", 0600), 0);
	assert_not_found(&forked_roles, text, STORE_IO, "updates");
}

/* --- what one that was taken over says ---------------------------------- */

/* What the verify role does, which has this link; if it returns, it ends
 * well. */
static void (*play)(int link);

static int
launch_play(void *context, const struct role_start *start,
    const struct role_fds *fds, pid_t *ret_pid, struct err *err)
{
	struct verify_task task = {.kind = 0};
	bool is_end;

	(void)context;
	assert_int_equal(start->role, ROLE_VERIFY);
	*ret_pid = fork();
	if (*ret_pid != 0)
		return 0;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)ipc_receive(fds->fds[0], &task.kind, LINK_KIND_BYTES, NULL,
	    &is_end, err);
	if (task.kind != VERIFY_START)
		_exit(8);
	play(fds->fds[0]);
	_exit(0);
}

static const struct role_launcher played = {launch_play, NULL};

/* It has ended before it could be given a task. */
static int
launch_nothing(void *context, const struct role_start *start,
    const struct role_fds *fds, pid_t *ret_pid, struct err *err)
{
	siginfo_t info;

	(void)context;
	(void)start;
	(void)err;
	*ret_pid = fork();
	if (*ret_pid == 0)
		_exit(6);
	shutdown(fds->fds[0], SHUT_RDWR);
	assert_int_equal(
	    waitid(P_PID, (id_t)*ret_pid, &info, WEXITED | WNOWAIT), 0);
	return 0;
}

static const struct role_launcher ended = {launch_nothing, NULL};

static void
say_with(int link, const struct verify_report *report, int fd)
{
	const struct link_table *table = &supervisor_verify_reports;
	size_t bytes =
	    report->kind < table->count ? table->rules[report->kind].bytes : 0;
	struct err err;

	if (bytes == 0)
		bytes = LINK_KIND_BYTES;
	if (ipc_send(link, report, bytes, fd, &err) != 0)
		_exit(9);
}

static void
say_mark(int link)
{
	struct verify_report report = {
	    .kind = VERIFY_MARK,
	    .trust = {.version = 7},
	};

	say_with(link, &report, -1);
}

static void
assert_refused_at_start(void (*how)(int link), int code, const char *part)
{
	play = how;
	assert_not_found(&played, "{}", code, part);
}

static void
start_believes_one_mark(void **state)
{
	struct trust_id mark;
	struct err err;

	(void)state;
	play = say_mark;
	assert_code(find_with(&played, "{}", &mark, &err), 0);
	assert_int_equal(mark.version, 7);
}

static void
say_nothing(int link)
{
	(void)link;
}

static void
be_killed(int link)
{
	(void)link;
	raise(SIGKILL);
}

static void
say_mark_and_fail(int link)
{
	say_mark(link);
	_exit(3);
}

static void
start_ends_if_the_verify_role_dies(void **state)
{
	(void)state;
	assert_refused_at_start(say_nothing, SYSTEM_FAILED,
	    "ended with status 0 before it was done");
	assert_refused_at_start(be_killed, SYSTEM_FAILED, "killed by signal 9");
	assert_refused_at_start(say_mark_and_fail, SYSTEM_FAILED,
	    "ended with status 3");
	assert_not_found(&ended, "{}", SYSTEM_FAILED, "ended with status 6");
}

static void
wake_up(int signal_number)
{
	(void)signal_number;
}

/* From here on it is a minute later, and one that is silent stays so. Whoever
 * waits looks at the clock. */
static void
be_silent(int link)
{
	(void)link;
	*ahead_usec = 60000000;
	for (;;) {
		kill(getppid(), SIGUSR1);
		usleep(10000);
	}
}

static void
say_mark_and_stay(int link)
{
	say_mark(link);
	be_silent(link);
}

static void
close_the_link_and_stay(int link)
{
	close_range(STDERR_FILENO + 1, ~0u, 0);
	be_silent(link);
}

static void
start_does_not_wait_for_a_verify_role_that_stays(void **state)
{
	static void (*const ways[])(
	    int link) = {be_silent, say_mark_and_stay, close_the_link_and_stay};

	(void)state;
	signal(SIGUSR1, wake_up);
	for (size_t i = 0; i < countof(ways); i++) {
		*ahead_usec = 0;
		assert_refused_at_start(ways[i], SYSTEM_FAILED,
		    "did not say in 60 seconds which trust policy");
	}
}

static uint32_t said_kind;

static void
say_another_kind(int link)
{
	struct verify_report report = {
	    .kind = said_kind,
	    .outcome = {.code = TRUST_MALFORMED},
	};

	say_with(link, &report, -1);
	say_mark(link);
}

static void
say_a_refusal_without_a_reason(int link)
{
	struct verify_report report = {.kind = VERIFY_REFUSED};

	say_with(link, &report, -1);
}

static void
say_mark_twice(int link)
{
	say_mark(link);
	say_mark(link);
}

static void
say_mark_without_a_version(int link)
{
	struct verify_report report = {.kind = VERIFY_MARK};

	say_with(link, &report, -1);
}

static void
say_mark_with_a_descriptor(int link)
{
	struct verify_report report = {
	    .kind = VERIFY_MARK,
	    .trust = {.version = 7},
	};

	say_with(link, &report, link);
}

static void
say_half_a_mark(int link)
{
	struct verify_report report = {.kind = VERIFY_MARK};
	struct err err;

	(void)ipc_send(link, &report, sizeof(report) / 2, -1, &err);
}

static void
say_an_error_that_nobody_knows(int link)
{
	struct verify_report report = {
	    .kind = VERIFY_REFUSED,
	    .outcome = {.code = 99999},
	};

	say_with(link, &report, -1);
}

static void
start_believes_nothing_else(void **state)
{
	static void (*const ways[])(int link) = {say_a_refusal_without_a_reason,
	    say_mark_twice, say_mark_without_a_version,
	    say_mark_with_a_descriptor};

	(void)state;
	for (size_t i = 0; i < countof(ways); i++)
		assert_refused_at_start(ways[i], BUG, "may not say");
	for (said_kind = 0; said_kind < 12; said_kind++) {
		if (said_kind != VERIFY_MARK && said_kind != VERIFY_REFUSED)
			assert_refused_at_start(say_another_kind, BUG,
			    "may not say");
	}
	assert_refused_at_start(say_half_a_mark, BUG, "may not say");
	assert_refused_at_start(say_an_error_that_nobody_knows, BUILD_CRASHED,
	    "unknown error number 99999");
}

#define trust_test(test) \
	cmocka_unit_test_setup_teardown(test, setup, daemon_teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    trust_test(start_finds_the_policy_that_is_in_force),
	    trust_test(start_ends_by_the_name_of_what_is_wrong_with_the_policy),
	    trust_test(start_ends_by_the_name_of_what_is_wrong_with_the_chain),
	    trust_test(start_believes_one_mark),
	    trust_test(start_ends_if_the_verify_role_dies),
	    trust_test(start_does_not_wait_for_a_verify_role_that_stays),
	    trust_test(start_believes_nothing_else),
	};

	return cmocka_run_group_tests_name("supervisor_trust", tests, NULL,
	    NULL);
}
