/* libassay and its module on the rings of a channel, with a server that keeps
 * to the rules, and one that does not. */
#include "vchan_fake.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "cli/libassay/assay.h"

enum { PATIENCE_MS = 20 * 1000 };

static struct assay *caller;

static int
setup(void **state)
{
	(void)state;
	vchan_setup();
	caller = assay_new();
	assert_non_null(caller);
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	assay_free(caller);
	vchan_teardown();
	return 0;
}

static void
open_channel(void)
{
	assert_int_equal(assay_open(caller, "vchan:0", PATIENCE_MS),
	    ASSAY_DONE);
	assert_int_equal(assay_error_name(caller)[0], '\0');
}

static void
assert_waiting(void)
{
	const char *reply;

	assert_int_equal(assay_process(caller, &reply), ASSAY_WAITING);
}

static void
begin(const char *parameters)
{
	assert_int_equal(
	    assay_begin(caller, "GetStatus", parameters, 0, PATIENCE_MS),
	    ASSAY_DONE);
	assert_waiting();
}

static void
assert_failed(const char *name)
{
	const char *reply;

	assert_int_equal(assay_next(caller, &reply), ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), name);
	assert_false(assay_is_open(caller));
	assert_null(vchan.client);
}

/* Also when the rings have gone round several times. */
static void
calls_go_through_the_rings(void **state)
{
	char heard[VCHAN_LEFT_BYTES];

	(void)state;
	open_channel();
	for (int i = 0; i < 100; i++) {
		static const char said[] = "{\"parameters\":{\"n\":1}}";
		const char *reply;
		size_t len;

		begin(NULL);
		len = vchan_take(heard, sizeof(heard));
		assert_string_equal(heard,
		    "{\"method\":\"org.assay.Builder.GetStatus\","
		    "\"parameters\":{}}");
		assert_int_equal(len, strlen(heard) + 1);
		vchan_put(said, sizeof(said));
		vchan_event();
		assert_int_equal(assay_next(caller, &reply), ASSAY_DONE);
		assert_string_equal(reply, "{\"n\":1}");
	}
	assert_true(vchan.notified >= 100);
}

static void
the_channel_of_this_domain_is_below_the_servers(void **state)
{
	(void)state;
	open_channel();
	assert_int_equal(vchan.domain, 0);
	assert_string_equal(vchan.path, "/local/domain/0/data/assay/7");
	vchan.own_domid = "32751";
	assert_int_equal(assay_open(caller, "vchan:32751", 1000), ASSAY_DONE);
	assert_int_equal(vchan.domain, 32751);
	assert_string_equal(vchan.path, "/local/domain/32751/data/assay/32751");
	vchan.own_domid = NULL;
	assert_int_equal(assay_open(caller,
			     "vchan:3:/local/domain/3/of-49-bytes/xxxxxxxxxxxx"
			     "xxxxxxxxx",
			     1000),
	    ASSAY_DONE);
	assert_int_equal(vchan.domain, 3);
	assert_int_equal(strlen(vchan.path), 49);
}

static void
assert_not_opened(const char *part)
{
	assert_int_equal(assay_open(caller, "vchan:0", 1000), ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), "DAEMON_UNREACHABLE");
	assert_has(assay_error_detail(caller), part);
	assert_false(assay_is_open(caller));
}

static void
what_is_not_in_xenstore_is_not_opened(void **state)
{
	static const char *const domids[] = {NULL, "", "x", "7x", "-1", "32752",
	    "99999"};

	(void)state;
	for (size_t i = 0; i < countof(domids); i++) {
		vchan.own_domid = domids[i];
		assert_not_opened("xenstore does not say");
	}
	vchan.own_domid = "7";
	vchan.is_absent = true;
	assert_not_opened(
	    "vchan:0: no channel at /local/domain/0/data/assay/7");
	assert_null(vchan.client);
}

/* A new one comes a moment after each session. */
static void
ring_that_a_session_was_on_is_not_taken(void **state)
{
	(void)state;
	vchan.used = 5;
	open_channel();
	assert_int_equal(vchan.used, 0);
	assert_int_equal(vchan.ring.left.prod, 0);
}

/* The library leaves it as malloc() gave it; and Xen's are not to print. */
static void
nothing_in_it_waits_or_prints(void **state)
{
	(void)state;
	open_channel();
	assert_int_equal(vchan.client->blocking, 0);
	assert_true(fcntl(vchan.event, F_GETFL) & O_NONBLOCK);
	assert_true(vchan.has_quiet_logger);
	assert_int_equal(assay_fd(caller), vchan.event);
	assert_int_equal(assay_events(caller), POLLIN);
}

static size_t
min_of(size_t a, size_t b)
{
	return a < b ? a : b;
}

static void
messages_longer_than_a_ring_go_in_parts(void **state)
{
	enum { LARGE = 20000 };
	static char large[LARGE];
	char heard[VCHAN_LEFT_BYTES];
	const char *reply;
	size_t len = 0;

	(void)state;
	open_channel();
	memset(large, 'x', LARGE - 1);
	memcpy(large, "{\"a\":\"", 6);
	memcpy(large + LARGE - 3, "\"}", 3);
	begin(large);
	for (int i = 0; i < 100; i++) {
		len += vchan_take(heard, sizeof(heard));
		vchan_event();
		assert_waiting();
	}
	assert_true(len > LARGE);

	vchan_put("{\"parameters\":", 14);
	for (size_t said = 0; said < LARGE - 1; said += 1000) {
		vchan_put(large + said, min_of(LARGE - 1 - said, 1000));
		vchan_event();
		assert_waiting();
	}
	vchan_put("}", 2);
	assert_int_equal(assay_process(caller, &reply), ASSAY_DONE);
	assert_string_equal(reply, large);
}

static void
a_server_that_closes_ends_the_call(void **state)
{
	(void)state;
	open_channel();
	begin(NULL);
	vchan_put("{\"para", 6);
	vchan.ring.srv_live = 0;
	vchan_event();
	assert_failed("DAEMON_UNREACHABLE");
}

static void
a_reply_before_the_end_counts(void **state)
{
	const char *reply;

	(void)state;
	open_channel();
	begin(NULL);
	vchan_put("{}", 3);
	vchan.ring.srv_live = 0;
	assert_int_equal(assay_next(caller, &reply), ASSAY_DONE);
	assert_string_equal(reply, "{}");
	assay_begin(caller, "GetStatus", NULL, 0, PATIENCE_MS);
	assert_failed("DAEMON_UNREACHABLE");
}

/* The domain is gone: nobody says so. */
static void
silence_ends_at_the_deadline(void **state)
{
	const char *reply;

	(void)state;
	open_channel();
	assert_int_equal(assay_call(caller, "GetStatus", NULL, 100, &reply),
	    ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), "CALL_TIMEOUT");
	assert_null(vchan.client);
}

static void
a_server_that_takes_nothing_ends_at_the_deadline(void **state)
{
	static char large[4096];
	const char *reply;

	(void)state;
	open_channel();
	memset(large, ' ', sizeof(large) - 1);
	memcpy(large, "{\"a\":\"", 6);
	memset(large + 6, 'x', 3000);
	memcpy(large + 3006, "\"}", 2);
	assert_int_equal(assay_call(caller, "GetStatus", large, 100, &reply),
	    ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), "CALL_TIMEOUT");
}

/* Each of the four indices, moved ahead, back, and far outside. */
static void
indices_that_lie_end_the_call_by_name(void **state)
{
	static const struct {
		uint32_t *index;
		uint32_t by;
	} lies[] = {
	    {&vchan.ring.right.prod, VCHAN_RIGHT_BYTES + 1},
	    {&vchan.ring.right.prod, 0x80000000},
	    {&vchan.ring.right.prod, (uint32_t)-1},
	    {&vchan.ring.right.cons, 1},
	    {&vchan.ring.right.cons, (uint32_t)-1},
	    {&vchan.ring.left.cons, 200},
	    {&vchan.ring.left.cons, (uint32_t)-VCHAN_LEFT_BYTES},
	    {&vchan.ring.left.prod, 1},
	    {&vchan.ring.left.prod, (uint32_t)-1},
	};

	(void)state;
	for (size_t i = 0; i < countof(lies); i++) {
		vchan_teardown();
		vchan_setup();
		open_channel();
		begin(NULL);
		*lies[i].index += lies[i].by;
		vchan_event();
		assert_failed("CHANNEL_BROKEN");
		assert_has(assay_error_detail(caller), "indices");
	}
}

/* Not what is private to the client. */
static void
other_fields_that_change_do_no_harm(void **state)
{
	const char *reply;

	(void)state;
	open_channel();
	begin(NULL);
	vchan.ring.left_order = 31;
	vchan.ring.right_order = 0xffff;
	vchan.ring.cli_live = 77;
	vchan.ring.cli_notify = 0xff;
	vchan.ring.srv_notify = 0xff;
	memset(vchan.ring.grants, 0xff, 64);
	vchan.ring.srv_live = 0x80;
	vchan_put("{}", 3);
	vchan_event();
	assert_int_equal(assay_next(caller, &reply), ASSAY_DONE);
}

static void
events_without_bytes_do_no_harm(void **state)
{
	const char *reply;

	(void)state;
	open_channel();
	begin(NULL);
	for (int i = 0; i < 1000; i++) {
		vchan_event();
		assert_waiting();
	}
	vchan_put("{}", 3);
	assert_int_equal(assay_process(caller, &reply), ASSAY_DONE);
}

#define vchan_unit_test(test) \
	cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    vchan_unit_test(calls_go_through_the_rings),
	    vchan_unit_test(the_channel_of_this_domain_is_below_the_servers),
	    vchan_unit_test(what_is_not_in_xenstore_is_not_opened),
	    vchan_unit_test(ring_that_a_session_was_on_is_not_taken),
	    vchan_unit_test(nothing_in_it_waits_or_prints),
	    vchan_unit_test(messages_longer_than_a_ring_go_in_parts),
	    vchan_unit_test(a_server_that_closes_ends_the_call),
	    vchan_unit_test(a_reply_before_the_end_counts),
	    vchan_unit_test(silence_ends_at_the_deadline),
	    vchan_unit_test(a_server_that_takes_nothing_ends_at_the_deadline),
	    vchan_unit_test(indices_that_lie_end_the_call_by_name),
	    vchan_unit_test(other_fields_that_change_do_no_harm),
	    vchan_unit_test(events_without_bytes_do_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
