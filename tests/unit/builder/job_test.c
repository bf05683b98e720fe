/*
 * How a job's end is told: each child here ends in one way.
 */
#include "builder_fixture.h"
#include "front_fixture.h"

#include <poll.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/front_link.h"
#include "builder/build/build_role.h"
#include "builder/supervisor/job.h"

/* A child that waits for its link to close and then ends so. */
static struct job
running_job(void (*end)(void))
{
	struct job job = {.state = JOB_RUNNING, .seconds = 120, .stage_fd = -1};
	int link[2];
	struct err err;

	assert_code(ipc_pair(link, &err), 0);
	job.child.pid = fork();
	if (job.child.pid == 0) {
		const struct rlimit no_core = {0, 0};
		char byte;

		close(link[0]);
		setrlimit(RLIMIT_CORE, &no_core);
		alarm(20);
		(void)!read(link[1], &byte, 1);
		end();
		_exit(0);
	}
	close(link[1]);
	job.child.link = link[0];
	job.child.pidfd = pidfd_open(job.child.pid, 0);
	assert_true(job.child.pidfd >= 0);
	return job;
}

static void
end_well(void)
{
}

static void
end_with_status_7(void)
{
	_exit(7);
}

static void
end_by_segv(void)
{
	signal(SIGSEGV, SIG_DFL);
	raise(SIGSEGV);
}

static void
sleep_for_ever(void)
{
	for (;;)
		pause();
}

/* With a limit of time, for a test that sees none. */
static void
await_end(int pidfd)
{
	struct pollfd end = {.fd = pidfd, .events = POLLIN};

	assert_int_equal(poll(&end, 1, PATIENCE_SECONDS * 1000), 1);
}

static void
assert_crashed(struct job *job, int code, const char *text)
{
	int own_code = 77;
	struct err err = {0};

	assert_false(job_collect(job, &own_code, &err));
	assert_code((int)err.code, code);
	assert_has(err.text, text);
	assert_int_equal(own_code, 77);
	assert_int_equal(job->child.link, -1);
}

static void
job_that_ends_well_gives_its_own_outcome(void **state)
{
	struct job good = running_job(end_well);
	struct job refused;
	struct err err = {0};
	int code = 77;

	(void)state;
	good.is_done = true;
	assert_true(job_collect(&good, &code, &err));
	assert_code(code, 0);

	refused = running_job(end_well);
	refused.is_done = true;
	err_set(&err, IMAGE_UNKNOWN, "not there");
	err_wire_from(&refused.outcome, IMAGE_UNKNOWN, &err);
	err = (struct err){0};
	assert_true(job_collect(&refused, &code, &err));
	assert_code(code, IMAGE_UNKNOWN);
	assert_string_equal(err.text, "not there");
}

static void
job_with_an_unknown_outcome_is_a_crash(void **state)
{
	struct job job = running_job(end_well);
	struct err err = {0};
	int code = 77;

	(void)state;
	job.is_done = true;
	job.outcome.code = 12345;
	assert_true(job_collect(&job, &code, &err));
	assert_code(code, BUILD_CRASHED);
}

static void
job_that_ends_without_a_report_is_a_crash(void **state)
{
	struct job job = running_job(end_well);

	(void)state;
	assert_crashed(&job, BUILD_CRASHED, "ended with status 0 before");
}

static void
job_that_ends_badly_is_a_crash_whatever_it_reported(void **state)
{
	struct job job = running_job(end_with_status_7);

	(void)state;
	job.is_done = true;
	assert_crashed(&job, BUILD_CRASHED, "ended with status 7");
	job = running_job(end_by_segv);
	job.is_done = true;
	assert_crashed(&job, BUILD_CRASHED, "killed by signal 11");
}

static void
job_that_was_killed_says_why(void **state)
{
	static const struct {
		enum err_code why;
		const char *text;
	} rows[] = {{BUILD_CANCELLED, "the caller is gone"},
	    {BUILD_TIMEOUT, "not done after 120 seconds"},
	    {STORE_IO, "had to be stopped"}};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct job job = running_job(sleep_for_ever);

		job_kill(&job, rows[i].why);
		assert_crashed(&job, (int)rows[i].why, rows[i].text);
	}
}

/* It reported success just before it was killed: too late. */
static void
job_that_was_killed_did_not_end_well(void **state)
{
	struct job job = running_job(end_well);

	(void)state;
	job.is_done = true;
	job.killed = BUILD_CANCELLED;
	assert_crashed(&job, BUILD_CANCELLED, "the caller is gone");
}

/* Somebody else took notice of it, or the kernel was told to forget it. */
static void
job_whose_end_nobody_saw_did_not_end_well(void **state)
{
	struct job job = running_job(end_well);

	(void)state;
	job.is_done = true;
	closep(&job.child.link);
	assert_int_equal(waitpid(job.child.pid, NULL, 0), job.child.pid);
	assert_crashed(&job, BUILD_CRASHED, "");
}

static void
job_keeps_the_first_reason_for_its_death(void **state)
{
	struct job job = running_job(sleep_for_ever);

	(void)state;
	job_kill(&job, BUILD_TIMEOUT);
	job_kill(&job, BUILD_CANCELLED);
	assert_crashed(&job, BUILD_TIMEOUT, "120");
}

static void
job_that_begins_has_its_task_and_a_deadline(void **state)
{
	struct job job = {.state = JOB_FREE, .is_done = true, .tag = 7};
	struct task task = {.kind = TASK_BUILD, .claim = {.domid = 5}};
	const struct job_terms terms = {3, user_caller(1000), 120, NULL};
	struct child child = {.pid = 4711, .pidfd = -1, .link = -1};
	uint64_t now = timing_now_usec();

	(void)state;
	task.build = good_build_request();
	job_begin(&job, &task, &terms);
	assert_int_equal(job.state, JOB_RUNNING);
	assert_int_equal(job.caller.user.uid, 1000);
	assert_int_equal(job.connection, 3);
	assert_string_equal(job.task.build.guest.name, "guest");
	assert_int_equal(job.task.claim.domid, 5);
	assert_false(job.is_done);
	assert_int_equal(job.tag, 0);
	assert_true(job.deadline_usec >= now + 120 * 1000000ull);
	assert_true(job.deadline_usec < now + 130 * 1000000ull);
	assert_int_equal(job.child.pid, 0);

	job.place = (struct link_place){.seen = ~0u, .is_over = true};
	job_attach(&job, JOB_BUILDING, &child);
	assert_int_equal(job.child.pid, 4711);
	assert_int_equal(job.step, JOB_BUILDING);
	assert_int_equal(job.place.seen, 0); /* it has said nothing yet */
	assert_false(job.place.is_over);
	assert_int_equal(child.pid, 0);
}

/*
 * It was forked, and then the supervisor died. It holds both ends of its link,
 * as after the fork: waiting for a task would be waiting for ever, with the
 * rights of root and the journal's lock.
 */
static void
build_role_ends_at_once_when_its_supervisor_is_gone(void **state)
{
	const struct role_start start = {
	    .role = ROLE_BUILD,
	    .config = good_config(),
	    .parent_pid = 1, /* not us: the parent is another one by now */
	};
	struct err err;
	int link[2];
	pid_t pid;
	int status = 0;

	(void)state;
	assert_code(ipc_pair(link, &err), 0);
	pid = fork();
	if (pid == 0) {
		alarm(3);
		build_role_run(&start, link[1], -1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_not_equal(WEXITSTATUS(status), 0);
	close(link[0]);
	close(link[1]);
}

/* Of a job that is killed, or says no more, the nodes role goes first: what it
 * was told could still be done. */
static void
nodes_role_ends_before_its_job(void **state)
{
	(void)state;
	for (int is_killed = 0; is_killed < 2; is_killed++) {
		struct job job = running_job(sleep_for_ever);
		struct err err = {0};
		int none = -1;
		pid_t pid = fork();
		int code;

		if (pid == 0)
			sleep_for_ever();
		assert_code(child_adopt(pid, &none, &job.nodes, &err), 0);
		if (is_killed)
			job_kill(&job, BUILD_TIMEOUT);
		else
			job_close_link(&job);
		assert_int_equal(job_end_fd(&job), job.nodes.pidfd);
		await_end(job.nodes.pidfd);
		assert_true(job_collect_nodes(&job));
		assert_false(job_collect_nodes(&job));
		assert_int_equal(job_end_fd(&job), job.child.pidfd);
		job_kill(&job, BUILD_TIMEOUT);
		await_end(job.child.pidfd);
		assert_false(job_collect(&job, &code, &err));
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(job_that_ends_well_gives_its_own_outcome),
	    cmocka_unit_test(job_with_an_unknown_outcome_is_a_crash),
	    cmocka_unit_test(job_that_ends_without_a_report_is_a_crash),
	    cmocka_unit_test(
		job_that_ends_badly_is_a_crash_whatever_it_reported),
	    cmocka_unit_test(job_that_was_killed_says_why),
	    cmocka_unit_test(job_that_was_killed_did_not_end_well),
	    cmocka_unit_test(job_whose_end_nobody_saw_did_not_end_well),
	    cmocka_unit_test(job_keeps_the_first_reason_for_its_death),
	    cmocka_unit_test(job_that_begins_has_its_task_and_a_deadline),
	    cmocka_unit_test(
		build_role_ends_at_once_when_its_supervisor_is_gone),
	    cmocka_unit_test(nodes_role_ends_before_its_job),
	};

	return cmocka_run_group_tests_name("job", tests, NULL, NULL);
}
