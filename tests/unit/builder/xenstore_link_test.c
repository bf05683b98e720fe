/*
 * The connection to xenstored: how it is opened, that it is watched without
 * being read, and that a reply is taken only for the request that it answers.
 */
#include "builder_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "base/scope.h"
#include "builder/xen/xenstore_link.h"
#include "xenstored_script.h"

static struct xenstore_link store;

static const struct xenstore_request request = {
    .type = XS_READ,
    .parts = {{(const uint8_t *)"/a", 3}},
};

/* --- the socket and the device --------------------------------------- */

static int connect_errno; /* 0: there is a daemon */
static unsigned int connects;
static unsigned int device_opens;
static bool is_device_missing;

int __wrap_connect(int fd, const struct sockaddr *address, socklen_t len);
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);

int
__wrap_connect(int fd, const struct sockaddr *address, socklen_t len)
{
	(void)fd;
	(void)len;
	assert_string_equal(address->sa_data, "/var/run/xenstored/socket");
	connects++;
	errno = connect_errno;
	return connect_errno == 0 ? 0 : -1;
}

int
__wrap_open(const char *path, int flags, ...)
{
	assert_string_equal(path, "/dev/xen/xenbus");
	assert_int_equal(flags, O_RDWR | O_CLOEXEC);
	device_opens++;
	if (!is_device_missing)
		return __real_open("/dev/null", flags);
	errno = ENOENT;
	return -1;
}

static int
setup(void **state)
{
	(void)state;
	connect_errno = 0;
	connects = device_opens = 0;
	is_device_missing = false;
	store = XENSTORE_LINK_NONE;
	script_start();
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	xenstore_link_close(&store);
	assert_int_equal(store.fd, -1);
	script_stop();
	return 0;
}

static int
ask(struct xenstore_reply *ret_reply, struct err *err)
{
	return xenstore_link_ask(&store, &request, "/a", ret_reply, err);
}

static void
opens_the_daemons_socket_first(void **state)
{
	size_t before = count_descriptors();
	struct err err = {0};

	(void)state;
	assert_code(xenstore_link_open(&store, &err), 0);
	assert_int_equal(connects, 1);
	assert_int_equal(device_opens, 0);
	assert_false(store.is_device);
	assert_int_equal(count_descriptors(), before + 1);
	assert_int_equal(fcntl(store.fd, F_GETFD), FD_CLOEXEC);
}

static void
opens_the_device_if_there_is_no_socket(void **state)
{
	size_t before = count_descriptors();
	struct err err = {0};

	(void)state;
	connect_errno = ENOENT;
	assert_code(xenstore_link_open(&store, &err), 0);
	assert_int_equal(device_opens, 1);
	assert_true(store.is_device);
	assert_int_equal(count_descriptors(), before + 1);
	xenstore_link_close(&store);
	is_device_missing = true;
	assert_code(xenstore_link_open(&store, &err), XENSTORE_FAILED);
	assert_has(err.text, "/dev/xen/xenbus");
	assert_int_equal(store.fd, -1);
	assert_int_equal(count_descriptors(), before);
}

/* Its requests would wait for the same dead daemon. */
static void
does_not_open_the_device_if_the_daemon_is_dead(void **state)
{
	size_t before = count_descriptors();
	struct err err = {0};

	(void)state;
	connect_errno = ECONNREFUSED;
	assert_code(xenstore_link_open(&store, &err), XENSTORE_FAILED);
	assert_int_equal(err.sys, ECONNREFUSED);
	assert_has(err.text, "/var/run/xenstored/socket");
	assert_int_equal(device_opens, 0);
	assert_int_equal(count_descriptors(), before);
}

static void
is_alive_until_the_other_side_ends_it(void **state)
{
	int ends[2];

	(void)state;
	assert_false(xenstore_link_is_alive(&store)); /* never opened */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	store.fd = ends[0];
	assert_true(xenstore_link_is_alive(&store));
	close(ends[1]);
	assert_false(xenstore_link_is_alive(&store));
	xenstore_link_close(&store);
	assert_false(xenstore_link_is_alive(&store));
}

static void
is_not_alive_if_the_other_side_says_that_it_sends_no_more(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	store.fd = ends[0];
	shutdown(ends[1], SHUT_WR);
	assert_false(xenstore_link_is_alive(&store));
	close(ends[1]);
}

/* Replies of a batch may wait to be read while somebody looks. */
static void
is_alive_with_unread_replies_and_reads_none_of_them(void **state)
{
	struct xenstore_reply reply;
	struct err err = {0};
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	store.fd = ends[0];
	assert_int_equal(write(ends[1], "ab", 2), 2);
	assert_true(xenstore_link_is_alive(&store));
	close(ends[1]);
	assert_false(xenstore_link_is_alive(&store));
	assert_int_equal(read(store.fd, reply.text, 8), 2);
	xenstore_link_close(&store);

	store.fd = script_connect();
	assert_code(xenstore_link_send(&store, &request, &err), 0);
	assert_true(xenstore_link_is_alive(&store));
	assert_code(xenstore_link_receive(&store, XS_READ, &reply, &err), 0);
	assert_string_equal(reply.text, "OK");
}

/* The kernel's device says IN when there is something to read, and nothing
 * else: drivers/xen/xenbus/xenbus_dev_frontend.c xenbus_file_poll. So does an
 * eventfd that cannot be written further. */
static void
is_alive_on_a_device_with_and_without_replies(void **state)
{
	uint64_t most = UINT64_MAX - 1;

	(void)state;
	store.fd = eventfd(0, EFD_CLOEXEC);
	assert_true(xenstore_link_is_alive(&store));
	assert_int_equal(write(store.fd, &most, sizeof(most)), sizeof(most));
	assert_true(xenstore_link_is_alive(&store));
}

/* The second would overwrite the first in the kernel's buffer. */
static void
the_device_takes_one_request_at_a_time(void **state)
{
	struct xenstore_reply reply;
	struct err err = {0};

	(void)state;
	store.fd = script_connect();
	store.is_device = true;
	assert_code(ask(&reply, &err), 0);
	assert_code(xenstore_link_send(&store, &request, &err), 0);
	assert_code(xenstore_link_send(&store, &request, &err), BUG);
	assert_code(xenstore_link_receive(&store, XS_READ, &reply, &err), 0);
	assert_code(ask(&reply, &err), 0);
	assert_int_equal(script->count, 3);
}

static void
each_request_has_the_next_id(void **state)
{
	struct xenstore_reply reply;
	struct err err = {0};

	(void)state;
	store.fd = script_connect();
	for (uint32_t i = 0; i < 3; i++) {
		assert_code(ask(&reply, &err), 0);
		assert_int_equal(script->ids[i], i + 1);
	}
	/* A refusal is a reply as well. */
	script->twists[0] = (struct twist){4, TWIST_REFUSE, "EACCES"};
	assert_code(ask(&reply, &err), XENSTORE_FAILED);
	assert_string_equal(err.text, "/a: EACCES");
	assert_code(ask(&reply, &err), 0);
	assert_int_equal(script->ids[4], 5);
}

static void
a_reply_that_answers_no_request_ends_the_connection(void **state)
{
	static const struct {
		enum twist_kind kind;
		const char *says;
	} cases[] = {
	    {TWIST_OTHER_ID, "a reply to request 3 instead of 2"},
	    {TWIST_OLD_ID, "a reply to request 1 instead of 2"},
	    {TWIST_OTHER_TYPE, "a reply of type 15 to a request of type 2"},
	    {TWIST_TOO_LONG, "a reply of 4097 bytes"},
	    {TWIST_HANG_UP, "xenstored closed the connection"},
	    {TWIST_HALF_CLOSE, "xenstored closed the connection"},
	    {TWIST_SHORT_HEADER, "xenstored closed the connection"},
	};

	for (size_t i = 0; i < countof(cases); i++) {
		struct xenstore_reply reply;
		struct err err = {0};

		store.fd = script_connect();
		script->twists[0] = (struct twist){2, cases[i].kind, "no"};
		assert_code(ask(&reply, &err), 0);
		errno = ENOTTY; /* an old one is not the cause */
		assert_code(ask(&reply, &err), XENSTORE_FAILED);
		assert_string_equal(err.text, cases[i].says);
		assert_int_equal(err.sys, 0);
		assert_false(xenstore_link_is_alive(&store));
		assert_code(ask(&reply, &err), XENSTORE_FAILED);
		assert_string_equal(err.text,
		    "there is no connection to xenstored any more");
		assert_int_equal(script->count, 2);
		teardown(state);
		setup(state);
	}
}

static void
a_request_to_a_daemon_that_is_gone_fails(void **state)
{
	struct err err = {0};
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	store.fd = ends[0];
	close(ends[1]);
	assert_code(xenstore_link_send(&store, &request, &err),
	    XENSTORE_FAILED);
	assert_int_equal(err.sys, EPIPE);
	assert_int_equal(store.fd, -1);
}

/* Outside of a transaction each request would have effect at once. */
static void
a_transaction_needs_a_number_that_is_one(void **state)
{
	static const char *const texts[] = {"0", "", "x", "-1", " 5", "5x",
	    "4294967296", "99999999999999999999"};

	for (size_t i = 0; i < countof(texts); i++) {
		uint32_t transaction = 77;
		struct err err = {0};

		store.fd = script_connect();
		script->twists[0] = (struct twist){1, TWIST_SAY, texts[i]};
		assert_code(xenstore_link_begin(&store, &transaction, &err),
		    XENSTORE_FAILED);
		assert_has(err.text, "transaction");
		assert_int_equal(transaction, 77);
		assert_false(xenstore_link_is_alive(&store));
		teardown(state);
		setup(state);
	}
}

static void
a_transaction_may_have_the_last_number(void **state)
{
	uint32_t transaction = 0;
	struct err err = {0};

	(void)state;
	store.fd = script_connect();
	script->twists[0] = (struct twist){1, TWIST_SAY, "4294967295"};
	assert_code(xenstore_link_begin(&store, &transaction, &err), 0);
	assert_int_equal(transaction, UINT32_MAX);
	assert_code(xenstore_link_abort(&store, transaction, &err), 0);
	assert_string_equal(script->seen[1], "7 tx=4294967295 F|");
}

#define link_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    link_test(opens_the_daemons_socket_first),
	    link_test(opens_the_device_if_there_is_no_socket),
	    link_test(does_not_open_the_device_if_the_daemon_is_dead),
	    link_test(is_alive_until_the_other_side_ends_it),
	    link_test(
		is_not_alive_if_the_other_side_says_that_it_sends_no_more),
	    link_test(is_alive_with_unread_replies_and_reads_none_of_them),
	    link_test(is_alive_on_a_device_with_and_without_replies),
	    link_test(the_device_takes_one_request_at_a_time),
	    link_test(each_request_has_the_next_id),
	    link_test(a_reply_that_answers_no_request_ends_the_connection),
	    link_test(a_request_to_a_daemon_that_is_gone_fails),
	    link_test(a_transaction_needs_a_number_that_is_one),
	    link_test(a_transaction_may_have_the_last_number),
	};

	return cmocka_run_group_tests_name("xenstore_link", tests, NULL, NULL);
}
