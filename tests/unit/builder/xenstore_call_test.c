/*
 * Single requests, and the removal that a guard permits, against a xenstored
 * of our own that can refuse, collide or end.
 */
#include "builder_fixture.h"

#include <stdlib.h>
#include <time.h>

#include "base/scope.h"
#include "builder/xen/xenstore_call.h"
#include "xenstored_script.h"

static struct xenstore_link store;
static unsigned int pauses;

static const char *const paths[] = {"/local/domain/7", "/libxl/7"};

/* 1 directory, 6 start, 7 end, 13 rm: xs_wire.h */
static const char *const all_requests[] = {
    "1 tx=0 /local/domain/7|",
    "1 tx=0 /libxl/7|",
    "6 tx=0 |",
    "1 tx=5 /local/domain/7|",
    "1 tx=5 /libxl/7|",
    "13 tx=5 /local/domain/7|",
    "13 tx=5 /libxl/7|",
    "7 tx=5 T|",
};
enum { LOOKS = 2 /* before the first transaction */ };

/* --- the guard ------------------------------------------------------- */

static struct {
	bool may;
	int code;            /* it fails with */
	unsigned int asked;  /* so often */
	unsigned int behind; /* so many requests, the last time */
} guard;

static int
ask_guard(void *context, bool *ret_may, struct err *err)
{
	assert_ptr_equal(context, &guard);
	guard.asked++;
	guard.behind = script->count;
	*ret_may = guard.may;
	if (guard.code != 0)
		return err_set(err, (enum err_code)guard.code, "the guard");
	return 0;
}

static const struct store_guard of_test = {ask_guard, &guard};

int __wrap_nanosleep(const struct timespec *pause, struct timespec *ret_rest);

int
__wrap_nanosleep(const struct timespec *pause, struct timespec *ret_rest)
{
	assert_in_range(pause->tv_nsec, 1000000, 65000000);
	assert_null(ret_rest);
	pauses++;
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	script_start();
	guard.may = true;
	guard.code = 0;
	guard.asked = guard.behind = 0;
	pauses = 0;
	store = (struct xenstore_link){.fd = script_connect()};
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	xenstore_link_close(&store);
	script_stop();
	return 0;
}

static int
remove_both(struct err *err)
{
	return xenstore_call_remove(&store, paths, countof(paths), err);
}

static int
remove_guarded(struct err *err)
{
	return xenstore_call_remove_guarded(&store, paths, countof(paths),
	    &of_test, err);
}

static const char *const names[] = {"/a/name", "/b/name", "/c/name"};

static int
find(const char *value, uint32_t *ret_index, struct err *err)
{
	return xenstore_call_find(&store, names, countof(names), value,
	    ret_index, err);
}

static void
finds_the_first_node_with_a_value(void **state)
{
	static const char *const expected[] = {"2 tx=0 /a/name|",
	    "2 tx=0 /b/name|", "2 tx=0 /c/name|"};
	struct err err = {0};
	uint32_t index = 77;

	(void)state;
	script->twists[0] = (struct twist){1, TWIST_SAY, "guest2"};
	script->twists[1] = (struct twist){2, TWIST_SAY, "guest"};
	script->twists[2] = (struct twist){3, TWIST_SAY, "guest"};
	assert_code(find("guest", &index, &err), 0);
	assert_requests(0, expected);
	assert_int_equal(index, 1);
}

static void
finds_none_where_no_value_is_the_same(void **state)
{
	struct err err = {0};
	uint32_t index = 77;

	(void)state;
	script->twists[0] = (struct twist){1, TWIST_SAY, ""};
	script->twists[1] = (struct twist){2, TWIST_REFUSE, "ENOENT"};
	script->twists[2] = (struct twist){3, TWIST_SAY, "gues"};
	assert_code(find("guest", &index, &err), 0);
	assert_int_equal(index, countof(names));
}

/* The replies behind it belong to no other request. */
static void
a_refusal_among_several_is_an_error_and_no_reply_is_left(void **state)
{
	static const char *const refusals[] = {"EACCES", "EIO", "ENOMEM", ""};
	struct err err = {0};
	uint32_t index = 77;

	(void)state;
	for (unsigned int i = 0; i < countof(refusals); i++) {
		script->twists[0] =
		    (struct twist){3 * i + 2, TWIST_REFUSE, refusals[i]};
		assert_code(find("guest", &index, &err), XENSTORE_FAILED);
		assert_has(err.text, "/b/name: ");
		assert_has(err.text, refusals[i]);
		assert_int_equal(index, 77);
	}
	script->twists[0] =
	    (struct twist){3 * countof(refusals) + 3, TWIST_SAY, "guest"};
	assert_code(find("guest", &index, &err), 0);
	assert_int_equal(index, 2);
}

/* The kernel's device carries one request at a time. */
static void
the_device_is_asked_one_by_one(void **state)
{
	struct err err = {0};
	uint32_t index;

	(void)state;
	store.is_device = true;
	script->twists[0] = (struct twist){2, TWIST_REFUSE, "EACCES"};
	assert_code(find("OK", &index, &err), XENSTORE_FAILED);
	assert_string_equal(err.text, "/b/name: EACCES");
	assert_int_equal(script->count, countof(names));
	assert_code(find("OK", &index, &err), 0);
}

static void
introduces_a_domain_with_its_ring(void **state)
{
	static const char *const expected[] = {"8 tx=0 7|1193046|3|"};
	struct err err = {0};

	(void)state;
	assert_code(xenstore_call_introduce(&store, 7, 0x123456, 3, &err), 0);
	assert_requests(0, expected);
	script->twists[0] = (struct twist){2, TWIST_REFUSE, "EINVAL"};
	assert_code(xenstore_call_introduce(&store, 7, 1, 3, &err),
	    XENSTORE_FAILED);
	assert_string_equal(err.text, "introduce d7 and its grant 1: EINVAL");
}

static void
removal_without_a_guard_needs_no_transaction(void **state)
{
	static const char *const expected[] = {
	    "13 tx=0 /local/domain/7|",
	    "13 tx=0 /libxl/7|",
	};
	struct err err = {0};

	(void)state;
	assert_code(remove_both(&err), 0);
	assert_requests(0, expected);
}

static void
removal_of_what_is_not_there_succeeds(void **state)
{
	struct err err = {0};

	(void)state;
	script->twists[0] = (struct twist){1, TWIST_REFUSE, "ENOENT"};
	script->twists[1] = (struct twist){2, TWIST_REFUSE, "ENOENT"};
	assert_code(remove_both(&err), 0);
	assert_int_equal(script->count, 2);
}

static void
removal_tries_all_and_reports_the_first_that_was_refused(void **state)
{
	struct err err = {0};

	(void)state;
	script->twists[0] = (struct twist){1, TWIST_REFUSE, "EACCES"};
	script->twists[1] = (struct twist){2, TWIST_REFUSE, "EIO"};
	assert_code(remove_both(&err), XENSTORE_FAILED);
	assert_string_equal(err.text, "/local/domain/7: EACCES");
	assert_int_equal(script->count, 2);
	script->twists[0] = (struct twist){4, TWIST_REFUSE, "EACCES"};
	assert_code(remove_both(&err), XENSTORE_FAILED);
	assert_string_equal(err.text, "/libxl/7: EACCES");
	script->twists[0] = (struct twist){5, TWIST_REFUSE, "EACCES"};
	assert_code(remove_both(&err), XENSTORE_FAILED);
	assert_string_equal(err.text, "/local/domain/7: EACCES");
	assert_int_equal(script->count, 6);
}

/* In this order a write by somebody else, from the answer on, collides. */
static void
guard_is_asked_between_the_removal_and_the_commit(void **state)
{
	struct err err = {0};

	(void)state;
	assert_code(remove_guarded(&err), 0);
	assert_requests(0, all_requests);
	assert_int_equal(guard.asked, 1);
	assert_int_equal(guard.behind, countof(all_requests) - 1);
}

static void
nothing_is_removed_if_the_guard_says_no(void **state)
{
	struct err err = {0};

	(void)state;
	guard.may = false;
	assert_code(remove_guarded(&err), 0);
	assert_int_equal(guard.asked, 1);
	assert_int_equal(script->count, 8);
	assert_string_equal(script->seen[7], "7 tx=5 F|");
}

static void
nothing_is_removed_if_the_guard_fails(void **state)
{
	struct err err = {0};

	(void)state;
	guard.code = XEN_FAILED;
	assert_code(remove_guarded(&err), XEN_FAILED);
	assert_string_equal(err.text, "the guard");
	assert_int_equal(script->count, 8);
	assert_string_equal(script->seen[7], "7 tx=5 F|");
}

static void
nothing_is_removed_if_one_path_is_refused(void **state)
{
	struct err err = {0};

	(void)state;
	script->twists[0] = (struct twist){7, TWIST_REFUSE, "EACCES"};
	assert_code(remove_guarded(&err), XENSTORE_FAILED);
	assert_string_equal(err.text, "/libxl/7: EACCES");
	assert_int_equal(guard.asked, 0);
	assert_int_equal(script->count, 8);
	assert_string_equal(script->seen[7], "7 tx=5 F|");
}

static void
what_is_not_there_needs_no_guard(void **state)
{
	struct err err = {0};

	(void)state;
	for (unsigned int i = 0; i < LOOKS; i++)
		script->twists[i] =
		    (struct twist){1 + i, TWIST_REFUSE, "ENOENT"};
	assert_code(remove_guarded(&err), 0);
	assert_int_equal(script->count, LOOKS);
	assert_int_equal(guard.asked, 0);
}

/* What cannot be looked at may be there, and so may what is refused later. */
static void
one_that_is_there_is_enough_for_a_removal(void **state)
{
	static const char *const looks[] = {"OK", "EACCES"};

	for (unsigned int i = 0; i < countof(looks); i++) {
		struct err err = {0};

		script->twists[0] = (struct twist){1, TWIST_REFUSE, "ENOENT"};
		script->twists[1] = (struct twist){2,
		    i == 0 ? TWIST_SAY : TWIST_REFUSE, looks[i]};
		script->twists[2] = (struct twist){4, TWIST_REFUSE, "ENOENT"};
		script->twists[3] = (struct twist){6, TWIST_REFUSE, "ENOENT"};
		assert_code(remove_guarded(&err), 0);
		assert_requests(0, all_requests);
		assert_int_equal(guard.asked, i + 1);
		teardown(state);
		script_start();
		store = (struct xenstore_link){.fd = script_connect()};
	}
}

static void
guard_is_asked_again_after_each_collision(void **state)
{
	struct err err = {0};

	(void)state;
	script->collisions = 3;
	assert_code(remove_guarded(&err), 0);
	assert_int_equal(guard.asked, 4);
	assert_int_equal(pauses, 3);
	assert_int_equal(script->count,
	    LOOKS + 4 * (countof(all_requests) - LOOKS));
}

static void
removal_that_collides_without_end_is_given_up(void **state)
{
	struct err err = {0};

	(void)state;
	script->collisions = 1000;
	assert_code(remove_guarded(&err), XENSTORE_FAILED);
	assert_string_equal(err.text,
	    "/local/domain/7: the transaction collided 64 times in a row");
	assert_int_equal(guard.asked, 64);
	assert_int_equal(pauses, 64);
}

static void
commit_that_was_refused_is_an_error(void **state)
{
	struct err err = {0};

	(void)state;
	script->twists[0] = (struct twist){8, TWIST_REFUSE, "ENOSPC"};
	assert_code(remove_guarded(&err), XENSTORE_FAILED);
	assert_string_equal(err.text, "transaction: ENOSPC");
	assert_int_equal(pauses, 0);
}

static void
guarded_removal_reports_a_xenstored_that_ends_at_any_request(void **state)
{
	for (unsigned int n = 1; n <= countof(all_requests); n++) {
		struct err err = {0};

		script->twists[0] = (struct twist){n, TWIST_HANG_UP, NULL};
		assert_code(remove_guarded(&err), XENSTORE_FAILED);
		/* Requests that it has not read make the kernel say so. */
		if (strcmp(err.text, "read: Connection reset by peer") != 0 &&
		    strcmp(err.text, "write: Broken pipe") != 0)
			assert_string_equal(err.text,
			    "xenstored closed the connection");
		teardown(state);
		setup(state);
	}
}

/* It says no, but whether xenstored forgot the transaction is not known. */
static void
an_abort_that_failed_is_an_error(void **state)
{
	static const enum twist_kind kinds[] = {TWIST_HANG_UP, TWIST_REFUSE};

	for (size_t i = 0; i < countof(kinds); i++) {
		struct err err = {0};

		guard.may = false;
		script->twists[0] = (struct twist){8, kinds[i], "EINVAL"};
		assert_code(remove_guarded(&err), XENSTORE_FAILED);
		teardown(state);
		setup(state);
	}
}

#define call_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    call_test(finds_the_first_node_with_a_value),
	    call_test(finds_none_where_no_value_is_the_same),
	    call_test(a_refusal_among_several_is_an_error_and_no_reply_is_left),
	    call_test(the_device_is_asked_one_by_one),
	    call_test(introduces_a_domain_with_its_ring),
	    call_test(removal_without_a_guard_needs_no_transaction),
	    call_test(removal_of_what_is_not_there_succeeds),
	    call_test(removal_tries_all_and_reports_the_first_that_was_refused),
	    call_test(guard_is_asked_between_the_removal_and_the_commit),
	    call_test(nothing_is_removed_if_the_guard_says_no),
	    call_test(nothing_is_removed_if_the_guard_fails),
	    call_test(nothing_is_removed_if_one_path_is_refused),
	    call_test(what_is_not_there_needs_no_guard),
	    call_test(one_that_is_there_is_enough_for_a_removal),
	    call_test(guard_is_asked_again_after_each_collision),
	    call_test(removal_that_collides_without_end_is_given_up),
	    call_test(commit_that_was_refused_is_an_error),
	    call_test(
		guarded_removal_reports_a_xenstored_that_ends_at_any_request),
	    call_test(an_abort_that_failed_is_an_error),
	};

	return cmocka_run_group_tests_name("xenstore_call", tests, NULL, NULL);
}
