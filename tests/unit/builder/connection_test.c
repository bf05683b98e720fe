#include "builder_fixture.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/front/connection.h"
#include "builder/front_link.h"

static struct connection conn;
static int caller;

static int
setup(void **state)
{
	const struct caller calls = user_caller(5);
	int ends[2];
	struct err err;

	(void)state;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
		return -1;
	caller = ends[0];
	return connection_open(&conn, &(struct stream){.fd = ends[1]}, 3,
	    &calls, &err);
}

static int
teardown(void **state)
{
	(void)state;
	connection_close(&conn);
	closep(&caller);
	return 0;
}

static void
send_bytes(const char *data, size_t len)
{
	assert_int_equal(send(caller, data, len, MSG_NOSIGNAL), len);
}

/* The next message, or NULL. */
static const char *
next_message(void)
{
	static char copy[64];
	struct bytes message;
	bool is_too_long = true;

	if (!connection_message(&conn, &message, &is_too_long)) {
		assert_false(is_too_long);
		return NULL;
	}
	assert_false(is_too_long);
	assert_true(message.len < sizeof(copy));
	memcpy(copy, message.ptr, message.len);
	copy[message.len] = '\0';
	connection_consume(&conn, message);
	return copy;
}

static void
connection_begins_by_reading(void **state)
{
	(void)state;
	assert_int_equal(conn.state, CONNECTION_READING);
	assert_int_equal(conn.number, 3);
	assert_int_equal(conn.caller.user.uid, 5);
	assert_null(next_message());
	assert_true(conn.deadline_usec > timing_now_usec());
}

static void
connection_reads_nothing_without_waiting(void **state)
{
	(void)state;
	assert_true(connection_read(&conn));
	assert_null(next_message());
}

static void
connection_joins_a_message_that_is_split_at_any_byte(void **state)
{
	static const char text[] = "{\"method\":\"x\"}";

	(void)state;
	for (size_t split = 0; split <= sizeof(text); split++) {
		if (split > 0) {
			send_bytes(text, split);
			assert_true(connection_read(&conn));
		}
		if (split < sizeof(text)) {
			assert_null(next_message());
			send_bytes(text + split, sizeof(text) - split);
			assert_true(connection_read(&conn));
		}
		assert_string_equal(next_message(), text);
		assert_null(next_message());
	}
}

static void
connection_joins_a_message_that_comes_byte_by_byte(void **state)
{
	static const char text[] = "{\"method\":\"x\"}";

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++) {
		assert_null(next_message());
		send_bytes(text + i, 1);
		assert_true(connection_read(&conn));
	}
	assert_string_equal(next_message(), text);
}

static void
connection_cuts_two_messages_of_one_read(void **state)
{
	(void)state;
	send_bytes("one\0two\0thr", 11);
	assert_true(connection_read(&conn));
	assert_string_equal(next_message(), "one");
	assert_string_equal(next_message(), "two");
	assert_null(next_message());
	send_bytes("ee", 3);
	assert_true(connection_read(&conn));
	assert_string_equal(next_message(), "three");
}

static void
connection_gives_an_empty_message(void **state)
{
	(void)state;
	send_bytes("\0", 1);
	assert_true(connection_read(&conn));
	assert_string_equal(next_message(), "");
}

/* Send and read `len` bytes of 'x'. */
static void
pour(size_t len)
{
	char part[4096];

	memset(part, 'x', sizeof(part));
	while (len > 0) {
		size_t now = len < sizeof(part) ? len : sizeof(part);

		send_bytes(part, now);
		assert_true(connection_read(&conn));
		len -= now;
	}
}

/* What waits in there for its turn fills it: that is not the caller's end. */
static void
connection_with_a_full_buffer_is_not_at_its_end(void **state)
{
	size_t room = LIMIT_RPC_MESSAGE_BYTES + 2;

	(void)state;
	send_bytes("first", 6);
	assert_true(connection_read(&conn));
	pour(room - 6);
	assert_int_equal(conn.in_len, room);
	send_bytes("more", 5);
	assert_true(connection_read(&conn));
	assert_int_equal(conn.in_len, room);
	assert_string_equal(next_message(), "first");
	assert_true(connection_read(&conn));
	assert_int_equal(conn.in_len, room - 6 + 5);
	/* Nor does it hide the end. */
	closep(&caller);
	assert_false(connection_read(&conn));
}

static void
connection_takes_the_longest_message_and_no_longer_one(void **state)
{
	struct bytes message;
	bool is_too_long;

	(void)state;
	pour(LIMIT_RPC_MESSAGE_BYTES);
	assert_false(connection_message(&conn, &message, &is_too_long));
	assert_false(is_too_long);
	send_bytes("\0", 1);
	assert_true(connection_read(&conn));
	assert_true(connection_message(&conn, &message, &is_too_long));
	assert_false(is_too_long);
	assert_int_equal(message.len, LIMIT_RPC_MESSAGE_BYTES);
	connection_consume(&conn, message);

	pour(LIMIT_RPC_MESSAGE_BYTES + 1);
	assert_false(connection_message(&conn, &message, &is_too_long));
	assert_true(is_too_long);
	send_bytes("\0", 1);
	assert_true(connection_read(&conn));
	assert_true(connection_message(&conn, &message, &is_too_long));
	assert_true(is_too_long);
}

/* A short message before a long one is still served. */
static void
connection_judges_the_first_message_alone(void **state)
{
	struct bytes message;
	bool is_too_long = true;

	(void)state;
	send_bytes("one", 4);
	assert_true(connection_read(&conn));
	pour(LIMIT_RPC_MESSAGE_BYTES - 2);
	assert_true(connection_message(&conn, &message, &is_too_long));
	assert_false(is_too_long);
	assert_int_equal(message.len, 3);
}

static void
connection_read_sees_that_the_caller_closed(void **state)
{
	(void)state;
	closep(&caller);
	assert_false(connection_read(&conn));
}

static void
connection_writes_a_reply_with_its_zero_byte(void **state)
{
	char text[16];

	(void)state;
	connection_reply(&conn, strdup("{\"a\":1}"));
	assert_int_equal(conn.state, CONNECTION_WRITING);
	assert_false(connection_is_written(&conn));
	assert_true(connection_write(&conn));
	assert_true(connection_is_written(&conn));
	assert_int_equal(recv(caller, text, sizeof(text), 0), 8);
	assert_memory_equal(text, "{\"a\":1}\0", 8);
	connection_next(&conn);
	assert_int_equal(conn.state, CONNECTION_READING);
	assert_null(conn.out);
}

static void
connection_writes_a_long_reply_bit_by_bit(void **state)
{
	size_t len = LIMIT_MIB(4);
	char *reply = malloc(len + 1);
	char part[65536];
	size_t got = 0;

	(void)state;
	memset(reply, 'r', len);
	reply[len] = '\0';
	connection_reply(&conn, reply);
	assert_true(connection_write(&conn));
	assert_false(connection_is_written(&conn));
	/* The caller's buffer is full: neither an error nor a wait. */
	assert_true(connection_write(&conn));
	while (got < len + 1) {
		ssize_t n = recv(caller, part, sizeof(part), MSG_DONTWAIT);

		if (n > 0)
			got += (size_t)n;
		if (!connection_is_written(&conn))
			assert_true(connection_write(&conn));
	}
	assert_true(connection_is_written(&conn));
	assert_int_equal(got, len + 1);
}

static void
connection_write_sees_that_the_caller_is_gone(void **state)
{
	(void)state;
	closep(&caller);
	connection_reply(&conn, strdup("{}"));
	assert_false(connection_write(&conn));
}

static void
connection_next_forgets_the_call_that_was_answered(void **state)
{
	(void)state;
	conn.has_receipt = true;
	conn.is_oneway = true;
	conn.method = method_find("org.assay.Builder.BuildDomain");
	connection_next(&conn);
	assert_null(conn.method);
	assert_false(conn.has_receipt);
	assert_false(conn.is_oneway);
}

static void
connection_drains_what_a_caller_still_sends(void **state)
{
	char text[16];

	(void)state;
	send_bytes("rest of a long message", 22);
	connection_drain(&conn);
	assert_int_equal(conn.state, CONNECTION_DRAINING);
	assert_int_equal(recv(caller, text, sizeof(text), 0), 0);
	assert_true(connection_discard(&conn));
	pour(LIMIT_KIB(64));
	for (int i = 0; i < 40; i++) {
		pour(LIMIT_KIB(4));
		assert_true(connection_discard(&conn));
	}
	closep(&caller);
	assert_false(connection_discard(&conn));
}

static void
connection_close_frees_everything_and_its_place(void **state)
{
	int fd = conn.stream.fd;

	(void)state;
	connection_reply(&conn, strdup("{}"));
	connection_close(&conn);
	assert_int_equal(conn.state, CONNECTION_FREE);
	assert_int_equal(conn.stream.fd, -1);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

/* A call that takes long keeps its number, whatever comes meanwhile. */
static void
connection_has_a_number_of_its_own(void **state)
{
	const struct connection open[] = {
	    {.number = FRONT_CONNECTION_MAX - 1},
	    {.number = 1},
	    {.number = 2},
	};

	(void)state;
	assert_int_equal(connection_number_after(7, open, countof(open)), 8);
	assert_int_equal(connection_number_after(FRONT_CONNECTION_MAX - 2, open,
			     countof(open)),
	    FRONT_CONNECTION_MAX);
	/* 0 is nobody. */
	assert_int_equal(connection_number_after(FRONT_CONNECTION_MAX, open, 0),
	    1);
	assert_int_equal(
	    connection_number_after(FRONT_CONNECTION_MAX, open, countof(open)),
	    3);
}

#define connection_test(test) \
	cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(connection_has_a_number_of_its_own),
	    connection_test(connection_begins_by_reading),
	    connection_test(connection_reads_nothing_without_waiting),
	    connection_test(
		connection_joins_a_message_that_is_split_at_any_byte),
	    connection_test(connection_joins_a_message_that_comes_byte_by_byte),
	    connection_test(connection_cuts_two_messages_of_one_read),
	    connection_test(connection_gives_an_empty_message),
	    connection_test(
		connection_takes_the_longest_message_and_no_longer_one),
	    connection_test(connection_with_a_full_buffer_is_not_at_its_end),
	    connection_test(connection_judges_the_first_message_alone),
	    connection_test(connection_read_sees_that_the_caller_closed),
	    connection_test(connection_writes_a_reply_with_its_zero_byte),
	    connection_test(connection_writes_a_long_reply_bit_by_bit),
	    connection_test(connection_write_sees_that_the_caller_is_gone),
	    connection_test(connection_next_forgets_the_call_that_was_answered),
	    connection_test(connection_drains_what_a_caller_still_sends),
	    connection_test(connection_close_frees_everything_and_its_place),
	};

	return cmocka_run_group_tests_name("connection", tests, NULL, NULL);
}
