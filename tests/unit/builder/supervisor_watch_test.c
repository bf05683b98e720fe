/*
 * What changed has Xen looked at, and guests are asked to shut down: this test
 * is the watch role and the look role.
 */
#include "supervisor_stand.h"

#include <signal.h>
#include <string.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/look_link.h"
#include "builder/watch_link.h"

static void
say_changed(void)
{
	const struct watch_report report = {.kind = WATCH_CHANGED};
	struct err err;

	assert_code(ipc_send(stand.watcher, &report, LINK_KIND_BYTES, -1, &err),
	    0);
	supervisor_serve_watch(stand.sup);
}

static void
fail_look(uint32_t number)
{
	struct look_answer answer = {.kind = LOOK_FAILED, .number = number};
	struct err err = {0};

	err_wire_from(&answer.outcome, err_set(&err, XEN_FAILED, "no"), &err);
	assert_code(ipc_send(stand.looker, &answer, sizeof(answer), -1, &err),
	    0);
	supervisor_serve_look(stand.sup);
}

/* The good receipt's domain, as Xen lists it. */
static struct xen_domain_info
add_domain(void)
{
	struct receipt receipt = good_receipt();
	struct xen_domain_info info = {.domid = receipt.domid};
	struct err err;

	memcpy(info.uuid, receipt.guest.uuid, UUID_BYTES);
	assert_code(domain_table_add(&stand.sup->domains,
			&(struct built){.receipt = receipt}, &err),
	    0);
	return info;
}

static void
change_has_xen_looked_at(void **state)
{
	struct xen_domain_info info;

	(void)state;
	info = add_domain();
	say_changed();
	info.is_shutdown = true;
	info.shutdown_reason = 3;
	assert_false(stand.sup->has_changed);
	answer_look(next_look(), &info, 1);
	assert_true(stand.sup->has_changed);
	assert_true(stand.sup->domains.rows[0].is_shutdown);
	assert_int_equal(stand.sup->domains.rows[0].shutdown_reason, 3);
}

static void
domain_that_is_gone_is_a_change(void **state)
{
	(void)state;
	add_domain();
	say_changed();
	answer_look(next_look(), NULL, 0);
	assert_true(stand.sup->has_changed);
}

/* As when another's domain came. */
static void
look_that_found_nothing_new_is_no_change(void **state)
{
	struct xen_domain_info info;

	(void)state;
	info = add_domain();
	say_changed();
	answer_look(next_look(), &info, 1);
	assert_false(stand.sup->has_changed);
}

/* That look may have begun before it happened. */
static void
change_during_a_look_has_another_one_begun(void **state)
{
	uint32_t first;
	uint32_t second;

	(void)state;
	say_changed();
	first = next_look();
	say_changed();
	say_changed();
	assert_int_equal(next_look(), 0);
	answer_look(first, NULL, 0);
	second = next_look();
	assert_int_equal(second, first + 1);
	answer_look(second, NULL, 0);
	assert_int_equal(next_look(), 0);
}

static void
look_that_failed_after_a_change_is_tried_again(void **state)
{
	(void)state;
	say_changed();
	fail_look(next_look());
	supervisor_end_late_look(stand.sup);
	assert_int_equal(next_look(), 0);
	*ahead_usec += 1100000;
	supervisor_end_late_look(stand.sup);
	answer_look(next_look(), NULL, 0);
	*ahead_usec += 1100000;
	supervisor_end_late_look(stand.sup);
	assert_int_equal(next_look(), 0);
}

/* --- shutdowns ------------------------------------------------------- */

static int
ask_shutdown(uint32_t connection, struct err *err)
{
	struct receipt receipt = good_receipt();

	return supervisor_ask_shutdown(stand.sup, connection, &receipt, err);
}

static struct watch_call
next_call(void)
{
	struct watch_call call = {0};
	struct err err;
	bool is_end;

	assert_true(has_answer(stand.watcher));
	assert_code(ipc_receive(stand.watcher, &call, sizeof(call), NULL,
			&is_end, &err),
	    0);
	return call;
}

static void
say_asked(uint32_t number, int code)
{
	struct watch_report report = {.kind = WATCH_ASKED, .number = number};
	struct err why = {0};
	struct err err;

	if (code != 0)
		err_set(&why, (enum err_code)code, "as the test says");
	err_wire_from(&report.outcome, code, &why);
	assert_code(ipc_send(stand.watcher, &report, sizeof(report), -1, &err),
	    0);
	supervisor_serve_watch(stand.sup);
}

static void
caller_hears_how_the_guest_was_asked(void **state)
{
	struct receipt receipt = good_receipt();
	struct watch_call first;
	struct watch_call second;
	struct front_answer answer;
	struct err err;

	(void)state;
	assert_code(ask_shutdown(CONNECTION, &err), 0);
	assert_code(ask_shutdown(OTHER, &err), 0);
	first = next_call();
	second = next_call();
	assert_int_equal(first.domid, receipt.domid);
	assert_memory_equal(first.uuid, receipt.guest.uuid, UUID_BYTES);
	say_asked(second.number, DOMAIN_UNKNOWN);
	answer = next_answer();
	assert_int_equal(answer.connection, OTHER);
	assert_code(answer.outcome.code, DOMAIN_UNKNOWN);
	say_asked(first.number, 0);
	answer = next_answer();
	assert_int_equal(answer.connection, CONNECTION);
	assert_code(answer.outcome.code, 0);
	assert_true(stand.sup->watch.deadline_usec == 0);
}

static void
caller_that_is_gone_is_not_answered(void **state)
{
	struct front_call cancel = {
	    .kind = FRONT_CANCEL,
	    .connection = CONNECTION,
	};
	struct err err;

	(void)state;
	assert_code(ask_shutdown(CONNECTION, &err), 0);
	supervisor_take_call(stand.sup, &cancel);
	say_asked(next_call().number, 0);
	assert_false(has_answer(stand.front));
}

static void
guests_that_are_asked_at_once_are_bounded(void **state)
{
	struct err err;

	(void)state;
	for (uint32_t i = 0; i < SHUTDOWN_CALLS; i++)
		assert_code(ask_shutdown(CONNECTION, &err), 0);
	assert_code(ask_shutdown(CONNECTION, &err), RPC_BUSY);
	say_asked(next_call().number, 0);
	assert_code(ask_shutdown(CONNECTION, &err), 0);
}

/* The process that stood for it in this test is none of ours. */
static void
give_it_a_process(void)
{
	stand.sup->watch.child.pid = start_process();
}

/* xenstored hangs. */
static void
watch_role_that_is_silent_is_ended_and_begun_again(void **state)
{
	struct err err;

	(void)state;
	give_it_a_process();
	assert_code(ask_shutdown(CONNECTION, &err), 0);
	supervisor_keep_watch(stand.sup);
	assert_false(has_answer(stand.front));
	*ahead_usec += 11000000;
	supervisor_keep_watch(stand.sup);
	assert_code(next_answer().outcome.code, XENSTORE_FAILED);
	assert_int_equal(stand.sup->watch.child.pid, 0);
	assert_code(ask_shutdown(CONNECTION, &err), XENSTORE_FAILED);
	*ahead_usec += 1000000;
	supervisor_keep_watch(stand.sup);
	assert_int_not_equal(stand.sup->watch.child.pid, 0);
	assert_false(stand.sup->watch.is_watching);
}

/* One that has not begun to watch has as much time. */
static void
watch_role_that_never_watches_is_ended(void **state)
{
	(void)state;
	give_it_a_process();
	supervisor_drop_watch(stand.sup);
	supervisor_keep_watch(stand.sup);
	assert_int_not_equal(stand.sup->watch.child.pid, 0);
	assert_true(supervisor_watch_deadline(stand.sup) != UINT64_MAX);
	*ahead_usec += 11000000;
	supervisor_keep_watch(stand.sup);
	assert_int_equal(stand.sup->watch.child.pid, 0);
}

static void
watch_role_that_is_quiet_stays(void **state)
{
	const pid_t pid = stand.sup->watch.child.pid;

	(void)state;
	*ahead_usec += 3600000000;
	supervisor_keep_watch(stand.sup);
	assert_int_equal(stand.sup->watch.child.pid, pid);
}

static void
answer_to_another_call_ends_the_role(void **state)
{
	struct err err;

	(void)state;
	give_it_a_process();
	assert_code(ask_shutdown(CONNECTION, &err), 0);
	say_asked(next_call().number + 1, 0);
	assert_code(next_answer().outcome.code, XENSTORE_FAILED);
	assert_int_equal(stand.sup->watch.child.pid, 0);
}

static void
answer_to_no_call_ends_the_role(void **state)
{
	(void)state;
	give_it_a_process();
	say_asked(0, 0);
	assert_int_equal(stand.sup->watch.child.pid, 0);
	assert_false(has_answer(stand.front));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    stand_test(change_has_xen_looked_at),
	    stand_test(domain_that_is_gone_is_a_change),
	    stand_test(look_that_found_nothing_new_is_no_change),
	    stand_test(change_during_a_look_has_another_one_begun),
	    stand_test(look_that_failed_after_a_change_is_tried_again),
	    stand_test(caller_hears_how_the_guest_was_asked),
	    stand_test(caller_that_is_gone_is_not_answered),
	    stand_test(guests_that_are_asked_at_once_are_bounded),
	    stand_test(watch_role_that_is_silent_is_ended_and_begun_again),
	    stand_test(watch_role_that_never_watches_is_ended),
	    stand_test(watch_role_that_is_quiet_stays),
	    stand_test(answer_to_another_call_ends_the_role),
	    stand_test(answer_to_no_call_ends_the_role),
	};

	return cmocka_run_group_tests_name("supervisor_watch", tests, NULL,
	    NULL);
}
