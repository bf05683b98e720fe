/*
 * What the watch role asks of xenstored, against one of our own that can
 * refuse, collide or end: the two watches, and a guest's shutdown.
 */
#include "builder_fixture.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <xen/io/xs_wire.h>

#include "base/scope.h"
#include "builder/xen/xenstore_shutdown.h"
#include "builder/xen/xenstore_watch.h"
#include "xenstored_script.h"

static const uint8_t uuid[UUID_BYTES] = {0x6a, 0x2f};
#define UUID_TEXT "6a2f0000-0000-0000-0000-000000000000"

static struct xenstore_link store;
static int given_fd;

int __wrap_xenstore_link_open(struct xenstore_link *ret_link, struct err *err);
int __wrap_nanosleep(const struct timespec *pause, struct timespec *ret_rest);

int
__wrap_xenstore_link_open(struct xenstore_link *ret_link, struct err *err)
{
	(void)err;
	*ret_link = (struct xenstore_link){.fd = given_fd};
	return 0;
}

int
__wrap_nanosleep(const struct timespec *pause, struct timespec *ret_rest)
{
	(void)pause;
	(void)ret_rest;
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	script_start();
	store = (struct xenstore_link){.fd = script_connect()};
	given_fd = -1;
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

#define watch_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

/* --- watches --------------------------------------------------------- */

/* 4 watch */
static const char *const watches[] = {
    "4 tx=0 @releaseDomain|assay|",
    "4 tx=0 @introduceDomain|assay|",
};

static void
both_watches_are_set(void **state)
{
	struct err err;
	int fd = -1;

	(void)state;
	given_fd = take_fd(&store.fd);
	assert_code(xenstore_watch_open(&fd, &err), 0);
	assert_requests(0, watches);
	assert_code(xenstore_watch_take(fd, &err), 0); /* nothing: no wait */
	close(fd);
}

static void
watch_that_is_refused_is_a_failure(void **state)
{
	struct err err;
	int fd = -1;

	(void)state;
	given_fd = take_fd(&store.fd);
	script->twists[0] = (struct twist){2, TWIST_REFUSE, "EACCES"};
	assert_code(xenstore_watch_open(&fd, &err), XENSTORE_FAILED);
	assert_int_equal(fd, -1);
}

/* As the kernel's device does it: the event, and then the reply. */
static void
event_before_the_reply_is_passed_over(void **state)
{
	static const struct xsd_sockmsg event = {
	    .type = XS_WATCH_EVENT,
	    .len = 4,
	};
	static const struct xsd_sockmsg reply = {.type = XS_WATCH, .len = 3};
	struct err err;
	int ends[2];
	int fd = -1;

	(void)state;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(write(ends[1], &event, sizeof(event)),
		    sizeof(event));
		assert_int_equal(write(ends[1], "a\0b", 4), 4);
		assert_int_equal(write(ends[1], &reply, sizeof(reply)),
		    sizeof(reply));
		assert_int_equal(write(ends[1], "OK", 3), 3);
	}
	given_fd = ends[0];
	assert_code(xenstore_watch_open(&fd, &err), 0);
	/* What comes later is taken whatever it is. */
	assert_int_equal(write(ends[1], "whatever", 8), 8);
	assert_code(xenstore_watch_take(fd, &err), 0);
	close(ends[1]);
	assert_code(xenstore_watch_take(fd, &err), XENSTORE_FAILED);
	close(fd);
}

static void
reply_to_a_watch_is_bounded(void **state)
{
	static const struct xsd_sockmsg reply = {
	    .type = XS_WATCH,
	    .len = XENSTORE_LINK_PAYLOAD + 1,
	};
	struct err err;
	int ends[2];
	int fd = -1;

	(void)state;
	assert_int_equal(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
	assert_int_equal(write(ends[1], &reply, sizeof(reply)), sizeof(reply));
	given_fd = ends[0];
	assert_code(xenstore_watch_open(&fd, &err), XENSTORE_FAILED);
	close(ends[1]);
}

/* --- a guest is asked to shut down ------------------------------------- */

static void
know_domain(unsigned int at, const char *text)
{
	script->twists[0] = (struct twist){at, TWIST_SAY, text};
}

/* 2 read, 6 start, 7 end, 11 write */
static void
guest_is_asked_in_the_transaction_that_knows_it(void **state)
{
	static const char *const expected[] = {
	    "6 tx=0 |",
	    "2 tx=5 /local/domain/7/vm|",
	    "11 tx=5 /local/domain/7/control/shutdown|poweroff",
	    "7 tx=5 T|",
	};
	struct err err;

	(void)state;
	know_domain(2, "/vm/" UUID_TEXT);
	assert_code(xenstore_shutdown_ask(&store, 7, uuid, &err), 0);
	assert_requests(0, expected);
}

static void
assert_not_asked(void)
{
	static const char *const expected[] = {
	    "6 tx=0 |",
	    "2 tx=5 /local/domain/7/vm|",
	    "7 tx=5 F|",
	};
	struct err err;

	assert_code(xenstore_shutdown_ask(&store, 7, uuid, &err),
	    DOMAIN_UNKNOWN);
	assert_requests(0, expected);
}

/* The id has gone to another one meanwhile. */
static void
guest_of_another_uuid_is_not_asked(void **state)
{
	(void)state;
	know_domain(2, "/vm/6a2f0000-0000-0000-0000-000000000001");
	assert_not_asked();
}

static void
guest_of_a_longer_uuid_is_not_asked(void **state)
{
	(void)state;
	know_domain(2, "/vm/" UUID_TEXT "0");
	assert_not_asked();
}

static void
guest_that_is_gone_is_not_asked(void **state)
{
	(void)state;
	script->twists[0] = (struct twist){2, TWIST_REFUSE, "ENOENT"};
	assert_not_asked();
}

/* The guest has written its own node meanwhile. */
static void
commit_that_collided_is_tried_again(void **state)
{
	struct err err;

	(void)state;
	for (unsigned int i = 0; i < SCRIPT_TWISTS; i++)
		script->twists[i] =
		    (struct twist){2 + 4 * i, TWIST_SAY, "/vm/" UUID_TEXT};
	script->collisions = 2;
	assert_code(xenstore_shutdown_ask(&store, 7, uuid, &err), 0);
	assert_int_equal(script->count, 12);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    watch_test(both_watches_are_set),
	    watch_test(watch_that_is_refused_is_a_failure),
	    watch_test(event_before_the_reply_is_passed_over),
	    watch_test(reply_to_a_watch_is_bounded),
	    watch_test(guest_is_asked_in_the_transaction_that_knows_it),
	    watch_test(guest_of_another_uuid_is_not_asked),
	    watch_test(guest_of_a_longer_uuid_is_not_asked),
	    watch_test(guest_that_is_gone_is_not_asked),
	    watch_test(commit_that_collided_is_tried_again),
	};

	return cmocka_run_group_tests_name("xenstore_watch", tests, NULL, NULL);
}
