/*
 * Calls that have to know what Xen has wait for a look that began after they
 * came: this test is the look role.
 */
#include "supervisor_stand.h"

#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log_output.h"
#include "base/sealing.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/look_link.h"

static void
call_status(uint32_t connection)
{
	struct front_call call = {
	    .caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_STATUS,
	    .connection = connection,
	};

	supervisor_take_call(stand.sup, &call);
}

static void
call_is_answered_after_a_look(void **state)
{
	(void)state;
	call_status(CONNECTION);
	assert_false(has_answer(stand.front));
	answer_look(next_look(), NULL, 0);
	assert_int_equal(next_answer().connection, CONNECTION);
	assert_false(has_answer(stand.looker));
}

/* What it would be told was seen before it asked. */
static void
call_that_comes_during_a_look_waits_for_the_next(void **state)
{
	uint32_t first;

	(void)state;
	call_status(CONNECTION);
	first = next_look();
	call_status(OTHER);
	assert_int_equal(next_look(), 0); /* one at a time */
	answer_look(first, NULL, 0);
	assert_int_equal(next_answer().connection, CONNECTION);
	assert_false(has_answer(stand.front));
	answer_look(next_look(), NULL, 0);
	assert_int_equal(next_answer().connection, OTHER);
}

static void
calls_that_came_before_a_look_share_it(void **state)
{
	uint32_t first;

	(void)state;
	call_status(CONNECTION);
	first = next_look();
	call_status(OTHER);
	call_status(OTHER + 1);
	answer_look(first, NULL, 0);
	assert_int_equal(next_answer().connection, CONNECTION);
	answer_look(next_look(), NULL, 0);
	assert_int_equal(next_answer().connection, OTHER);
	assert_int_equal(next_answer().connection, OTHER + 1);
	assert_int_equal(next_look(), 0);
}

static void
call_of_who_is_gone_is_not_answered(void **state)
{
	struct front_call cancel = {
	    .caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_CANCEL,
	    .connection = CONNECTION,
	};

	(void)state;
	call_status(CONNECTION);
	supervisor_take_call(stand.sup, &cancel);
	answer_look(next_look(), NULL, 0);
	assert_false(has_answer(stand.front));
}

/* He wanted it gone, and does not wait to hear of it. */
static void
destroy_of_who_is_gone_goes_on(void **state)
{
	const struct xen_domain_info info = {.domid = 9};
	struct receipt receipt = good_receipt();
	struct xen_domain_info infos[1] = {info};
	struct front_call call = {
	    .caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_DESTROY,
	    .connection = CONNECTION,
	    .selector = {.domid = 9},
	};
	struct front_call cancel = {
	    .caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_CANCEL,
	    .connection = CONNECTION,
	};
	struct err err;

	(void)state;
	memcpy(infos[0].uuid, receipt.guest.uuid, UUID_BYTES);
	assert_code(domain_table_add(&stand.sup->domains,
			&(struct built){.receipt = receipt}, &err),
	    0);
	supervisor_take_call(stand.sup, &call);
	assert_int_equal(supervisor_count_removals(stand.sup), 0);
	supervisor_take_call(stand.sup, &cancel);
	answer_look(next_look(), infos, 1);
	assert_int_equal(supervisor_count_removals(stand.sup), 1);
	assert_false(has_answer(stand.front));
}

/* No more is read from the front than can wait. */
static void
front_is_not_read_while_as_many_wait(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < FRONT_LISTINGS; i++) {
		assert_true(
		    supervisor_can_take_call(stand.sup, socket_front()));
		call_status(CONNECTION);
	}
	assert_false(supervisor_can_take_call(stand.sup, socket_front()));
	answer_look(next_look(), NULL, 0);
	answer_look(next_look(), NULL, 0);
	for (uint32_t i = 0; i < FRONT_LISTINGS; i++)
		next_answer();
	assert_true(supervisor_can_take_call(stand.sup, socket_front()));
}

static void
calls_are_bounded_while_they_wait(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < WAITING_CALLS; i++)
		call_status(CONNECTION);
	assert_false(has_answer(stand.front));
	call_status(OTHER);
	assert_code(next_answer().outcome.code, RPC_BUSY);
}

/* The process that stood for it in this test is none of ours. */
static void
give_it_a_process(void)
{
	stand.sup->looks.child.pid = start_process();
}

static void
look_role_that_dies_is_said_to_all_that_wait(void **state)
{
	(void)state;
	give_it_a_process();
	call_status(CONNECTION);
	call_status(OTHER);
	closep(&stand.looker);
	supervisor_serve_look(stand.sup);
	assert_code(next_answer().outcome.code, XEN_FAILED);
	assert_code(next_answer().outcome.code, XEN_FAILED);
	assert_int_equal(stand.sup->looks.child.pid, 0);
	assert_true(stand.sup->looks.deadline_usec == 0);
}

static void
look_role_that_is_silent_is_ended(void **state)
{
	(void)state;
	give_it_a_process();
	call_status(CONNECTION);
	supervisor_end_late_look(stand.sup);
	assert_false(has_answer(stand.front));
	*ahead_usec += 11000000;
	supervisor_end_late_look(stand.sup);
	assert_code(next_answer().outcome.code, XEN_FAILED);
	assert_int_equal(stand.sup->looks.child.pid, 0);
}

/* Those that hang in Xen cannot be killed: one more each time is too many. */
static void
look_roles_that_do_not_end_are_not_begun_without_end(void **state)
{
	const struct child own = stand.sup->looks.child;

	(void)state;
	stand.sup->looks.child = CHILD_NONE;
	stand.sup->graves.count = GRAVES - 1;
	call_status(CONNECTION);
	assert_code(next_answer().outcome.code, XEN_FAILED);
	assert_int_equal(stand.sup->looks.child.pid, 0);
	stand.sup->graves.count = 0;
	stand.sup->looks.child = own;
}

static int lines; /* in the log */

static void
count_line(const char *line, size_t len)
{
	(void)line;
	(void)len;
	lines++;
}

/* Who asks again has another one begun each time. */
static void
look_roles_that_are_lost_do_not_fill_the_log(void **state)
{
	(void)state;
	give_it_a_process();
	stand.sup->lost_looks = (struct log_limit){
	    .burst = 3,
	    .usec = 3600000000,
	    .refill_usec = timing_now_usec(),
	};
	lines = 0;
	log_set_output(count_line);
	for (int i = 0; i < 20; i++) {
		stand.sup->looks.deadline_usec = 1;
		supervisor_end_late_look(stand.sup);
	}
	log_set_output(NULL);
	assert_int_equal(lines, 3);
	assert_int_equal(stand.sup->lost_looks.missed, 17);
}

/* It says that Xen could not be asked: nothing is taken for gone. */
static void
look_that_failed_changes_nothing(void **state)
{
	struct receipt receipt = good_receipt();
	struct look_answer answer = {.kind = LOOK_FAILED};
	struct err err = {0};

	(void)state;
	assert_code(domain_table_add(&stand.sup->domains,
			&(struct built){.receipt = receipt}, &err),
	    0);
	call_status(CONNECTION);
	answer.number = next_look();
	err_wire_from(&answer.outcome, err_set(&err, XEN_FAILED, "no"), &err);
	assert_code(ipc_send(stand.looker, &answer, sizeof(answer), -1, &err),
	    0);
	supervisor_serve_look(stand.sup);
	assert_code(next_answer().outcome.code, XEN_FAILED);
	assert_int_equal(stand.sup->domains.count, 1);
}

/* Somebody came meanwhile: the role that could not look looks again. */
static void
look_that_failed_is_followed_by_the_next_one(void **state)
{
	struct look_answer answer = {.kind = LOOK_FAILED};
	struct err err = {0};

	(void)state;
	call_status(CONNECTION);
	answer.number = next_look();
	call_status(OTHER);
	err_wire_from(&answer.outcome, err_set(&err, XEN_FAILED, "no"), &err);
	assert_code(ipc_send(stand.looker, &answer, sizeof(answer), -1, &err),
	    0);
	supervisor_serve_look(stand.sup);
	assert_code(next_answer().outcome.code, XEN_FAILED);
	assert_true(stand.sup->looks.child.link >= 0);
	answer_look(next_look(), NULL, 0);
	assert_int_equal(next_answer().connection, OTHER);
}

/* An old answer would let a domain vanish that was built since. */
static void
answer_to_another_look_ends_the_role(void **state)
{
	(void)state;
	give_it_a_process();
	call_status(CONNECTION);
	answer_look(next_look() + 1, NULL, 0);
	assert_code(next_answer().outcome.code, XEN_FAILED);
	assert_int_equal(stand.sup->looks.child.pid, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    stand_test(call_is_answered_after_a_look),
	    stand_test(call_that_comes_during_a_look_waits_for_the_next),
	    stand_test(calls_that_came_before_a_look_share_it),
	    stand_test(call_of_who_is_gone_is_not_answered),
	    stand_test(destroy_of_who_is_gone_goes_on),
	    stand_test(front_is_not_read_while_as_many_wait),
	    stand_test(calls_are_bounded_while_they_wait),
	    stand_test(look_role_that_dies_is_said_to_all_that_wait),
	    stand_test(look_role_that_is_silent_is_ended),
	    stand_test(look_roles_that_are_lost_do_not_fill_the_log),
	    stand_test(look_roles_that_do_not_end_are_not_begun_without_end),
	    stand_test(look_that_failed_changes_nothing),
	    stand_test(look_that_failed_is_followed_by_the_next_one),
	    stand_test(answer_to_another_look_ends_the_role),
	};

	return cmocka_run_group_tests_name("supervisor_looks", tests, NULL,
	    NULL);
}
