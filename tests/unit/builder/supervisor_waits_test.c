/*
 * Callers that wait for a domain, with a clock of the test's.
 */
#include "supervisor_stand.h"

#include <string.h>

#include "base/scope.h"

enum { FOREIGN = 3, FOREIGN_BYTE = 0x33 };

/* One that the supervisor knows, and that Xen has. */
static struct fake_domain *
add_domain(void)
{
	struct fake_domain *domain =
	    xen_fake_add(fake, FOREIGN, FOREIGN_BYTE, "known");
	struct receipt receipt = good_receipt();
	struct err err;

	receipt.domid = FOREIGN;
	memset(receipt.guest.uuid, FOREIGN_BYTE, UUID_BYTES);
	assert_code(domain_table_add(&stand.sup->domains,
			&(struct built){.receipt = receipt}, &err),
	    0);
	domain->is_running = true;
	return domain;
}

static void
wait_for(uint32_t connection, enum wait_until until, uint32_t seconds)
{
	const struct front_call call = {
	    .caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_WAIT,
	    .connection = connection,
	    .wait = {.selector = {.domid = FOREIGN},
		.until = until,
		.seconds = seconds},
	};

	stand_call(&call);
}

/* Somebody has Xen looked at. */
static void
look(void)
{
	const struct front_call call = {
	    .caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_LIST_DOMAINS,
	    .connection = OTHER + 100,
	};

	stand_call(&call);
	next_answer();
	supervisor_heed_change(stand.sup);
}

static void
assert_state(uint32_t connection, enum domain_state_kind state)
{
	struct front_answer answer = next_answer();

	assert_int_equal(answer.kind, ANSWER_STATE);
	assert_int_equal(answer.connection, connection);
	assert_int_equal(answer.state.state, state);
	assert_int_equal(answer.state.domid, FOREIGN);
}

static void
what_is_so_already_is_answered_at_once(void **state)
{
	struct fake_domain *domain = add_domain();

	(void)state;
	wait_for(CONNECTION, WAIT_RUNNING, 10);
	assert_state(CONNECTION, DOMAIN_RUNNING);
	domain->is_shutdown = true;
	wait_for(CONNECTION, WAIT_SHUTDOWN, 10);
	assert_state(CONNECTION, DOMAIN_SHUT_DOWN);
}

static void
paused_domain_is_waited_for_until_it_runs_or_ends(void **state)
{
	struct fake_domain *domain = add_domain();

	(void)state;
	domain->is_running = false;
	wait_for(CONNECTION, WAIT_RUNNING, 10);
	wait_for(OTHER, WAIT_SHUTDOWN, 10);
	assert_false(has_answer(stand.front));
	domain->is_running = true;
	look();
	assert_state(CONNECTION, DOMAIN_RUNNING);
	assert_false(has_answer(stand.front));
	domain->is_shutdown = true;
	look();
	assert_state(OTHER, DOMAIN_SHUT_DOWN);
	assert_false(has_answer(stand.front));
}

static void
domain_that_is_gone_is_waited_for_no_longer(void **state)
{
	struct fake_domain *domain = add_domain();

	(void)state;
	wait_for(CONNECTION, WAIT_SHUTDOWN, 10);
	domain->exists = false;
	look();
	assert_state(CONNECTION, DOMAIN_GONE);
}

/* An id that is used again, and a uuid. */
static void
another_domain_of_the_id_is_not_the_one(void **state)
{
	struct fake_domain *domain = add_domain();
	struct receipt receipt = good_receipt();
	struct err err;

	(void)state;
	wait_for(CONNECTION, WAIT_SHUTDOWN, 10);
	domain->uuid[0] ^= 1;
	receipt.domid = FOREIGN;
	memcpy(receipt.guest.uuid, domain->uuid, UUID_BYTES);
	assert_code(domain_table_add(&stand.sup->domains,
			&(struct built){.receipt = receipt}, &err),
	    0);
	look();
	assert_state(CONNECTION, DOMAIN_GONE);
}

static void
who_waits_too_long_is_told_so(void **state)
{
	(void)state;
	add_domain();
	wait_for(CONNECTION, WAIT_SHUTDOWN, 10);
	assert_true(supervisor_wait_deadline(stand.sup) != UINT64_MAX);
	supervisor_end_late_waits(stand.sup);
	assert_false(has_answer(stand.front));
	*ahead_usec += 11000000;
	supervisor_end_late_waits(stand.sup);
	assert_code(next_answer().outcome.code, WAIT_OVER);
	assert_true(supervisor_wait_deadline(stand.sup) == UINT64_MAX);
}

static void
who_hung_up_is_forgotten(void **state)
{
	const struct front_call cancel = {
	    .caller = user_caller(config.allow_uids[0]),
	    .kind = FRONT_CANCEL,
	    .connection = CONNECTION,
	};
	struct fake_domain *domain = add_domain();

	(void)state;
	wait_for(CONNECTION, WAIT_SHUTDOWN, 10);
	wait_for(OTHER, WAIT_SHUTDOWN, 10);
	supervisor_take_call(stand.sup, &cancel);
	domain->is_shutdown = true;
	look();
	assert_state(OTHER, DOMAIN_SHUT_DOWN);
	assert_false(has_answer(stand.front));
	assert_true(supervisor_wait_deadline(stand.sup) == UINT64_MAX);
}

/* All are answered at once, and the front takes that many. */
static void
callers_that_wait_are_bounded(void **state)
{
	struct fake_domain *domain = add_domain();

	(void)state;
	for (uint32_t i = 0; i < WAITERS; i++)
		wait_for(10 + i, WAIT_SHUTDOWN, 10);
	assert_false(has_answer(stand.front));
	wait_for(OTHER, WAIT_SHUTDOWN, 10);
	assert_code(next_answer().outcome.code, RPC_BUSY);
	domain->is_shutdown = true;
	look();
	for (uint32_t i = 0; i < WAITERS; i++) {
		if (!has_answer(stand.front))
			supervisor_flush_front(&stand.sup->fronts[0]);
		assert_state(10 + i, DOMAIN_SHUT_DOWN);
	}
	assert_false(stand.sup->fronts[0].is_lost);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    stand_test(what_is_so_already_is_answered_at_once),
	    stand_test(paused_domain_is_waited_for_until_it_runs_or_ends),
	    stand_test(domain_that_is_gone_is_waited_for_no_longer),
	    stand_test(another_domain_of_the_id_is_not_the_one),
	    stand_test(who_waits_too_long_is_told_so),
	    stand_test(who_hung_up_is_forgotten),
	    stand_test(callers_that_wait_are_bounded),
	};

	return cmocka_run_group_tests_name("supervisor_waits", tests, NULL,
	    NULL);
}
