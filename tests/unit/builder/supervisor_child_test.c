/*
 * What the supervisor believes of its children, one record at a time: this test
 * is the child, and the supervisor's state is in its hands.
 */
#include "supervisor_stand.h"

#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"

/* The child says this, and the supervisor takes it. */
static void
tell(const struct report *report)
{
	struct err err;

	assert_code(ipc_send(stand.child, report, sizeof(*report), -1, &err),
	    0);
	supervisor_serve_job(stand.sup, stand.job);
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

/* What is left then is found by the id too. */
static void
domain_is_in_the_journal_with_its_id(void **state)
{
	struct report report = {.kind = REPORT_DOMAIN, .domid = 7};
	struct journal_pending pending[2];
	struct err err;
	uint32_t count;

	(void)state;
	tell(&report);
	assert_code(
	    journal_read_pending(&stand.journal, pending, 2, &count, &err), 0);
	assert_int_equal(count, 1);
	assert_int_equal(pending[0].domid, 7);
	assert_int_equal(pending[0].state, JOURNAL_MADE);
}

static void
child_that_waits_has_nothing_to_say(void **state)
{
	struct report report = {.kind = REPORT_DOMAIN, .domid = 7};

	(void)state;
	stand.job->state = JOB_READY;
	tell(&report);
	assert_int_equal(stand.job->killed, BUG);
	assert_int_equal(stand.job->link, -1);
	assert_int_equal(stand.job->domid, 0);
	wait_for_end(stand.job);
}

/* Else one after the other would be begun and die. */
static void
child_that_died_waiting_is_not_replaced_at_once(void **state)
{
	(void)state;
	stand.job->state = JOB_READY;
	kill(stand.job->pid, SIGKILL);
	wait_for_end(stand.job);
	assert_false(stand.sup->is_unready);
	supervisor_end_job(stand.sup, stand.job);
	assert_true(stand.sup->is_unready);
}

static void
child_that_lets_go_of_its_link_is_not_waited_for(void **state)
{
	(void)state;
	closep(&stand.child);
	supervisor_serve_job(stand.sup, stand.job);
	assert_int_equal(stand.job->link, -1);
	assert_int_equal(stand.job->state, JOB_RUNNING);
	assert_int_equal(stand.job->killed, ERR_NONE);
	assert_int_equal(kill(stand.job->pid, 0), 0);
}

static void
child_that_reports_what_nobody_knows_does_not_go_on(void **state)
{
	struct report report = {.kind = 99};

	(void)state;
	tell(&report);
	assert_int_equal(stand.job->killed, BUG);
	wait_for_end(stand.job);
}

/* Its receipt cannot be written: the next assayd would not know it. */
static void
domain_that_cannot_be_kept_is_not_handed_over(void **state)
{
	struct report report = {.kind = REPORT_DONE, .receipt = good_receipt()};

	(void)state;
	assert_int_equal(rmdir("state/domains"), 0);
	tell(&report);
	assert_int_equal(stand.job->state, JOB_RUNNING);
	assert_int_equal(stand.job->killed, STORE_IO);
	assert_false(has_answer(stand.front));
	wait_for_end(stand.job);
	supervisor_end_job(stand.sup, stand.job);
	assert_int_equal(stand.sup->removals[0].step, REMOVAL_ERASE);
}

/* The child undid it itself, and ended well. */
static void
end_refused_build(void)
{
	struct report report = {.kind = REPORT_DONE};

	outcome_from(&report.outcome, XEN_FAILED,
	    &(struct err){.code = XEN_FAILED});
	tell(&report);
	assert_int_equal(stand.job->state, JOB_RUNNING);
	kill(stand.job->pid, SIGTERM);
	wait_for_end(stand.job);
	supervisor_end_job(stand.sup, stand.job);
	assert_code(next_answer().outcome.code, XEN_FAILED);
}

static void
build_that_was_undone_is_forgotten(void **state)
{
	(void)state;
	end_refused_build();
	assert_int_equal(count_pending(), 0);
	assert_int_equal(supervisor_count_removals(stand.sup), 0);
}

static void
build_that_was_undone_and_is_on_record_has_an_end_there_too(void **state)
{
	(void)state;
	stand.job->is_recorded = true;
	end_refused_build();
	assert_int_equal(count_pending(), 1);
	assert_int_equal(stand.sup->removals[0].step, REMOVAL_RECORD);
	assert_int_equal(stand.sup->removals[0].connection, NO_CONNECTION);
}

/* --- children that xenstored is not there for ------------------------ */

static void
end_unfit(void)
{
	struct report report = {.kind = REPORT_UNFIT};

	tell(&report);
	kill(stand.job->pid, SIGTERM);
	wait_for_end(stand.job);
	supervisor_end_job(stand.sup, stand.job);
}

static void
task_is_given_to_one_other_child_and_no_third(void **state)
{
	(void)state;
	stand.job->is_second = true;
	end_unfit();
	assert_code(next_answer().outcome.code, XENSTORE_FAILED);
	assert_int_equal(supervisor_count_tasks(stand.sup, TASK_BUILD), 0);
	assert_int_equal(count_pending(), 0);
}

static void
task_that_was_given_up_is_given_to_no_other_child(void **state)
{
	(void)state;
	stand.job->killed = BUILD_CANCELLED;
	end_unfit();
	assert_int_equal(supervisor_count_tasks(stand.sup, TASK_BUILD), 0);
}

/* --- listings -------------------------------------------------------- */

static void
listing_that_never_came_is_not_an_empty_one(void **state)
{
	struct report report = {.kind = REPORT_DONE};

	(void)state;
	stand.job->task.kind = TASK_LIST_IMAGES;
	tell(&report);
	kill(stand.job->pid, SIGTERM);
	wait_for_end(stand.job);
	supervisor_end_job(stand.sup, stand.job);
	assert_code(next_answer().outcome.code, BUILD_CRASHED);
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

static void
evidence_of_two_callers_is_not_mixed_up(void **state)
{
	struct front_call call = {.kind = FRONT_LOG, .connection = OTHER};
	struct err err;

	(void)state;
	stand.sup->last_tag = 76;
	assert_code(
	    supervisor_record_evidence(stand.sup, &call, RECORD_LOG, &err), 0);
	call.connection = CONNECTION;
	assert_code(
	    supervisor_record_evidence(stand.sup, &call, RECORD_LOG, &err), 0);
	record_answer(RECORD_LOG, 78);
	assert_int_equal(next_answer().connection, CONNECTION);
	record_answer(RECORD_LOG, 77);
	assert_int_equal(next_answer().connection, OTHER);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    stand_test(build_on_record_counts_for_its_user),
	    stand_test(child_that_cannot_be_understood_is_killed),
	    stand_test(child_that_was_killed_is_not_believed_that_it_is_done),
	    stand_test(child_that_is_done_hands_its_domain_over),
	    stand_test(
		build_is_in_the_journal_as_recorded_before_its_child_goes_on),
	    stand_test(domain_is_in_the_journal_with_its_id),
	    stand_test(child_that_waits_has_nothing_to_say),
	    stand_test(child_that_died_waiting_is_not_replaced_at_once),
	    stand_test(child_that_lets_go_of_its_link_is_not_waited_for),
	    stand_test(child_that_reports_what_nobody_knows_does_not_go_on),
	    stand_test(domain_that_cannot_be_kept_is_not_handed_over),
	    stand_test(build_that_was_undone_is_forgotten),
	    stand_test(
		build_that_was_undone_and_is_on_record_has_an_end_there_too),
	    stand_test(task_is_given_to_one_other_child_and_no_third),
	    stand_test(task_that_was_given_up_is_given_to_no_other_child),
	    stand_test(listing_that_never_came_is_not_an_empty_one),
	    stand_test(evidence_that_nobody_asked_for_goes_to_nobody),
	    stand_test(evidence_goes_to_the_connection_that_asked),
	    stand_test(evidence_of_two_callers_is_not_mixed_up),
	    stand_test(evidence_of_a_caller_that_is_gone_goes_to_nobody),
	};

	return cmocka_run_group_tests_name("supervisor_child", tests, NULL,
	    NULL);
}
