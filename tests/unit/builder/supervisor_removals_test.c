/*
 * Domains that have to go, one step at a time: how each ends is the test's to
 * say. supervisor_removal_test.c is about the whole daemon.
 */
#include "supervisor_stand.h"

#include <string.h>

#include "base/log_output.h"
#include "base/scope.h"

enum { SECOND = 1000000, LONGEST_PAUSE = 64 };

/* Its handle and its uuid are of this byte; the journal has it. */
static struct removal *
add(uint8_t byte, enum journal_state journal_state, enum removal_step step)
{
	struct journal_pending entry = {
	    .domid = byte,
	    .state = journal_state,
	};
	struct removal_terms terms = {.step = step, .connection = OTHER};
	uint32_t at = supervisor_count_removals(stand.sup);
	struct err err;

	memset(entry.handle, byte, UUID_BYTES);
	memset(entry.uuid, byte, UUID_BYTES);
	assert_code(journal_begin(&stand.journal, &entry, &err), 0);
	assert_code(supervisor_add_removal(stand.sup, &entry, &terms, &err), 0);
	return &stand.sup->removals[at];
}

/* The child that erased it ended so. */
static void
end_erase(struct removal *removal, int code)
{
	struct job job = {.task.kind = TASK_ERASE};
	struct err outcome = {0};

	removal->is_under_way = true;
	memcpy(job.task.claim.handle, removal->entry.handle, UUID_BYTES);
	if (code != 0)
		err_set(&outcome, (enum err_code)code, "this test says so");
	supervisor_end_erase(stand.sup, &job, code, &outcome);
}

/* What a child is told to remove. */
static const struct domain_claim *
claim_of(enum journal_state journal_state)
{
	uint32_t at = supervisor_count_removals(stand.sup) + 1;

	add((uint8_t)at, journal_state, REMOVAL_ERASE);
	supervisor_run_removals(stand.sup);
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		const struct task *task = &stand.sup->jobs[i].task;

		if (stand.sup->jobs[i].state == JOB_RUNNING &&
		    task->kind == TASK_ERASE && task->claim.domid == at)
			return &task->claim;
	}
	fail_msg("no child removes d%u", at);
	return NULL;
}

static void
domain_is_looked_for_by_its_uuid_only_once_it_may_have_it(void **state)
{
	(void)state;
	assert_false(claim_of(JOURNAL_MADE)->may_have_uuid);
	assert_true(claim_of(JOURNAL_RECORDED)->may_have_uuid);
	assert_true(claim_of(JOURNAL_BUILT)->may_have_uuid);
	assert_int_equal(claim_of(JOURNAL_BUILT)->handle[7], 4);
	assert_int_equal(claim_of(JOURNAL_BUILT)->uuid[7], 5);
}

static void
removal_that_failed_stays_and_waits(void **state)
{
	struct removal *removal = add(1, JOURNAL_BUILT, REMOVAL_ERASE);
	struct front_answer answer;

	(void)state;
	assert_true(supervisor_has_first_removals(stand.sup));
	end_erase(removal, XENSTORE_FAILED);
	assert_int_equal(removal->step, REMOVAL_ERASE);
	assert_int_equal(removal->tries, 1);
	assert_int_equal(removal->last.code, XENSTORE_FAILED);
	assert_int_equal(count_pending(), 2);
	assert_false(has_answer(stand.recorder));
	/* Nobody else waits for it now. */
	assert_false(supervisor_has_first_removals(stand.sup));
	answer = next_answer();
	assert_int_equal(answer.connection, OTHER);
	assert_code(answer.outcome.code, XENSTORE_FAILED);
	assert_int_equal(removal->connection, NO_CONNECTION);
}

static void
removal_is_tried_again_after_longer_and_longer_pauses(void **state)
{
	struct removal *removal = add(1, JOURNAL_BUILT, REMOVAL_ERASE);
	uint64_t seconds = 1;

	(void)state;
	for (int i = 0; i < 100; i++) {
		uint64_t before = timing_now_usec();
		uint64_t after;

		end_erase(removal, XENSTORE_FAILED);
		after = timing_now_usec();
		assert_true(removal->due_usec >= before + seconds * SECOND);
		assert_true(removal->due_usec <= after + seconds * SECOND);
		assert_int_equal(supervisor_removal_deadline(stand.sup),
		    removal->due_usec);
		if (seconds < LONGEST_PAUSE)
			seconds *= 2;
	}
}

static int lines; /* in the log */

static void
count_line(const char *line, size_t len)
{
	(void)line;
	(void)len;
	lines++;
}

/* Who repeats a destroy has it tried again each time. */
static void
removals_that_fail_do_not_fill_the_log(void **state)
{
	struct removal *removal = add(1, JOURNAL_BUILT, REMOVAL_ERASE);

	(void)state;
	stand.sup->left_behind = (struct log_limit){
	    .burst = 3,
	    .usec = 3600000000,
	    .refill_usec = timing_now_usec(),
	};
	lines = 0;
	log_set_output(count_line);
	for (int i = 0; i < 20; i++)
		end_erase(removal, XENSTORE_FAILED);
	log_set_output(NULL);
	assert_int_equal(lines, 3);
	assert_int_equal(stand.sup->left_behind.missed, 17);
}

static void
removal_is_done_by_its_own_child_alone(void **state)
{
	struct removal *first = add(1, JOURNAL_BUILT, REMOVAL_ERASE);
	struct removal *second = add(2, JOURNAL_BUILT, REMOVAL_ERASE);

	(void)state;
	first->is_under_way = true;
	end_erase(second, 0);
	assert_int_equal(first->step, REMOVAL_ERASE);
	assert_true(first->is_under_way);
	assert_int_equal(second->step, REMOVAL_RECORD);
}

static void
domain_that_is_gone_is_not_known_any_more(void **state)
{
	struct removal *removal = add(1, JOURNAL_BUILT, REMOVAL_ERASE);
	struct receipt receipt = good_receipt();
	struct err err;

	(void)state;
	memset(receipt.guest.uuid, 1, UUID_BYTES);
	receipt.domid = removal->entry.domid;
	assert_code(domain_table_add(&stand.sup->domains,
			&(struct built){.receipt = receipt}, &err),
	    0);
	end_erase(removal, 0);
	assert_int_equal(stand.sup->domains.count, 0);
	assert_code(next_answer().outcome.code, 0);
}

/* Its event is asked for; the journal has it until that is there. */
static void
end_of_a_domain_is_on_record_before_it_is_forgotten(void **state)
{
	struct removal *removal = add(1, JOURNAL_RECORDED, REMOVAL_ERASE);
	struct err why = {.code = TPM_FAILED};

	(void)state;
	end_erase(removal, 0);
	assert_int_equal(removal->step, REMOVAL_RECORD);
	assert_true(has_answer(stand.recorder));
	assert_true(
	    supervisor_end_record(stand.sup, removal->tag, TPM_FAILED, &why));
	assert_int_equal(removal->step, REMOVAL_RECORD);
	assert_int_equal(removal->tries, 1);
	assert_int_equal(count_pending(), 2);
	*ahead_usec += 2ull * SECOND;
	supervisor_run_removals(stand.sup);
	assert_true(supervisor_end_record(stand.sup, removal->tag, 0, &why));
	assert_int_equal(removal->step, REMOVAL_NONE);
	assert_int_equal(count_pending(), 1);
}

static void
build_that_was_never_on_record_needs_no_end_there(void **state)
{
	struct removal *removal = add(1, JOURNAL_MADE, REMOVAL_ERASE);

	(void)state;
	end_erase(removal, 0);
	assert_false(has_answer(stand.recorder));
	assert_int_equal(removal->step, REMOVAL_NONE);
	assert_int_equal(count_pending(), 1);
}

static void
end_is_done_by_its_own_answer_alone(void **state)
{
	struct removal *first = add(1, JOURNAL_RECORDED, REMOVAL_RECORD);
	struct removal *second = add(2, JOURNAL_RECORDED, REMOVAL_RECORD);
	struct err why = {0};

	(void)state;
	supervisor_run_removals(stand.sup);
	assert_true(supervisor_end_record(stand.sup, second->tag, 0, &why));
	assert_int_equal(first->step, REMOVAL_RECORD);
	assert_int_equal(second->step, REMOVAL_NONE);
	assert_false(
	    supervisor_end_record(stand.sup, first->tag + 77, 0, &why));
}

static void
removals_at_once_leave_places_to_builds(void **state)
{
	struct removal *removal = add(1, JOURNAL_BUILT, REMOVAL_ERASE);

	(void)state;
	for (uint32_t i = 1; i <= SUPERVISOR_ERASES; i++) {
		stand.sup->jobs[i].state = JOB_RUNNING;
		stand.sup->jobs[i].task.kind = TASK_ERASE;
	}
	supervisor_run_removals(stand.sup);
	assert_false(removal->is_under_way);
	assert_int_equal(removal->tries, 0);
	assert_int_equal(supervisor_count_tasks(stand.sup, TASK_ERASE),
	    SUPERVISOR_ERASES);
}

/* All jobs and all callers may ask the tpm role at the same time. */
static void
ends_leave_room_to_what_others_ask_the_tpm_role(void **state)
{
	const uint32_t kept = SUPERVISOR_JOBS + SUPERVISOR_EVIDENCE;
	struct removal *removal = add(1, JOURNAL_RECORDED, REMOVAL_RECORD);
	struct tpm_request call = {.kind = TPM_REQUEST_EVENT};
	struct err err;

	(void)state;
	while (outbox_room(&stand.sup->records) > kept)
		assert_code(outbox_put(&stand.sup->records, &call, sizeof(call),
				NULL, &err),
		    0);
	supervisor_run_removals(stand.sup);
	assert_false(removal->is_under_way);
	assert_int_equal(outbox_room(&stand.sup->records), kept);
}

static void
removals_are_bounded_and_none_makes_room_for_another(void **state)
{
	struct journal_pending entry = {.domid = 1, .state = JOURNAL_BUILT};
	struct removal_terms terms = {.step = REMOVAL_ERASE};
	struct err err;

	(void)state;
	for (uint32_t i = 0; i < SUPERVISOR_REMOVALS; i++)
		assert_code(
		    supervisor_add_removal(stand.sup, &entry, &terms, &err), 0);
	entry.domid = 2;
	assert_code(supervisor_add_removal(stand.sup, &entry, &terms, &err),
	    RPC_BUSY);
	for (uint32_t i = 0; i < SUPERVISOR_REMOVALS; i++)
		assert_int_equal(stand.sup->removals[i].entry.domid, 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    stand_test(
		domain_is_looked_for_by_its_uuid_only_once_it_may_have_it),
	    stand_test(removal_that_failed_stays_and_waits),
	    stand_test(removal_is_tried_again_after_longer_and_longer_pauses),
	    stand_test(removals_that_fail_do_not_fill_the_log),
	    stand_test(removal_is_done_by_its_own_child_alone),
	    stand_test(domain_that_is_gone_is_not_known_any_more),
	    stand_test(end_of_a_domain_is_on_record_before_it_is_forgotten),
	    stand_test(build_that_was_never_on_record_needs_no_end_there),
	    stand_test(end_is_done_by_its_own_answer_alone),
	    stand_test(removals_at_once_leave_places_to_builds),
	    stand_test(ends_leave_room_to_what_others_ask_the_tpm_role),
	    stand_test(removals_are_bounded_and_none_makes_room_for_another),
	};

	return cmocka_run_group_tests_name("supervisor_removals", tests, NULL,
	    NULL);
}
