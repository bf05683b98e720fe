/*
 * What the supervisor believes of its children, one record at a time: this test
 * is the child, and the supervisor's state is in its hands.
 */
#include "builder/supervisor/platform_allows.h"
#include "supervisor_stand.h"

#include <signal.h>
#include <string.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"

/* Its domain exists, and is on record. */
static void
make_and_record(void)
{
	stand.job->place.seen |= 1u << BUILD_MADE | 1u << BUILD_RECORD;
	stand.job->domid = 9;
	stand.job->is_recorded = true;
}

/* As long as records of its kind are, or as all of them. */
static size_t
bytes_of_kind(const struct link_table *table, uint32_t kind, size_t most)
{
	bool is_known = kind < table->count && table->rules[kind].bytes > 0;

	return is_known ? table->rules[kind].bytes : most;
}

static void
send_report(const struct build_report *report)
{
	struct err err;

	assert_code(ipc_send(stand.child, report,
			bytes_of_kind(&supervisor_build_reports, report->kind,
			    sizeof(*report)),
			-1, &err),
	    0);
}

/* The child says this, and the supervisor takes it. */
static void
tell(const struct build_report *report)
{
	send_report(report);
	supervisor_serve_job(stand.sup, stand.job);
}

static void
say(const struct verify_report *report)
{
	struct err err;

	assert_code(ipc_send(stand.child, report,
			bytes_of_kind(&supervisor_verify_reports, report->kind,
			    sizeof(*report)),
			-1, &err),
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
	assert_int_equal(stand.job->child.link, -1);
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
	struct build_report report = {.kind = BUILD_DONE,
	    .done.receipt = good_receipt()};

	(void)state;
	send_report(&report);
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
	struct build_report report = {.kind = BUILD_DONE,
	    .done.receipt = good_receipt()};

	(void)state;
	make_and_record();
	send_report(&report);
	supervisor_serve_job(stand.sup, stand.job);
	assert_int_equal(stand.job->state, JOB_ENDING);
	assert_int_equal(stand.sup->domains.count, 1);
	assert_int_equal(count_pending(), 0);
	assert_int_equal(next_answer().connection, CONNECTION);
}

/* It cannot know: the supervisor says it, in the receipt and on record. */
static void
child_says_nothing_of_who_asked(void **state)
{
	struct build_report record = {.kind = BUILD_RECORD};
	struct build_report done = {.kind = BUILD_DONE,
	    .done.receipt = good_receipt()};
	struct tpm_request asked;
	struct err err;
	bool is_end;

	(void)state;
	stand.job->caller = user_caller(4711);
	record.record.build.by = user_caller(5);
	done.done.receipt.caller = user_caller(5);
	stand.job->place.seen = 1u << BUILD_MADE;
	stand.job->domid = 9;
	tell(&record);
	assert_code(ipc_receive(stand.recorder, &asked,
			tpm_request_bytes(TPM_REQUEST_EVENT), NULL, &is_end,
			&err),
	    0);
	assert_memory_equal(&asked.event.as.build.by, &stand.job->caller,
	    sizeof(struct caller));
	stand.job->tag = 0;
	tell(&done);
	assert_int_equal(stand.sup->domains.count, 1);
	assert_memory_equal(&stand.sup->domains.rows[0].receipt.caller,
	    &stand.job->caller, sizeof(struct caller));
	assert_int_equal(next_answer().receipt.caller.user.uid, 4711);
}

/* What may have been named is not told from a foreign domain otherwise. */
static void
build_is_in_the_journal_as_recorded_before_its_child_goes_on(void **state)
{
	struct build_report report = {.kind = BUILD_RECORD};
	struct journal_pending pending[2];
	struct err err;
	uint32_t count;

	(void)state;
	stand.job->place.seen = 1u << BUILD_MADE;
	send_report(&report);
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
	struct build_report report = {.kind = BUILD_MADE, .domid = 7};
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
child_that_lets_go_of_its_link_is_not_waited_for(void **state)
{
	(void)state;
	closep(&stand.child);
	supervisor_serve_job(stand.sup, stand.job);
	assert_int_equal(stand.job->child.link, -1);
	assert_int_equal(stand.job->state, JOB_RUNNING);
	assert_int_equal(stand.job->killed, ERR_NONE);
	assert_int_equal(kill(stand.job->child.pid, 0), 0);
}

static void
child_that_reports_what_nobody_knows_does_not_go_on(void **state)
{
	struct build_report report = {.kind = 99};

	(void)state;
	tell(&report);
	assert_int_equal(stand.job->killed, BUG);
	wait_for_end(stand.job);
}

/* Its receipt cannot be written: the next assayd would not know it. */
static void
domain_that_cannot_be_kept_is_not_handed_over(void **state)
{
	struct build_report report = {.kind = BUILD_DONE,
	    .done.receipt = good_receipt()};

	(void)state;
	make_and_record();
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
	struct build_report report = {.kind = BUILD_DONE};

	err_wire_from(&report.done.outcome, XEN_FAILED,
	    &(struct err){.code = XEN_FAILED});
	tell(&report);
	assert_int_equal(stand.job->state, JOB_RUNNING);
	kill(stand.job->child.pid, SIGTERM);
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

/* --- each report in its turn ----------------------------------------- */

/* The job as it is in this step, with a child that has said nothing yet. */
static void
begin_step(enum job_step step)
{
	static const enum task_kind kinds[] = {
	    [JOB_DECIDING] = TASK_BUILD,
	    [JOB_LISTING] = TASK_LIST_IMAGES,
	    [JOB_BUILDING] = TASK_BUILD,
	    [JOB_ERASING] = TASK_ERASE,
	};
	char left[16];

	while (recv(stand.child, left, sizeof(left), MSG_DONTWAIT) > 0)
		continue;
	stand.job->step = step;
	stand.job->task.kind = kinds[step];
	stand.job->place = (struct link_place){0};
	stand.job->killed = ERR_NONE;
	stand.job->is_done = stand.job->is_unfit = false;
	stand.job->is_recorded = false;
	stand.job->tag = 0;
	sealed_freep(&stand.job->listing);
}

/* A process that can be killed, so that the stand's own lives on. */
static void
begin_victim(void)
{
	stand.job->child.pid = start_process();
}

/* Killed, not only told to end: nobody waits for it otherwise. */
static void
wait_for_victim(void)
{
	siginfo_t info;

	assert_int_equal(
	    waitid(P_PID, (id_t)stand.job->child.pid, &info, WEXITED | WNOWAIT),
	    0);
	assert_int_equal(info.si_status, SIGKILL);
}

static void
end_victim(pid_t own)
{
	kill(stand.job->child.pid, SIGKILL);
	waitpid(stand.job->child.pid, NULL, 0);
	stand.job->child.pid = own;
}

/* Every kind in every step, as the first thing that is said: what the table
 * does not have is the end of who says it. */
static void
report_out_of_its_turn_ends_the_child(void **state)
{
	static const struct {
		enum job_step step;
		unsigned int legal; /* kinds: 1 << kind */
	} rows[] = {
	    {JOB_DECIDING, 1u << VERIFY_VERDICT | 1u << VERIFY_EPOCH |
			       1u << VERIFY_TRUST | 1u << VERIFY_ORDER |
			       1u << VERIFY_REFUSED},
	    {JOB_LISTING, 1u << VERIFY_VERDICT | 1u << VERIFY_EPOCH |
			      1u << VERIFY_TRUST | 1u << VERIFY_IMAGES |
			      1u << VERIFY_REFUSED},
	    {JOB_BUILDING, 1u << BUILD_MADE | 1u << BUILD_BLOB |
			       1u << BUILD_DONE | 1u << BUILD_UNFIT},
	    {JOB_ERASING, 1u << BUILD_DONE | 1u << BUILD_UNFIT},
	};
	pid_t own = stand.job->child.pid;

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		bool verifies =
		    rows[i].step == JOB_DECIDING || rows[i].step == JOB_LISTING;

		for (uint32_t kind = 0; kind < 12; kind++) {
			struct verify_report said = {.kind = kind};
			struct build_report told = {.kind = kind};

			if (kind > 0 && (rows[i].legal >> kind & 1) != 0)
				continue;
			begin_step(rows[i].step);
			begin_victim();
			err_wire_from(&told.done.outcome, XEN_FAILED,
			    &(struct err){.code = XEN_FAILED});
			if (verifies)
				say(&said);
			else
				tell(&told);
			if (stand.job->killed != BUG)
				fail_msg("report %u in step %d: %s", kind,
				    (int)rows[i].step,
				    err_name(stand.job->killed));
			wait_for_victim();
			end_victim(own);
		}
	}
	begin_step(JOB_BUILDING);
}

/* Nothing comes after the last one, and what may come once comes once. */
static void
report_too_many_ends_the_child(void **state)
{
	struct build_report made = {.kind = BUILD_MADE, .domid = 7};
	struct build_report unfit = {.kind = BUILD_UNFIT};
	struct verify_report refused = {.kind = VERIFY_REFUSED};
	struct verify_report verdict = {.kind = VERIFY_VERDICT};
	pid_t own = stand.job->child.pid;

	(void)state;
	begin_victim();
	begin_step(JOB_BUILDING);
	tell(&made);
	assert_int_equal(stand.job->killed, ERR_NONE);
	tell(&made);
	assert_int_equal(stand.job->killed, BUG);
	begin_step(JOB_BUILDING);
	tell(&unfit);
	tell(&made);
	assert_int_equal(stand.job->killed, BUG);
	begin_step(JOB_DECIDING);
	err_wire_from(&refused.outcome, IMAGE_UNKNOWN,
	    &(struct err){.code = IMAGE_UNKNOWN});
	say(&verdict);
	say(&verdict); /* as often as it likes */
	assert_int_equal(stand.job->killed, ERR_NONE);
	say(&refused);
	assert_int_equal(stand.job->killed, ERR_NONE);
	say(&verdict);
	assert_int_equal(stand.job->killed, BUG);
	begin_step(JOB_BUILDING);
	end_victim(own);
}

/* It asked for something, and has to wait for the answer. */
static void
report_of_a_child_that_waits_ends_it(void **state)
{
	struct build_report made = {.kind = BUILD_MADE, .domid = 7};

	(void)state;
	stand.job->tag = 77;
	tell(&made);
	assert_int_equal(stand.job->killed, BUG);
	stand.job->tag = 0;
	wait_for_end(stand.job);
}

/* What is not on record does not become anybody's. */
static void
domain_that_is_not_on_record_is_not_built(void **state)
{
	struct build_report report = {
	    .kind = BUILD_DONE,
	    .done.receipt = good_receipt(),
	};

	(void)state;
	stand.job->place.seen = 1u << BUILD_MADE;
	stand.job->domid = 9;
	tell(&report);
	assert_int_equal(stand.job->killed, BUG);
	assert_false(has_answer(stand.front));
	assert_int_equal(stand.sup->domains.count, 0);
	wait_for_end(stand.job);
}

/* The next assayd could not read it, and the front would tell it to a caller.
 */
static void
domain_with_a_receipt_that_is_none_is_not_handed_over(void **state)
{
	struct build_report report = {
	    .kind = BUILD_DONE,
	    .done = {.receipt = good_receipt()},
	};

	(void)state;
	make_and_record();
	memset(report.done.receipt.guest.name, 'n',
	    sizeof(report.done.receipt.guest.name));
	tell(&report);
	assert_int_equal(stand.job->killed, BUG);
	assert_false(has_answer(stand.front));
	assert_int_equal(count_files("state/domains"), 0);
	assert_int_equal(stand.sup->domains.count, 0);
	wait_for_end(stand.job);
}

/* A refusal that names no error would be taken for a success. */
static void
refusal_without_a_reason_is_none(void **state)
{
	struct verify_report report = {.kind = VERIFY_REFUSED};

	(void)state;
	begin_step(JOB_DECIDING);
	say(&report);
	assert_int_equal(stand.job->killed, BUG);
	wait_for_end(stand.job);
	supervisor_end_job(stand.sup, stand.job);
	assert_code(next_answer().outcome.code, BUG);
}

/* --- children whose end takes its time -------------------------------- */

/* They read a disk that does not answer: a signal does not end them. */
static void
add_graves(size_t count)
{
	for (size_t i = 0; i < count; i++)
		stand.sup->graves.pids[i] = stand.job->child.pid;
	stand.sup->graves.count = count;
}

static size_t
start_listings(void)
{
	const struct task task = {.kind = TASK_LIST_IMAGES};
	const struct job_terms terms = {CONNECTION, user_caller(0), 120, NULL};
	struct err err;
	size_t count = 0;

	while (supervisor_start_task(stand.sup, &task, &terms, &err) == 0)
		count++;
	assert_code(err.code, RPC_BUSY);
	return count;
}

/* All that is begun has a place when it is given up: none is begun for which
 * there would be none. */
static void
task_is_begun_only_if_its_children_have_graves(void **state)
{
	const struct task erase = {.kind = TASK_ERASE};
	const struct job_terms terms = {CONNECTION, user_caller(0), 120, NULL};
	struct err err;

	(void)state;
	for (size_t stuck = 0; stuck <= GRAVES; stuck += 8) {
		size_t begun;

		add_graves(stuck);
		begun = start_listings();
		assert_true(begun == 0 || stuck + (begun + 1) * 3 <= GRAVES);
		assert_true(begun > 0 || stuck > GRAVES / 2);
		for (size_t i = 1; i < SUPERVISOR_JOBS; i++) {
			struct job *job = &stand.sup->jobs[i];

			if (job->state == JOB_FREE)
				continue;
			child_kill(&job->child);
			child_kill(&job->stage);
			child_collect(&job->child);
			child_collect(&job->stage);
			closep(&job->stage_fd);
			job->state = JOB_FREE;
		}
	}
	/* What has to go does not wait for the store's disk. */
	assert_code(supervisor_start_task(stand.sup, &erase, &terms, &err), 0);
	stand.sup->graves.count = 0;
}

/* --- who decides ----------------------------------------------------- */

/* The tpm role would read it as one. */
static void
basis_whose_bool_is_none_ends_who_decides(void **state)
{
	struct verify_report report = {.kind = VERIFY_EPOCH};

	(void)state;
	memset(&report.epoch.decided_by.has_store, 2, 1);
	begin_step(JOB_DECIDING);
	say(&report);
	assert_int_equal(stand.job->killed, BUG);
	assert_false(has_answer(stand.recorder));
	wait_for_end(stand.job);
}

/* Nothing can have been made: nothing is erased, and the caller hears at
 * once. */
static void
decider_that_dies_leaves_nothing_to_undo(void **state)
{
	(void)state;
	begin_step(JOB_DECIDING);
	kill(stand.job->child.pid, SIGKILL);
	wait_for_end(stand.job);
	supervisor_end_job(stand.sup, stand.job);
	assert_code(next_answer().outcome.code, BUILD_CRASHED);
	assert_int_equal(supervisor_count_removals(stand.sup), 0);
	assert_int_equal(count_pending(), 0);
}

/* The order goes to another child, with the caller's own request. */
static void
order_is_carried_out_by_another_child(void **state)
{
	struct verify_report report = {.kind = VERIFY_ORDER};
	pid_t decided = stand.job->child.pid;
	struct build_call call;
	struct err err;
	int build[2];
	int stage[2];
	bool is_end;
	int fd = -1;

	(void)state;
	assert_code(ipc_pair(build, &err), 0);
	assert_code(ipc_pair(stage, &err), 0);
	assert_code(child_adopt(start_process(), &build[0],
			&stand.sup->ready_build.build, &err),
	    0);
	begin_step(JOB_DECIDING);
	stand.job->stage_fd = stage[0];
	strcpy(report.order.cmdline, "from the order");
	say(&report);
	assert_int_equal(stand.job->step, JOB_BUILDING);
	assert_int_not_equal(stand.job->child.pid, decided);
	assert_int_equal(stand.job->stage_fd, -1);
	assert_code(ipc_receive(build[1], &call, LINK_BYTES(build_call, task),
			&fd, &is_end, &err),
	    0);
	assert_int_equal(call.kind, BUILD_DOMAIN);
	assert_string_equal(call.task.request.guest.name, "guest");
	assert_string_equal(call.task.order.cmdline, "from the order");
	assert_int_equal(call.task.handle[0], BENCH_HANDLE);
	assert_true(fd >= 0);
	close(fd);
	close(build[1]);
	close(stage[1]);
	while (waitpid(decided, NULL, WNOHANG) == 0)
		continue;
}

/* He is told so, and no child is given anything. */
static void
order_for_a_caller_who_is_gone_is_not_carried_out(void **state)
{
	struct verify_report report = {.kind = VERIFY_ORDER};
	struct err err;
	int stage[2];

	(void)state;
	assert_code(ipc_pair(stage, &err), 0);
	begin_step(JOB_DECIDING);
	stand.job->stage_fd = stage[0]; /* it could be */
	job_kill(stand.job, BUILD_CANCELLED);
	say(&report);
	assert_int_equal(stand.job->step, JOB_DECIDING);
	wait_for_end(stand.job);
	supervisor_end_job(stand.sup, stand.job);
	assert_code(next_answer().outcome.code, BUILD_CANCELLED);
	assert_int_equal(supervisor_count_removals(stand.sup), 0);
	close(stage[1]);
}

/* --- children that xenstored is not there for ------------------------ */

static void
end_unfit(void)
{
	struct build_report report = {.kind = BUILD_UNFIT};

	tell(&report);
	kill(stand.job->child.pid, SIGTERM);
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
	struct verify_report report = {.kind = VERIFY_IMAGES};

	(void)state;
	stand.job->task.kind = TASK_LIST_IMAGES;
	stand.job->step = JOB_LISTING;
	say(&report);
	kill(stand.job->child.pid, SIGTERM);
	wait_for_end(stand.job);
	supervisor_end_job(stand.sup, stand.job);
	assert_int_not_equal(next_answer().outcome.code, 0);
}

/* --- the tpm role ---------------------------------------------------- */

static void
tpm_answer(uint32_t kind, uint32_t tag)
{
	struct tpm_answer answer = {.kind = kind, .tag = tag};
	struct err err;

	err_wire_from(&answer.recorded.outcome,
	    err_set(&err, TPM_BUSY, "not now"), &err);
	assert_code(ipc_send(stand.recorder, &answer,
			LINK_BYTES(tpm_answer, recorded), -1, &err),
	    0);
	supervisor_serve_tpm_role(stand.sup);
}

/* Nobody asked: it would go to a caller who waits for something else. */
static void
evidence_that_nobody_asked_for_goes_to_nobody(void **state)
{
	(void)state;
	tpm_answer(TPM_REQUEST_QUOTE, CONNECTION);
	assert_false(has_answer(stand.front));
	assert_int_equal(stand.sup->tpm_fd, -1);
	assert_true(stand.sup->platform.is_lost);
}

static void
evidence_goes_to_the_connection_that_asked(void **state)
{
	struct front_call call = {.caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_LOG,
	    .connection = OTHER};
	struct tpm_request asked = {.kind = TPM_REQUEST_LOG};
	struct err err;

	(void)state;
	stand.sup->last_tag = 76;
	assert_code(supervisor_record_evidence(stand.sup, &call, &asked, &err),
	    0);
	tpm_answer(TPM_REQUEST_LOG, 77);
	assert_int_equal(next_answer().connection, OTHER);
	assert_int_equal(stand.sup->tpm_fd, stand.sup->records.fd);
}

static void
evidence_of_two_callers_is_not_mixed_up(void **state)
{
	struct front_call call = {.caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_LOG,
	    .connection = OTHER};
	struct tpm_request asked = {.kind = TPM_REQUEST_LOG};
	struct err err;

	(void)state;
	stand.sup->last_tag = 76;
	assert_code(supervisor_record_evidence(stand.sup, &call, &asked, &err),
	    0);
	call.connection = CONNECTION;
	assert_code(supervisor_record_evidence(stand.sup, &call, &asked, &err),
	    0);
	tpm_answer(TPM_REQUEST_LOG, 77);
	assert_int_equal(next_answer().connection, OTHER);
	/* A third one takes the place of the first one. */
	call.connection = OTHER + 1;
	assert_code(supervisor_record_evidence(stand.sup, &call, &asked, &err),
	    0);
	tpm_answer(TPM_REQUEST_LOG, 78);
	assert_int_equal(next_answer().connection, CONNECTION);
	tpm_answer(TPM_REQUEST_LOG, 79);
	assert_int_equal(next_answer().connection, OTHER + 1);
}

/* One that was asked later, or another kind than was asked, is no answer. */
static void
tpm_role_answers_what_it_was_asked_in_that_order(void **state)
{
	struct front_call call = {.caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_LOG,
	    .connection = OTHER};
	struct tpm_request asked = {.kind = TPM_REQUEST_LOG};
	struct err err;

	(void)state;
	stand.sup->last_tag = 76;
	for (int i = 0; i < 2; i++)
		assert_code(
		    supervisor_record_evidence(stand.sup, &call, &asked, &err),
		    0);
	tpm_answer(TPM_REQUEST_LOG, 78);
	assert_int_equal(stand.sup->tpm_fd, -1);
	assert_code(next_answer().outcome.code, TPM_FAILED);
}

static void
tpm_role_answers_the_kind_that_it_was_asked(void **state)
{
	struct front_call call = {.caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_LOG,
	    .connection = OTHER};
	struct tpm_request asked = {.kind = TPM_REQUEST_LOG};
	struct err err;

	(void)state;
	stand.sup->last_tag = 76;
	assert_code(supervisor_record_evidence(stand.sup, &call, &asked, &err),
	    0);
	tpm_answer(TPM_REQUEST_QUOTE, 77);
	assert_int_equal(stand.sup->tpm_fd, -1);
	assert_code(next_answer().outcome.code, TPM_FAILED);
}

/* The front would have nothing to show, and take that for our mistake. */
static void
evidence_that_is_good_has_memory(void **state)
{
	const struct tpm_answer answer = {.kind = TPM_REQUEST_LOG, .tag = 77};
	struct front_call call = {.caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_LOG,
	    .connection = OTHER};
	struct tpm_request asked = {.kind = TPM_REQUEST_LOG};
	struct err err;

	(void)state;
	stand.sup->last_tag = 76;
	assert_code(supervisor_record_evidence(stand.sup, &call, &asked, &err),
	    0);
	assert_code(ipc_send(stand.recorder, &answer,
			LINK_BYTES(tpm_answer, recorded), -1, &err),
	    0);
	supervisor_serve_tpm_role(stand.sup);
	assert_int_equal(stand.sup->tpm_fd, -1);
	assert_code(next_answer().outcome.code, TPM_FAILED);
}

/* Its number belongs to another caller of the next front. */
static void
evidence_of_a_caller_that_is_gone_goes_to_nobody(void **state)
{
	struct front_call call = {.caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_LOG,
	    .connection = OTHER};
	struct tpm_request asked = {.kind = TPM_REQUEST_LOG};
	struct front_call cancel = {
	    .caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_CANCEL,
	    .connection = OTHER,
	};
	struct err err;

	(void)state;
	stand.sup->last_tag = 76;
	assert_code(supervisor_record_evidence(stand.sup, &call, &asked, &err),
	    0);
	supervisor_take_call(stand.sup, &cancel);
	tpm_answer(TPM_REQUEST_LOG, 77);
	assert_false(has_answer(stand.front));
}

static bool is_broken_too;

/* The tpm role answers a caller's question about the log. */
static void
answer_about_the_log(bool is_unsure, enum err_code code)
{
	struct front_call call = {.caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_LOG,
	    .connection = OTHER};
	struct tpm_answer answer = {
	    .kind = TPM_REQUEST_LOG,
	    .recorded = {.is_unsure = is_unsure,
		.is_broken = is_broken_too,
		.outcome.code = (int)code},
	};
	struct tpm_request asked = {.kind = TPM_REQUEST_LOG};
	struct err err;

	assert_code(supervisor_record_evidence(stand.sup, &call, &asked, &err),
	    0);
	answer.tag = stand.sup->last_tag;
	assert_code(ipc_send(stand.recorder, &answer,
			LINK_BYTES(tpm_answer, recorded), -1, &err),
	    0);
	supervisor_serve_tpm_role(stand.sup);
	assert_code(next_answer().outcome.code, (int)code);
}

static int
code_in_status(void)
{
	struct front_call call = {.caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_STATUS,
	    .connection = OTHER};

	stand_call(&call);
	return next_answer().status.platform.why.code;
}

static void
status_tells_that_the_tpm_does_not_answer_until_it_does(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(code_in_status(), 0);
	answer_about_the_log(true, TPM_UNREACHABLE);
	assert_code(code_in_status(), TPM_UNREACHABLE);
	answer_about_the_log(true, TPM_BUSY);
	assert_code(code_in_status(), TPM_UNREACHABLE);
	/* The next event waits for the TPM, so it may be asked for. */
	assert_code(platform_allows(&stand.sup->platform, &err), 0);
	answer_about_the_log(false, TPM_BUSY);
	assert_int_equal(code_in_status(), 0);
	/* What was refused at the same time is no reason. */
	answer_about_the_log(true, TRUST_DOWNGRADE);
	assert_code(code_in_status(), TPM_UNREACHABLE);
	answer_about_the_log(false, TPM_BUSY);
}

/* A quote that worked, of a recorder that is seen to be broken. */
static void
recorder_that_is_broken_ends_all_building_whoever_saw_it(void **state)
{
	struct err err;

	(void)state;
	is_broken_too = true;
	answer_about_the_log(false, TPM_BUSY);
	is_broken_too = false;
	assert_true(stand.sup->platform.is_lost);
	assert_code(platform_allows(&stand.sup->platform, &err), TPM_BUSY);
}

static void
recorder_that_is_broken_without_a_reason_ends_all_building(void **state)
{
	struct tpm_answer answer = {
	    .kind = TPM_REQUEST_EVENT,
	    .recorded = {.is_logged = true, .is_broken = true},
	};
	struct build_report report = {.kind = BUILD_RECORD};
	struct err err;

	(void)state;
	stand.job->place.seen = 1u << BUILD_MADE;
	send_report(&report);
	supervisor_serve_job(stand.sup, stand.job);
	answer.tag = stand.sup->last_tag;
	assert_code(ipc_send(stand.recorder, &answer,
			LINK_BYTES(tpm_answer, recorded), -1, &err),
	    0);
	supervisor_serve_tpm_role(stand.sup);
	assert_true(stand.sup->platform.is_lost);
	assert_code(platform_allows(&stand.sup->platform, &err), TPM_FAILED);
}

/* It would be given to another child, under the same handle. */
static void
child_that_made_a_domain_cannot_say_that_nothing_was_done(void **state)
{
	struct build_report report = {.kind = BUILD_UNFIT};

	(void)state;
	stand.job->place.seen = 1u << BUILD_MADE;
	send_report(&report);
	supervisor_serve_job(stand.sup, stand.job);
	assert_false(stand.job->is_unfit);
	assert_int_equal(stand.job->killed, BUG);
	wait_for_end(stand.job);
}

/* What the log holds is shared by the users that may call. */
static void
build_on_record_counts_for_its_user(void **state)
{
	struct build_report report = {.kind = BUILD_RECORD};
	struct tpm_answer answer = {
	    .kind = TPM_REQUEST_EVENT,
	    .tag = 77,
	    .recorded = {.is_logged = true},
	    .log_used_bytes = 100,
	    .log_build_bytes_left = 100,
	};
	struct front_call call = {
	    .caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_BUILD,
	    .connection = OTHER,
	    .build = good_build_request(),
	};
	struct err err;

	(void)state;
	stand.job->place.seen = 1u << BUILD_MADE;
	config.allow_uids[1] = config.allow_uids[0] + 1;
	config.allow_uid_count = 2;
	stand.job->caller = user_caller(config.allow_uids[0]);
	stand.sup->last_tag = 76;
	send_report(&report);
	supervisor_serve_job(stand.sup, stand.job);
	assert_code(ipc_send(stand.recorder, &answer,
			LINK_BYTES(tpm_answer, recorded), -1, &err),
	    0);
	supervisor_serve_tpm_role(stand.sup);
	call.build.guest.uuid[0] ^= 1;
	strcpy(call.build.guest.name, "other");
	call.caller = user_caller(config.allow_uids[0]);
	supervisor_take_call(stand.sup, &call);
	assert_code(next_answer().outcome.code, CALLER_QUOTA_SPENT);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    stand_test(build_on_record_counts_for_its_user),
	    stand_test(status_tells_that_the_tpm_does_not_answer_until_it_does),
	    stand_test(
		recorder_that_is_broken_ends_all_building_whoever_saw_it),
	    stand_test(
		recorder_that_is_broken_without_a_reason_ends_all_building),
	    stand_test(
		child_that_made_a_domain_cannot_say_that_nothing_was_done),
	    stand_test(child_that_cannot_be_understood_is_killed),
	    stand_test(child_that_was_killed_is_not_believed_that_it_is_done),
	    stand_test(child_that_is_done_hands_its_domain_over),
	    stand_test(child_says_nothing_of_who_asked),
	    stand_test(
		build_is_in_the_journal_as_recorded_before_its_child_goes_on),
	    stand_test(domain_is_in_the_journal_with_its_id),
	    stand_test(child_that_lets_go_of_its_link_is_not_waited_for),
	    stand_test(child_that_reports_what_nobody_knows_does_not_go_on),
	    stand_test(domain_that_cannot_be_kept_is_not_handed_over),
	    stand_test(build_that_was_undone_is_forgotten),
	    stand_test(
		build_that_was_undone_and_is_on_record_has_an_end_there_too),
	    stand_test(report_out_of_its_turn_ends_the_child),
	    stand_test(report_too_many_ends_the_child),
	    stand_test(report_of_a_child_that_waits_ends_it),
	    stand_test(domain_that_is_not_on_record_is_not_built),
	    stand_test(domain_with_a_receipt_that_is_none_is_not_handed_over),
	    stand_test(refusal_without_a_reason_is_none),
	    stand_test(task_is_begun_only_if_its_children_have_graves),
	    stand_test(basis_whose_bool_is_none_ends_who_decides),
	    stand_test(decider_that_dies_leaves_nothing_to_undo),
	    stand_test(order_is_carried_out_by_another_child),
	    stand_test(order_for_a_caller_who_is_gone_is_not_carried_out),
	    stand_test(task_is_given_to_one_other_child_and_no_third),
	    stand_test(task_that_was_given_up_is_given_to_no_other_child),
	    stand_test(listing_that_never_came_is_not_an_empty_one),
	    stand_test(evidence_that_nobody_asked_for_goes_to_nobody),
	    stand_test(evidence_goes_to_the_connection_that_asked),
	    stand_test(evidence_of_two_callers_is_not_mixed_up),
	    stand_test(tpm_role_answers_what_it_was_asked_in_that_order),
	    stand_test(tpm_role_answers_the_kind_that_it_was_asked),
	    stand_test(evidence_that_is_good_has_memory),
	    stand_test(evidence_of_a_caller_that_is_gone_goes_to_nobody),
	};

	return cmocka_run_group_tests_name("supervisor_child", tests, NULL,
	    NULL);
}
