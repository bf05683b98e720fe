/*
 * What the supervisor believes of its children, one record at a time: this test
 * is the child, and the supervisor's state is in its hands.
 */
#include "daemon_fixture.h"

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/draft.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/supervisor_state.h"

enum { CONNECTION = 5, OTHER = 6 };

/* The supervisor with one running build, and the far ends of its links. */
struct stand {
	struct supervisor *sup;
	struct job *job;
	struct journal journal;
	int child;    /* the build child's end */
	int front;    /* the front's end for answers */
	int recorder; /* the tpm role's end */
};

static struct stand stand;

static void
start_child(struct job *job)
{
	int link[2];
	struct err err;

	assert_code(ipc_pair(link, &err), 0);
	job->pid = fork();
	if (job->pid == 0)
		for (;;)
			pause();
	job->pidfd = pidfd_open(job->pid, 0);
	job->link = link[0];
	job->state = JOB_RUNNING;
	job->connection = CONNECTION;
	job->seconds = 120;
	job->deadline_usec = UINT64_MAX;
	job->task.kind = TASK_BUILD;
	job->task.build = good_build_request();
	memset(job->task.handle, BENCH_HANDLE, UUID_BYTES);
	stand.child = link[1];
}

static int
setup(void **state)
{
	struct supervisor *sup = calloc(1, sizeof(*sup));
	struct journal_pending entry = {.state = JOURNAL_MADE};
	struct err err;
	int front[2];
	int recorder[2];

	assert_int_equal(daemon_setup(state), 0);
	assert_code(journal_open(config.state, &stand.journal, &err), 0);
	sup->config = &config;
	sup->journal = &stand.journal;
	sup->xen = xen_fake_port(fake);
	sup->env.trust = (struct trust_in_force){.root = policy};
	sup->is_development = true;
	sup->refusals = (struct log_limit){.burst = 100, .usec = 1};
	assert_code(
	    domain_table_load(&stand.journal, &sup->xen, &sup->domains, &err),
	    0);
	assert_code(outbox_init(&sup->front.answers,
			sizeof(struct front_answer), FRONT_ANSWERS, false,
			&err),
	    0);
	assert_code(outbox_init(&sup->records, sizeof(struct record_call), 128,
			false, &err),
	    0);
	assert_code(ipc_pair(front, &err), 0);
	assert_code(ipc_pair(recorder, &err), 0);
	sup->front.pid = 1; /* never signalled here */
	sup->front.calls_fd = -1;
	outbox_attach(&sup->front.answers, front[0]);
	stand.front = front[1];
	sup->recorder_fd = recorder[0];
	outbox_attach(&sup->records, recorder[0]);
	stand.recorder = recorder[1];
	stand.sup = sup;
	stand.job = &sup->jobs[0];
	start_child(stand.job);
	memset(entry.handle, BENCH_HANDLE, UUID_BYTES);
	memcpy(entry.uuid, stand.job->task.build.uuid, UUID_BYTES);
	assert_code(journal_begin(&stand.journal, &entry, &err), 0);
	return 0;
}

static int
teardown(void **state)
{
	if (stand.job->state != JOB_FREE) {
		kill(stand.job->pid, SIGKILL);
		waitpid(stand.job->pid, NULL, 0);
	}
	outbox_done(&stand.sup->front.answers);
	outbox_done(&stand.sup->records);
	domain_table_done(&stand.sup->domains);
	journal_close(&stand.journal);
	free(stand.sup);
	closep(&stand.child);
	closep(&stand.front);
	closep(&stand.recorder);
	return daemon_teardown(state);
}

static bool
has_answer(int fd)
{
	struct pollfd wait = {.fd = fd, .events = POLLIN};

	return poll(&wait, 1, 0) == 1;
}

static struct front_answer
next_answer(void)
{
	struct front_answer answer;
	struct err err;
	bool is_end;

	assert_true(has_answer(stand.front));
	assert_code(ipc_receive(stand.front, &answer, sizeof(answer), NULL,
			&is_end, &err),
	    0);
	return answer;
}

static void
wait_for_end(const struct job *job)
{
	struct pollfd wait = {.fd = job->pidfd, .events = POLLIN};

	assert_int_equal(poll(&wait, 1, 20000), 1);
}

/* --- build children -------------------------------------------------- */

/* It is not waited for: it lives until it is killed. */
static void
child_that_cannot_be_understood_is_killed(void **state)
{
	(void)state;
	assert_int_equal(send(stand.child, "x", 1, 0), 1);
	supervisor_serve_job(stand.sup, stand.job);
	assert_int_equal(stand.job->link, -1);
	assert_int_not_equal(stand.job->killed, ERR_NONE);
	assert_int_equal(stand.job->state, JOB_RUNNING);
	wait_for_end(stand.job);
	supervisor_end_job(stand.sup, stand.job);
	assert_int_equal(stand.job->state, JOB_FREE);
	assert_int_equal(supervisor_count_removals(stand.sup), 1);
}

/* The caller hung up, and the child was quicker. */
static void
child_that_was_killed_is_not_believed_that_it_is_done(void **state)
{
	struct report report = {.kind = REPORT_DONE, .receipt = good_receipt()};
	struct err err;

	(void)state;
	assert_code(ipc_send(stand.child, &report, sizeof(report), -1, &err),
	    0);
	job_kill(stand.job, BUILD_CANCELLED);
	supervisor_serve_job(stand.sup, stand.job);
	assert_int_equal(stand.job->state, JOB_RUNNING);
	assert_int_equal(stand.sup->domains.count, 0);
	assert_int_equal(count_files("state/domains"), 0);
	assert_false(has_answer(stand.front));
	wait_for_end(stand.job);
	supervisor_end_job(stand.sup, stand.job);
	assert_int_equal(supervisor_count_removals(stand.sup), 1);
	assert_int_equal(stand.sup->removals[0].step, REMOVAL_ERASE);
	assert_int_equal(count_pending(), 1);
}

static void
child_that_is_done_hands_its_domain_over(void **state)
{
	struct report report = {.kind = REPORT_DONE, .receipt = good_receipt()};
	struct err err;

	(void)state;
	assert_code(ipc_send(stand.child, &report, sizeof(report), -1, &err),
	    0);
	supervisor_serve_job(stand.sup, stand.job);
	assert_int_equal(stand.job->state, JOB_ENDING);
	assert_int_equal(stand.sup->domains.count, 1);
	assert_int_equal(count_pending(), 0);
	assert_int_equal(next_answer().connection, CONNECTION);
}

/* What may have been named is not told from a foreign domain otherwise. */
static void
build_is_in_the_journal_as_recorded_before_its_child_goes_on(void **state)
{
	struct report report = {.kind = REPORT_BUILD};
	struct journal_pending pending[2];
	struct err err;
	uint32_t count;

	(void)state;
	assert_code(ipc_send(stand.child, &report, sizeof(report), -1, &err),
	    0);
	supervisor_serve_job(stand.sup, stand.job);
	assert_code(
	    journal_read_pending(&stand.journal, pending, 2, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(pending[0].state, JOURNAL_RECORDED);
	assert_false(has_answer(stand.child));
	assert_true(has_answer(stand.recorder));
}

/* --- the tpm role ---------------------------------------------------- */

static void
record_answer(uint32_t kind, uint32_t tag)
{
	struct record_answer answer = {.kind = kind, .tag = tag};
	struct err err;

	assert_code(ipc_send(stand.recorder, &answer, sizeof(answer), -1, &err),
	    0);
	supervisor_serve_recorder(stand.sup);
}

/* Nobody asked: it would go to a caller who waits for something else. */
static void
evidence_that_nobody_asked_for_goes_to_nobody(void **state)
{
	(void)state;
	record_answer(RECORD_QUOTE, CONNECTION);
	assert_false(has_answer(stand.front));
	assert_int_equal(stand.sup->recorder_fd, -1);
	assert_true(stand.sup->platform.is_lost);
}

static void
evidence_goes_to_the_connection_that_asked(void **state)
{
	struct front_call call = {.kind = FRONT_LOG, .connection = OTHER};
	struct err err;

	(void)state;
	stand.sup->last_tag = 76;
	assert_code(
	    supervisor_record_evidence(stand.sup, &call, RECORD_LOG, &err), 0);
	record_answer(RECORD_LOG, 77);
	assert_int_equal(next_answer().connection, OTHER);
	assert_int_equal(stand.sup->recorder_fd, stand.sup->records.fd);
}

/* Its number belongs to another caller of the next front. */
static void
evidence_of_a_caller_that_is_gone_goes_to_nobody(void **state)
{
	struct front_call call = {.kind = FRONT_LOG, .connection = OTHER};
	struct front_call cancel = {
	    .kind = FRONT_CANCEL,
	    .connection = OTHER,
	};
	struct err err;

	(void)state;
	stand.sup->last_tag = 76;
	assert_code(
	    supervisor_record_evidence(stand.sup, &call, RECORD_LOG, &err), 0);
	supervisor_take_call(stand.sup, &cancel);
	record_answer(RECORD_LOG, 77);
	assert_false(has_answer(stand.front));
}

/* --- quotas ------------------------------------------------------------ */

/* What the log holds is shared by the users that may call. */
static void
build_on_record_counts_for_its_user(void **state)
{
	struct report report = {.kind = REPORT_BUILD};
	struct record_answer answer = {
	    .kind = RECORD_EVENT,
	    .tag = 77,
	    .recorded = {.is_logged = true},
	    .log_used_bytes = 100,
	    .log_build_bytes_left = 100,
	};
	struct front_call call = {
	    .kind = FRONT_BUILD,
	    .connection = OTHER,
	    .build = good_build_request(),
	};
	struct err err;

	(void)state;
	config.allow_uids[1] = config.allow_uids[0] + 1;
	config.allow_uid_count = 2;
	stand.job->uid = config.allow_uids[0];
	stand.sup->last_tag = 76;
	assert_code(ipc_send(stand.child, &report, sizeof(report), -1, &err),
	    0);
	supervisor_serve_job(stand.sup, stand.job);
	assert_code(ipc_send(stand.recorder, &answer, sizeof(answer), -1, &err),
	    0);
	supervisor_serve_recorder(stand.sup);
	call.build.uuid[0] ^= 1;
	strcpy(call.build.name, "other");
	call.build.peer.uid = config.allow_uids[0];
	supervisor_take_call(stand.sup, &call);
	assert_code(next_answer().outcome.code, CALLER_QUOTA_SPENT);
}

/* --- calls ----------------------------------------------------------- */

/* Its uuid is another domain's by now: that one was delivered. */
static void
receipt_that_reached_nobody_costs_no_later_domain(void **state)
{
	struct receipt receipt = good_receipt();
	struct front_call call = {
	    .kind = FRONT_UNDELIVERED,
	    .selector = {.domid = receipt.domid - 1, .has_uuid = true},
	};
	struct err err;

	(void)state;
	xen_fake_add(fake, receipt.domid, 0, NULL);
	memcpy(xen_fake_domain(fake, receipt.domid)->uuid, receipt.uuid,
	    UUID_BYTES);
	assert_code(domain_table_add(&stand.sup->domains, &receipt, &err), 0);
	memcpy(call.selector.uuid, receipt.uuid, UUID_BYTES);
	supervisor_take_call(stand.sup, &call);
	assert_int_equal(supervisor_count_removals(stand.sup), 0);
	call.selector.domid = receipt.domid;
	supervisor_take_call(stand.sup, &call);
	assert_int_equal(supervisor_count_removals(stand.sup), 1);
}

/* The front was taken over: no child is started for it, nothing journalled. */
static void
request_that_no_caller_could_make_starts_nothing(void **state)
{
	struct front_call call = {
	    .kind = FRONT_BUILD,
	    .connection = OTHER,
	    .build = good_build_request(),
	};

	(void)state;
	call.build.uuid[0] ^= 1;
	strcpy(call.build.name, "../x");
	supervisor_take_call(stand.sup, &call);
	assert_code(next_answer().outcome.code, RPC_PARAMETER_BAD);
	assert_int_equal(count_pending(), 1); /* of the build under way */
	assert_int_equal(supervisor_count_tasks(stand.sup, TASK_BUILD), 1);
}

static void
call_is_taken_only_while_there_is_room_for_all_answers(void **state)
{
	struct front_answer answer = {.connection = OTHER};

	(void)state;
	assert_true(supervisor_can_take_call(stand.sup));
	/* Until the socket is full, and then the queue. */
	for (uint32_t i = 0; i < 10000 && supervisor_can_take_call(stand.sup);
	     i++)
		supervisor_send(stand.sup, &answer, NULL);
	assert_false(supervisor_can_take_call(stand.sup));
	assert_true(outbox_room(&stand.sup->front.answers) >=
		    SUPERVISOR_JOBS + SUPERVISOR_EVIDENCE);
	assert_false(stand.sup->front.is_lost);
	(void)next_answer();
	(void)next_answer();
	supervisor_flush_front(stand.sup);
	assert_true(supervisor_can_take_call(stand.sup));
}

#define child_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    child_test(child_that_cannot_be_understood_is_killed),
	    child_test(child_that_was_killed_is_not_believed_that_it_is_done),
	    child_test(child_that_is_done_hands_its_domain_over),
	    child_test(
		build_is_in_the_journal_as_recorded_before_its_child_goes_on),
	    child_test(evidence_that_nobody_asked_for_goes_to_nobody),
	    child_test(evidence_goes_to_the_connection_that_asked),
	    child_test(evidence_of_a_caller_that_is_gone_goes_to_nobody),
	    child_test(build_on_record_counts_for_its_user),
	    child_test(receipt_that_reached_nobody_costs_no_later_domain),
	    child_test(request_that_no_caller_could_make_starts_nothing),
	    child_test(call_is_taken_only_while_there_is_room_for_all_answers),
	};

	return cmocka_run_group_tests_name("supervisor_child", tests, NULL,
	    NULL);
}
