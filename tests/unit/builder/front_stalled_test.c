/*
 * Callers who stall: they send nothing, half a message, or do not read. The
 * front's clock is this test's.
 */
#include "front_process.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/scope.h"

#define INFO_CALL "{\"method\":\"org.varlink.service.GetInfo\"}"

enum { NEARLY = LIMIT_RPC_IDLE_SECONDS - 5, REST = 10 };

/* It hung up: after what it had written. */
static size_t
bytes_before_the_end(int fd)
{
	size_t count = 0;
	char bytes[4096];

	for (;;) {
		ssize_t got = recv(fd, bytes, sizeof(bytes), 0);

		if (got < 0 && errno != ECONNRESET)
			fail_msg("the front did not hang up");
		if (got <= 0)
			return count;
		count += (size_t)got;
	}
}

/* One more caller is served: what others had to get before, they got. */
static void
serve_another(void)
{
	CLEANUP(closep) int fd = caller_open();

	assert_call(fd, INFO_CALL, "assay");
}

static void
front_hangs_up_on_a_caller_who_sends_nothing(void **state)
{
	CLEANUP(closep) int fd = caller_open();

	(void)state;
	/* It is being served. */
	assert_call(fd, INFO_CALL, "assay");
	front_be_later(NEARLY);
	assert_call(fd, INFO_CALL, "assay");
	front_be_later(NEARLY);
	assert_call(fd, INFO_CALL, "assay");
	serve_another();
	front_be_later(NEARLY + REST);
	assert_int_equal(bytes_before_the_end(fd), 0);
	assert_false(front_call_came(0));
}

static void
front_hangs_up_on_a_caller_who_never_sent_anything(void **state)
{
	CLEANUP(closep) int fd = caller_open();

	(void)state;
	serve_another();
	front_be_later(NEARLY + REST);
	assert_int_equal(bytes_before_the_end(fd), 0);
}

/* A byte now and then does not help: the message has to be whole in time. */
static void
front_hangs_up_on_a_caller_who_sends_half_a_message(void **state)
{
	CLEANUP(closep) int fd = caller_open();

	(void)state;
	assert_call(fd, INFO_CALL, "assay");
	assert_int_equal(send(fd, "{\"met", 5, MSG_NOSIGNAL), 5);
	serve_another();
	front_be_later(NEARLY);
	assert_int_equal(send(fd, "ho", 2, MSG_NOSIGNAL), 2);
	serve_another();
	front_be_later(REST);
	assert_int_equal(bytes_before_the_end(fd), 0);
	assert_false(front_call_came(0));
}

static void
front_hangs_up_on_a_caller_who_does_not_read(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	CLEANUP(freep)
	struct image_row *rows = calloc(LIMIT_INDEX_IMAGES, sizeof(*rows));

	(void)state;
	assert_non_null(rows);
	caller_send(fd, CALL("ListImages"));
	/* More than a socket holds. */
	for (int i = 0; i < LIMIT_INDEX_IMAGES; i++)
		strcpy(rows[i].name, "web");
	front_answer_memory(front_next_call(FRONT_LIST_IMAGES).connection,
	    bytes_of(rows, LIMIT_INDEX_IMAGES * sizeof(*rows)));
	assert_int_equal(recv(fd, &(char){0}, 1, MSG_PEEK), 1);
	front_be_later(NEARLY + REST);
	/* Two turns of the front's loop, in which the rest would come. */
	usleep(2500000);
	{
		size_t count = bytes_before_the_end(fd);

		assert_in_range(count, 1000, LIMIT_INDEX_IMAGES * 100);
	}
}

static bool
is_gone(int fd)
{
	return send(fd, "x", 1, MSG_NOSIGNAL) < 0 && errno == EPIPE;
}

/* It was told that no reply follows, and sends on. */
static void
front_hangs_up_on_a_caller_who_does_not_end(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	CLEANUP(freep) char *reply = NULL;

	(void)state;
	caller_send(fd, "no call");
	reply = caller_receive(fd);
	assert_non_null(reply);
	assert_int_equal(bytes_before_the_end(fd), 0);
	serve_another();
	assert_false(is_gone(fd));
	front_be_later(10);
	for (int i = 0; i < 2000 && !is_gone(fd); i++)
		usleep(5000);
	assert_true(is_gone(fd));
	assert_false(front_call_came(0));
}

static void
front_waits_with_a_caller_for_a_long_build(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	CLEANUP(freep) char *reply = NULL;
	uint32_t connection;

	(void)state;
	caller_send(fd, BUILD_CALL);
	connection = front_next_call(FRONT_BUILD).connection;
	front_be_later(NEARLY + REST);
	assert_false(front_call_came(1500));
	front_answer_receipt(connection);
	reply = caller_receive(fd);
	assert_non_null(reply);
	assert_has(reply, "receipt");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    front_test(front_hangs_up_on_a_caller_who_sends_nothing),
	    front_test(front_hangs_up_on_a_caller_who_never_sent_anything),
	    front_test(front_hangs_up_on_a_caller_who_sends_half_a_message),
	    front_test(front_hangs_up_on_a_caller_who_does_not_read),
	    front_test(front_hangs_up_on_a_caller_who_does_not_end),
	    front_test(front_waits_with_a_caller_for_a_long_build),
	};

	return cmocka_run_group_tests_name("front_stalled", tests, NULL, NULL);
}
