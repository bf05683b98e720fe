/*
 * Many writes in one transaction, against a xenstored of our own that can
 * refuse, collide or end.
 */
#include "builder_fixture.h"

#include <string.h>
#include <time.h>

#include "base/scope.h"
#include "builder/xen/xenstore_batch.h"
#include "xenstored_script.h"

static struct xenstore_batch batch;

static const struct store_node first_nodes[] = {
    {"/local/domain/7", "", STORE_OWNED, 0, 7},
    {"/local/domain/7/name", "guest", STORE_INHERIT, 0, 0},
    {"/local/domain/7/data", "", STORE_OWNED, 7, STORE_NO_READER},
    {"/libxl/7", "", STORE_PRIVATE, 3, 4},
};
static const struct store_node last_nodes[] = {
    {"/local/domain/7/store/ring-ref", "22136", STORE_INHERIT, 0, 0},
};

/* --- pauses, which are not slept ------------------------------------- */

static unsigned int pauses;
static unsigned int same_pauses; /* as the one before */
static long last_pause_nsec;

int __wrap_nanosleep(const struct timespec *pause, struct timespec *ret_rest);

int
__wrap_nanosleep(const struct timespec *pause, struct timespec *ret_rest)
{
	assert_null(ret_rest);
	assert_int_equal(pause->tv_sec, 0);
	assert_in_range(pause->tv_nsec, 1000000, 65000000);
	pauses++;
	same_pauses += pause->tv_nsec == last_pause_nsec;
	last_pause_nsec = pause->tv_nsec;
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	script_start();
	pauses = same_pauses = 0;
	batch = (struct xenstore_batch){.link = {.fd = script_connect()}};
	return 0;
}

/* The kernel's device instead of a socket: see xenstore_link_send(). */
static int
setup_device(void **state)
{
	setup(state);
	batch.link.is_device = true;
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	xenstore_link_close(&batch.link);
	script_stop();
	return 0;
}

static int
write_all(struct err *err)
{
	TRY(xenstore_batch_begin(&batch, first_nodes, countof(first_nodes),
	    err));
	return xenstore_batch_write(&batch, last_nodes, countof(last_nodes),
	    err);
}

static void
batch_is_one_transaction_of_exactly_these_requests(void **state)
{
	/* 6 start, 7 end, 11 write, 14 set_perms: xs_wire.h */
	static const char *const expected[] = {
	    "6 tx=0 |",
	    "11 tx=5 /local/domain/7|",
	    "14 tx=5 /local/domain/7|n0|r7|",
	    "11 tx=5 /local/domain/7/name|guest",
	    "11 tx=5 /local/domain/7/data|",
	    "14 tx=5 /local/domain/7/data|n7|",
	    "11 tx=5 /libxl/7|",
	    "14 tx=5 /libxl/7|n0|",
	    "11 tx=5 /local/domain/7/store/ring-ref|22136",
	    "7 tx=5 T|",
	};
	struct err err = {0};

	(void)state;
	assert_code(write_all(&err), 0);
	assert_requests(0, expected);
	for (uint32_t i = 0; i < countof(expected); i++)
		assert_int_equal(script->ids[i], i + 1);
}

static void
batch_aborts_and_names_the_node_that_was_refused(void **state)
{
	struct err err = {0};

	(void)state;
	/* The permissions of data; then that of libxl, which follows from it.
	 */
	script->twists[0] = (struct twist){6, TWIST_REFUSE, "EACCES"};
	script->twists[1] = (struct twist){8, TWIST_REFUSE, "EINVAL"};
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_string_equal(err.text, "/local/domain/7/data: EACCES");
	assert_string_equal(script->seen[script->count - 1], "7 tx=5 F|");
}

static void
batch_after_one_that_was_refused_is_written(void **state)
{
	struct err err = {0};

	(void)state;
	script->twists[0] = (struct twist){6, TWIST_REFUSE, "EACCES"};
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_code(write_all(&err), 0);
	assert_string_equal(script->seen[script->count - 1], "7 tx=5 T|");
}

static void
batch_that_collides_is_written_again_whole(void **state)
{
	struct err err = {0};

	(void)state;
	script->collisions = 3;
	assert_code(write_all(&err), 0);
	assert_int_equal(script->count, 4 * 10);
	for (unsigned int i = 10; i < script->count; i++)
		assert_string_equal(script->seen[i], script->seen[i - 10]);
	assert_int_equal(pauses, 3);
	/* One that was not begun before. */
	script->collisions = 1;
	assert_code(
	    xenstore_batch_write(&batch, last_nodes, countof(last_nodes), &err),
	    0);
	assert_int_equal(script->count, 4 * 10 + 2 * 3);
}

static void
batch_that_collides_without_end_is_given_up(void **state)
{
	struct err err = {0};

	(void)state;
	script->collisions = 1000;
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_has(err.text, "collided 64 times in a row");
	assert_int_equal(script->count, 64 * 10);
	assert_int_equal(pauses, 64);
	/* Two that collided with each other do not stay in step. */
	assert_in_range(same_pauses, 0, 8);
}

static void
batch_reports_a_commit_that_was_refused(void **state)
{
	struct err err = {0};

	(void)state;
	script->twists[0] = (struct twist){10, TWIST_REFUSE, "ENOSPC\x1b[31m"};
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_has(err.text, "ENOSPC\\x1b[31m");
}

static void
batch_reports_a_transaction_that_cannot_be_started(void **state)
{
	struct err err = {0};

	(void)state;
	script->twists[0] = (struct twist){1, TWIST_REFUSE, "EBUSY"};
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_has(err.text, "EBUSY");
	assert_int_equal(script->count, 1);
}

/* Each reply is checked, those that come in a row too. */
static void
batch_reports_a_xenstored_that_ends_or_errs_at_any_request(void **state)
{
	static const enum twist_kind kinds[] = {TWIST_HANG_UP, TWIST_OTHER_ID,
	    TWIST_OLD_ID, TWIST_OTHER_TYPE, TWIST_TOO_LONG, TWIST_SHORT_HEADER};

	for (unsigned int n = 0; n < 10 * countof(kinds); n++) {
		struct err err = {0};

		script->twists[0] = (struct twist){n / countof(kinds) + 1,
		    kinds[n % countof(kinds)], NULL};
		assert_code(write_all(&err), XENSTORE_FAILED);
		assert_false(xenstore_link_is_alive(&batch.link));
		teardown(state);
		setup(state);
	}
}

static void
batch_that_failed_is_of_no_use_any_more(void **state)
{
	struct err err = {0};

	(void)state;
	script->twists[0] = (struct twist){4, TWIST_OTHER_ID, NULL};
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_string_equal(err.text, "a reply to request 5 instead of 4");
	assert_code(write_all(&err), XENSTORE_FAILED);
	assert_string_equal(err.text,
	    "there is no connection to xenstored any more");
}

static void
batch_refuses_a_request_over_the_limit(void **state)
{
	char value[XENSTORE_LINK_PAYLOAD + 1];
	const struct store_node node = {.path = "/x", .value = value};
	struct err err = {0};

	(void)state;
	memset(value, 'v', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	assert_code(xenstore_batch_begin(&batch, &node, 1, &err),
	    XENSTORE_FAILED);
	assert_has(err.text, "a request of 4099 bytes");
	assert_int_equal(script->count, 1);
}

static void
batch_of_nothing_commits_nothing(void **state)
{
	struct err err = {0};

	(void)state;
	assert_code(xenstore_batch_begin(&batch, NULL, 0, &err), 0);
	assert_code(xenstore_batch_write(&batch, NULL, 0, &err), 0);
	assert_int_equal(script->count, 2);
}

#define batch_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
#define device_test(test) \
	cmocka_unit_test_setup_teardown(test, setup_device, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    batch_test(batch_is_one_transaction_of_exactly_these_requests),
	    batch_test(batch_aborts_and_names_the_node_that_was_refused),
	    batch_test(batch_after_one_that_was_refused_is_written),
	    batch_test(batch_that_collides_is_written_again_whole),
	    batch_test(batch_that_collides_without_end_is_given_up),
	    batch_test(batch_reports_a_commit_that_was_refused),
	    batch_test(batch_reports_a_transaction_that_cannot_be_started),
	    batch_test(
		batch_reports_a_xenstored_that_ends_or_errs_at_any_request),
	    batch_test(batch_that_failed_is_of_no_use_any_more),
	    batch_test(batch_refuses_a_request_over_the_limit),
	    batch_test(batch_of_nothing_commits_nothing),
	    device_test(batch_is_one_transaction_of_exactly_these_requests),
	    device_test(batch_aborts_and_names_the_node_that_was_refused),
	    device_test(batch_that_collides_is_written_again_whole),
	};

	return cmocka_run_group_tests_name("xenstore_batch", tests, NULL, NULL);
}
