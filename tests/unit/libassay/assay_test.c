/* libassay against a server that does what a test tells it. */
#include "server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/scope.h"
#include "cli/libassay/inbox.h"
#include "cli/libassay/message.h"

#define NOT_ASSAYD "DAEMON_UNREACHABLE"

static void
assert_disconnected(void)
{
	assert_false(assay_is_open(caller));
	assert_int_equal(assay_fd(caller), -1);
	assert_int_equal(assay_events(caller), 0);
	/* And the other end sees it. */
	assert_int_equal(poll(&(struct pollfd){server, POLLIN, 0}, 1, 0), 1);
	assert_int_equal(assay_begin(caller, "GetStatus", NULL, 0, PATIENCE_MS),
	    ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), NOT_ASSAYD);
}

static void
a_call_is_what_was_asked_for(void **state)
{
	(void)state;
	assert_int_equal(assay_begin(caller, "DestroyDomain",
			     " { \"name\" : \"web\" } ", 0, PATIENCE_MS),
	    ASSAY_DONE);
	assert_string_equal(server_hears(), "");
	assert_true(assay_events(caller) & POLLOUT);
	assert_waiting();
	assert_false(assay_events(caller) & POLLOUT);
	assert_string_equal(server_hears(),
	    "{\"method\":\"org.assay.Builder.DestroyDomain\","
	    "\"parameters\":{\"name\":\"web\"}}");
	server_reply("{\"parameters\":{\"a\": [1, true, null, 1.5, \"b\"]}}");
	assert_answered(ASSAY_DONE, "{\"a\":[1,true,null,1.5,\"b\"]}");
}

static void
a_method_of_another_interface_is_named_whole(void **state)
{
	(void)state;
	assay_begin(caller, "org.varlink.service.GetInfo", NULL, 0,
	    PATIENCE_MS);
	assert_waiting();
	assert_string_equal(server_hears(),
	    "{\"method\":\"org.varlink.service.GetInfo\","
	    "\"parameters\":{}}");
}

static void
calls_follow_one_another(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++) {
		server_is_called(0);
		server_reply(i == 1 ? "{}" : "{\"parameters\":null}");
		assert_answered(ASSAY_DONE, "{}");
	}
}

static void
a_reply_comes_byte_by_byte(void **state)
{
	static const char reply[] = "{\"parameters\":{\"version\":\"1\"}}";

	(void)state;
	server_is_called(0);
	for (size_t i = 0; i < sizeof(reply) - 1; i++) {
		server_say(reply + i, 1);
		assert_waiting();
	}
	server_say("", 1);
	assert_answered(ASSAY_DONE, "{\"version\":\"1\"}");
}

static void
a_server_that_hangs_up_at_any_byte_ends_the_call(void **state)
{
	static const char reply[] = "{\"parameters\":{\"version\":\"1\"}}";

	(void)state;
	for (size_t i = 0; i < sizeof(reply); i++) {
		server_connect();
		server_is_called(0);
		server_say(reply, i);
		if (i % 2 == 0)
			assert_waiting();
		server_hang_up();
		assert_failed(NOT_ASSAYD,
		    "the connection ended before a whole reply");
		assert_false(assay_is_open(caller));
	}
}

static void
a_whole_reply_counts_though_the_server_is_gone(void **state)
{
	(void)state;
	server_is_called(0);
	server_reply("{}");
	server_hang_up();
	assert_answered(ASSAY_DONE, "{}");
	assay_begin(caller, "GetStatus", NULL, 0, PATIENCE_MS);
	assert_failed(NOT_ASSAYD, "the connection ended before a whole reply");
	assert_false(assay_is_open(caller));
}

static void
a_server_that_never_reads_raises_no_signal(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_DFL);
	server_hang_up();
	assay_begin(caller, "GetStatus", NULL, 0, PATIENCE_MS);
	assert_failed(NOT_ASSAYD, "the connection ended before a whole reply");
}

static void
silence_ends_at_the_deadline(void **state)
{
	const char *reply = "untouched";
	struct timespec begin;
	struct timespec end;

	(void)state;
	clock_gettime(CLOCK_MONOTONIC, &begin);
	assert_int_equal(assay_call(caller, "GetStatus", NULL, 200, &reply),
	    ASSAY_FAILED);
	clock_gettime(CLOCK_MONOTONIC, &end);
	assert_string_equal(assay_error_name(caller), "CALL_TIMEOUT");
	assert_string_equal(reply, "untouched");
	assert_true((end.tv_sec - begin.tv_sec) * 1000 +
			(end.tv_nsec - begin.tv_nsec) / 1000000 >=
		    199);
	assert_disconnected();
}

static void
bytes_that_trickle_do_not_move_the_deadline(void **state)
{
	int result = ASSAY_WAITING;
	const char *reply;

	(void)state;
	assay_begin(caller, "GetStatus", NULL, 0, 200);
	for (int i = 0; i < 1000 && result == ASSAY_WAITING; i++) {
		server_say(" ", 1);
		usleep(10 * 1000);
		result = assay_process(caller, &reply);
	}
	assert_int_equal(result, ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), "CALL_TIMEOUT");
	assert_disconnected();
}

static void
several_replies_come_one_at_a_time(void **state)
{
	static const char replies[] =
	    "{\"continues\":true,\"parameters\":{\"n\":1}}\0"
	    "{\"continues\":true,\"parameters\":{\"n\":2}}\0"
	    "{\"continues\":false,\"parameters\":{\"n\":3}}";

	(void)state;
	assay_begin(caller, "GetStatus", NULL, ASSAY_MORE, PATIENCE_MS);
	assert_waiting();
	assert_non_null(strstr(server_hears(), "\"more\":true"));
	server_say(replies, sizeof(replies));
	assert_answered(ASSAY_CONTINUES, "{\"n\":1}");
	assert_answered(ASSAY_CONTINUES, "{\"n\":2}");
	assert_answered(ASSAY_DONE, "{\"n\":3}");
	server_is_called(0);
	server_reply("{}");
	assert_answered(ASSAY_DONE, "{}");
}

static void
very_many_replies_are_read_in_their_order(void **state)
{
	enum { COUNT = 4000 };

	(void)state;
	server_is_called(ASSAY_MORE);
	for (int i = 0; i < COUNT; i++) {
		char reply[64];
		char expected[32];

		snprintf(reply, sizeof(reply),
		    "{\"continues\":true,\"parameters\":{\"n\":%d}}", i);
		server_reply(reply);
		if (i % 100 != 0)
			continue;
		for (int j = i == 0 ? 0 : i - 99; j <= i; j++) {
			snprintf(expected, sizeof(expected), "{\"n\":%d}", j);
			assert_answered(ASSAY_CONTINUES, expected);
		}
	}
}

/* The deadline is for each reply. */
static void
each_reply_has_its_time(void **state)
{
	(void)state;
	assay_begin(caller, "GetStatus", NULL, ASSAY_MORE, 3000);
	assert_waiting();
	usleep(100 * 1000);
	assert_true(assay_wait_ms(caller) <= 2900);
	server_reply("{\"continues\":true}");
	assert_answered(ASSAY_CONTINUES, "{}");
	assert_true(assay_wait_ms(caller) > 2900);
}

static void
more_replies_than_asked_for_are_refused(void **state)
{
	(void)state;
	server_is_called(0);
	server_reply("{\"continues\":true}");
	assert_failed(NOT_ASSAYD, "nothing had asked for it");
	assert_disconnected();

	server_connect();
	server_is_called(0);
	server_say("{}\0{}", sizeof("{}\0{}"));
	assert_answered(ASSAY_DONE, "{}");
	assay_begin(caller, "GetStatus", NULL, 0, PATIENCE_MS);
	assert_failed(NOT_ASSAYD, "nothing had asked for it");
	assert_disconnected();
}

static void
a_reply_that_comes_before_the_call_is_refused(void **state)
{
	(void)state;
	server_reply("{\"parameters\":{\"receipt\":{}}}");
	assay_begin(caller, "BuildDomain", NULL, 0, PATIENCE_MS);
	assert_failed(NOT_ASSAYD, "nothing had asked for it");
	assert_disconnected();
}

static void
half_a_reply_before_the_call_is_refused_when_it_is_whole(void **state)
{
	(void)state;
	server_say("{\"para", 6);
	assay_begin(caller, "BuildDomain", NULL, 0, PATIENCE_MS);
	assert_waiting();
	server_reply("meters\":{}}");
	assert_failed(NOT_ASSAYD, "");
	assert_disconnected();
}

static void
who_is_turned_away_before_the_call_learns_why(void **state)
{
	(void)state;
	server_reply("{\"error\":\"org.assay.Builder.Refused\",\"parameters\":{"
		     "\"code\":\"RPC_NOT_PERMITTED\",\"detail\":\"uid 7\"}}");
	server_hang_up();
	assay_begin(caller, "GetStatus", NULL, 0, PATIENCE_MS);
	assert_failed("RPC_NOT_PERMITTED", "uid 7");
	assert_true(assay_error_is_refusal(caller));
	/* What answered may answer the call too. */
	assert_false(assay_is_open(caller));
}

/* A call that does not fit into the socket's buffers. */
static void
a_large_call_is_sent_in_parts(void **state)
{
	enum { LARGE = 200 << 10 };
	static char parameters[LARGE];
	size_t heard = 0;

	(void)state;
	assert_int_equal(setsockopt(assay_fd(caller), SOL_SOCKET, SO_SNDBUF,
			     &(int){4096}, sizeof(int)),
	    0);
	memset(parameters, ' ', LARGE - 1);
	memcpy(parameters, "{\"a\":\"", 6);
	memset(parameters + 6, 'x', LARGE - 9);
	memcpy(parameters + LARGE - 3, "\"}", 3);
	assay_begin(caller, "GetStatus", parameters, 0, PATIENCE_MS);
	for (int i = 0; i < 10000 && heard < LARGE; i++) {
		assert_waiting();
		heard += strlen(server_hears());
	}
	assert_true(heard > LARGE);
	server_reply("{}");
	assert_answered(ASSAY_DONE, "{}");
}

static void
a_reply_to_half_a_call_is_refused(void **state)
{
	static char parameters[200 << 10];
	static const char error[] =
	    "{\"error\":\"org.assay.Builder.Refused\",\"parameters\":{"
	    "\"code\":\"RPC_TOO_LARGE\"}}";

	(void)state;
	memset(parameters, ' ', sizeof(parameters) - 1);
	memcpy(parameters, "{\"a\":\"", 6);
	memset(parameters + 6, 'x', sizeof(parameters) - 9);
	memcpy(parameters + sizeof(parameters) - 3, "\"}", 3);
	for (int i = 0; i < 2; i++) {
		server_connect();
		setsockopt(assay_fd(caller), SOL_SOCKET, SO_SNDBUF,
		    &(int){4096}, sizeof(int));
		assay_begin(caller, "GetStatus", parameters, 0, PATIENCE_MS);
		assert_waiting();
		server_reply(i == 0 ? "{}" : error);
		assert_failed(i == 0 ? NOT_ASSAYD : "RPC_TOO_LARGE", "");
		assert_disconnected();
	}
}

static void
what_is_no_reply_ends_the_connection(void **state)
{
	static const char *const replies[] = {"", "hello", "[]", "\"text\"",
	    "5", "{\"parameters\":5}", "{\"parameters\":[]}",
	    "{\"parameters\":{}} {}", "{\"parameters\":{},\"parameters\":{}}",
	    "{\"error\":5}", "{\"error\":null}", "{\"continues\":1}",
	    "{\"continues\":null}", "{\"parameters\":{\"a\":\"\xff\"}}",
	    "{\"parameters\":{\"a\":\"\\u0000\"}}",
	    "{\"parameters\":{\"a\":99999999999999999999}}",
	    "{\"error\":\"org.assay.Builder.Refused\"}",
	    "{\"error\":\"org.assay.Builder.Refused\",\"parameters\":5}",
	    "{\"error\":\"org.assay.Builder.Refused\",\"parameters\":{}}",
	    "{\"error\":\"org.assay.Builder.Other\","
	    "\"parameters\":{\"code\":\"RPC_BUSY\"}}",
	    "{\"error\":\"org.assay.Builder.Refused\","
	    "\"parameters\":{\"code\":\"rpc_busy\"}}",
	    "{\"error\":\"org.assay.Builder.Refused\","
	    "\"parameters\":{\"code\":\"A B\"}}",
	    "{\"error\":\"org.other.Interface.Refused\","
	    "\"parameters\":{\"code\":\"RPC_BUSY\"}}"};

	(void)state;
	for (size_t i = 0; i < countof(replies); i++) {
		server_connect();
		server_is_called(0);
		server_reply(replies[i]);
		assert_failed(NOT_ASSAYD, "");
		assert_false(assay_error_is_refusal(caller));
		assert_disconnected();
	}
}

static void
a_name_of_an_error_is_bounded(void **state)
{
	char reply[256];

	(void)state;
	server_is_called(0);
	snprintf(reply, sizeof(reply),
	    "{\"error\":\"org.assay.Builder.Failed\","
	    "\"parameters\":{\"code\":\"%048d\"}}",
	    0);
	server_reply(reply);
	assert_failed(NOT_ASSAYD, "");
}

/* Says it in pieces, since the buffers of a socket are small. */
static void
say_much(const char *begin, char filler, size_t count, const char *end)
{
	static char piece[16 << 10];
	const char *reply;

	memset(piece, filler, sizeof(piece));
	server_say(begin, strlen(begin));
	for (size_t said = 0; said < count && assay_is_open(caller);
	     said += sizeof(piece)) {
		server_say(piece, sizeof(piece));
		assay_process(caller, &reply);
	}
	if (assay_is_open(caller))
		server_reply(end);
}

static void
a_long_reply_is_taken_and_a_longer_one_is_refused(void **state)
{
	const char *reply;

	(void)state;
	server_is_called(0);
	say_much("{\"parameters\":{\"a\":\"", 'x', INBOX_MAX_BYTES - (20 << 10),
	    "\"}}");
	assert_int_equal(assay_next(caller, &reply), ASSAY_DONE);
	assert_true(strlen(reply) > INBOX_MAX_BYTES - (32 << 10));

	server_is_called(0);
	say_much("{\"parameters\":{\"a\":\"", 'x', INBOX_MAX_BYTES + (64 << 10),
	    "\"}}");
	assert_string_equal(assay_error_name(caller), NOT_ASSAYD);
	assert_non_null(strstr(assay_error_detail(caller), "a reply of over"));
	assert_disconnected();
}

static void
a_reply_of_too_many_values_or_too_deep_is_refused(void **state)
{
	char deep[64] = "{\"parameters\":{\"a\":";

	(void)state;
	server_is_called(0);
	say_much("{\"parameters\":{\"a\":[1", ',', MESSAGE_REPLY_VALUES + 1,
	    "1]}}");
	assert_failed(NOT_ASSAYD, "values");
	assert_disconnected();

	server_connect();
	server_is_called(0);
	memset(deep + strlen(deep), '[', MESSAGE_JSON_DEPTH);
	server_reply(deep);
	assert_failed(NOT_ASSAYD, "nested deeper");
	assert_disconnected();
}

static void
strings_of_a_reply_steer_no_terminal(void **state)
{
	(void)state;
	server_is_called(0);
	server_reply("{\"parameters\":{\"a\\u001bb\":\"\\u001b[2J\","
		     "\"c\":\"\xc3\xa9\xf0\x9f\x98\x80\","
		     "\"d\":\"\\n\\t\\b\\f\\r\\/\\\\u001b\\\"\x7f\","
		     "\"e\":\"\\\\\\u009b\"}}");
	assert_answered(ASSAY_DONE, "{\"a?b\":\"?[2J\",\"c\":\"???\","
				    "\"d\":\"?????"
				    "/\\\\u001b\\\"?\",\"e\":\"\\\\?\"}");
}

static void
errors_of_assayd_have_their_names(void **state)
{
	(void)state;
	server_is_called(0);
	server_reply("{\"error\":\"org.assay.Builder.Refused\",\"parameters\":{"
		     "\"code\":\"LIMIT_EXCEEDED\",\"field\":\"vcpus\","
		     "\"detail\":\"vcpus: 9\",\"remedy\":\"run this\"}}");
	assert_failed("LIMIT_EXCEEDED", "vcpus: 9");
	assert_string_equal(assay_error_field(caller), "vcpus");
	/* Known names have the remedy that this library has for them. */
	assert_string_equal(assay_error_remedy(caller),
	    "ask for a value inside the signed limits");
	assert_true(assay_error_is_refusal(caller));

	server_is_called(0);
	server_reply("{\"error\":\"org.assay.Builder.Failed\",\"parameters\":{"
		     "\"code\":\"OF_THE_FUTURE_2\",\"detail\":\"a\\u001bb\\n\","
		     "\"field\":\"\xc3\xa9\",\"remedy\":\"wait\\u001b[2J\"}}");
	assert_failed("OF_THE_FUTURE_2", "a?b?");
	assert_string_equal(assay_error_field(caller), "??");
	assert_string_equal(assay_error_remedy(caller), "wait?[2J");
	assert_false(assay_error_is_refusal(caller));

	/* And the connection is good for the next call. */
	server_is_called(0);
	server_reply("{}");
	assert_answered(ASSAY_DONE, "{}");
	assert_string_equal(assay_error_detail(caller), "");
	assert_string_equal(assay_error_field(caller), "");
}

static void
errors_of_varlink_have_names_of_ours(void **state)
{
	(void)state;
	server_is_called(0);
	server_reply("{\"error\":\"org.varlink.service.InvalidParameter\","
		     "\"parameters\":{\"parameter\":\"name\"}}");
	assert_failed("RPC_PARAMETER_BAD", "name");
	assert_string_equal(assay_error_field(caller), "name");
	server_is_called(0);
	server_reply("{\"error\":\"org.varlink.service.MethodNotFound\","
		     "\"parameters\":{\"method\":\"a.B\\u001b\"}}");
	assert_failed("RPC_METHOD_UNKNOWN", "a.B\\x1b");
	server_is_called(0);
	server_reply("{\"error\":\"org.varlink.service.Other\"}");
	assert_failed("RPC_METHOD_UNKNOWN", "Other");
}

static void
assert_not_begun(const char *method, const char *parameters, unsigned int flags,
    int timeout_ms, const char *name)
{
	assert_int_equal(
	    assay_begin(caller, method, parameters, flags, timeout_ms),
	    ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), name);
	assert_true(assay_error_is_refusal(caller));
	assert_true(assay_is_open(caller));
	assert_int_equal(assay_wait_ms(caller), -1);
	assert_string_equal(server_hears(), "");
}

static void
what_cannot_be_asked_is_not_sent(void **state)
{
	CLEANUP(freep) char *large = calloc(1, MESSAGE_CALL_MAX_BYTES + 2);

	(void)state;
	memset(large, ' ', MESSAGE_CALL_MAX_BYTES + 1);
	memcpy(large, "{}", 2);
	assert_not_begun("A", "{", 0, 1, "RPC_PARAMETER_BAD");
	assert_not_begun("A", "[]", 0, 1, "RPC_PARAMETER_BAD");
	assert_not_begun("A", "", 0, 1, "RPC_PARAMETER_BAD");
	assert_not_begun("A", "{\"a\":\"\xff\"}", 0, 1, "RPC_PARAMETER_BAD");
	assert_not_begun("A", "{\"a\":1,\"a\":2}", 0, 1, "MEMBER_DUPLICATE");
	assert_not_begun("A", "{}}", 0, 1, "BYTES_TRAILING");
	assert_not_begun("A", large, 0, 1, "RPC_TOO_LARGE");
	assert_not_begun("", NULL, 0, 1, "RPC_METHOD_UNKNOWN");
	assert_not_begun("A\"", NULL, 0, 1, "RPC_METHOD_UNKNOWN");
	memset(large, 'A', 129 - strlen("org.assay.Builder."));
	large[129 - strlen("org.assay.Builder.")] = '\0';
	assert_not_begun(large, NULL, 0, 1, "RPC_METHOD_UNKNOWN");
	assert_not_begun("A", NULL, 2, 1, "RPC_PARAMETER_BAD");
	assert_not_begun("A", NULL, 0, 0, "RPC_PARAMETER_BAD");
	assert_not_begun("A", NULL, 0, -1, "RPC_PARAMETER_BAD");
}

static void
one_call_at_a_time(void **state)
{
	const char *reply;

	(void)state;
	assert_int_equal(assay_process(caller, &reply), ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), "RPC_PARAMETER_BAD");
	server_is_called(0);
	assert_int_equal(assay_begin(caller, "A", NULL, 0, 1), ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), "RPC_BUSY");
	assert_string_equal(server_hears(), "");
	server_reply("{}");
	assert_answered(ASSAY_DONE, "{}");
}

static void
an_address_that_is_none_is_refused(void **state)
{
	static const char *const addresses[] = {"",
	    "unix:", "vchan:", "vchan:x", "vchan:-1", "vchan:32752",
	    "vchan:99999", "vchan:000000", "vchan:0x",
	    "vchan:0:", "vchan:0:data/assay",
	    "vchan:0:/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"};

	(void)state;
	for (size_t i = 0; i < countof(addresses); i++) {
		assert_int_equal(assay_open(caller, addresses[i], PATIENCE_MS),
		    ASSAY_FAILED);
		assert_string_equal(assay_error_name(caller), "ADDRESS_BAD");
		assert_true(assay_error_is_refusal(caller));
		assert_false(assay_is_open(caller));
	}
	assert_int_equal(assay_open(caller, SERVER_SOCKET, 0), ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), "RPC_PARAMETER_BAD");
}

static void
both_forms_of_a_socket_are_taken(void **state)
{
	(void)state;
	assert_int_equal(assay_open(caller, "unix:" SERVER_SOCKET, 1000),
	    ASSAY_DONE);
	assert_int_equal(assay_open(caller, "./" SERVER_SOCKET, 1000),
	    ASSAY_DONE);
	/* There is no room for a third in the queue. */
	assert_int_equal(assay_open(caller, SERVER_SOCKET, 200), ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), "CALL_TIMEOUT");
}

static void
nobody_listens(void **state)
{
	(void)state;
	assert_int_equal(assay_open(caller, "nowhere", 1000), ASSAY_FAILED);
	assert_string_equal(assay_error_name(caller), NOT_ASSAYD);
	assert_string_equal(assay_error_detail(caller),
	    "nowhere: No such file or directory");
	assert_int_equal(assay_open(caller, "a\x1b[2J", 1000), ASSAY_FAILED);
	assert_null(strchr(assay_error_detail(caller), 0x1b));
}

static void *
call_often(void *result)
{
	struct assay *own = assay_new();

	*(int *)result = 0;
	for (int i = 0; own != NULL && i < 200; i++) {
		*(int *)result +=
		    assay_open(own, "nowhere", 1000) == ASSAY_FAILED &&
		    strcmp(assay_error_name(own), NOT_ASSAYD) == 0;
	}
	assay_free(own);
	return NULL;
}

static void
connections_of_several_threads_know_nothing_of_each_other(void **state)
{
	pthread_t threads[4];
	int results[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(
		    pthread_create(&threads[i], NULL, call_often, &results[i]),
		    0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(results[i], 200);
	}
}

static void
a_connection_can_be_freed_at_any_moment(void **state)
{
	(void)state;
	assay_free(NULL);
	server_is_called(ASSAY_MORE);
	server_say("{\"cont", 6);
	assert_waiting();
	assay_free(caller);
	assert_int_equal(poll(&(struct pollfd){server, POLLIN, 0}, 1, 0), 1);
	caller = assay_new();
	assert_int_equal(assay_fd(caller), -1);
	assert_string_equal(assay_version(), ASSAY_VERSION);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    server_test(a_call_is_what_was_asked_for),
	    server_test(a_method_of_another_interface_is_named_whole),
	    server_test(calls_follow_one_another),
	    server_test(a_reply_comes_byte_by_byte),
	    server_test(a_server_that_hangs_up_at_any_byte_ends_the_call),
	    server_test(a_whole_reply_counts_though_the_server_is_gone),
	    server_test(a_server_that_never_reads_raises_no_signal),
	    server_test(silence_ends_at_the_deadline),
	    server_test(bytes_that_trickle_do_not_move_the_deadline),
	    server_test(several_replies_come_one_at_a_time),
	    server_test(very_many_replies_are_read_in_their_order),
	    server_test(each_reply_has_its_time),
	    server_test(more_replies_than_asked_for_are_refused),
	    server_test(a_reply_that_comes_before_the_call_is_refused),
	    server_test(
		half_a_reply_before_the_call_is_refused_when_it_is_whole),
	    server_test(who_is_turned_away_before_the_call_learns_why),
	    server_test(a_large_call_is_sent_in_parts),
	    server_test(a_reply_to_half_a_call_is_refused),
	    server_test(what_is_no_reply_ends_the_connection),
	    server_test(a_name_of_an_error_is_bounded),
	    server_test(a_long_reply_is_taken_and_a_longer_one_is_refused),
	    server_test(a_reply_of_too_many_values_or_too_deep_is_refused),
	    server_test(strings_of_a_reply_steer_no_terminal),
	    server_test(errors_of_assayd_have_their_names),
	    server_test(errors_of_varlink_have_names_of_ours),
	    server_test(what_cannot_be_asked_is_not_sent),
	    server_test(one_call_at_a_time),
	    server_test(an_address_that_is_none_is_refused),
	    server_test(both_forms_of_a_socket_are_taken),
	    server_test(nobody_listens),
	    server_test(
		connections_of_several_threads_know_nothing_of_each_other),
	    server_test(a_connection_can_be_freed_at_any_moment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
