/*
 * The queue before a link, with both kinds of link. Nobody reads unless the
 * test does; the clock is the test's. A queue that waited would make alarm(2)
 * end the test.
 */
#include "builder_fixture.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/ipc_pipe.h"
#include "builder/outbox.h"

enum { CAPACITY = 5, PATIENCE_SECONDS = 30 };

struct record {
	uint32_t number;
	char room[1020];
};

static struct outbox outbox;
static int ends[2]; /* ends[0] is read from */
static uint64_t now_usec;

uint64_t __wrap_timing_now_usec(void);

uint64_t
__wrap_timing_now_usec(void)
{
	return now_usec;
}

static int
setup(bool is_pipe)
{
	struct err err;

	alarm(PATIENCE_SECONDS);
	signal(SIGPIPE, SIG_IGN); /* as the daemon does */
	now_usec = 1000000;
	if ((is_pipe ? ipc_pipe(ends, &err) : ipc_pair(ends, &err)) != 0 ||
	    outbox_init(&outbox, sizeof(struct record), CAPACITY, is_pipe,
		&err) != 0)
		return -1;
	outbox_attach(&outbox, ends[1]);
	return 0;
}

static int
setup_pipe(void **state)
{
	(void)state;
	return setup(true);
}

static int
setup_socket(void **state)
{
	(void)state;
	return setup(false);
}

static int
teardown(void **state)
{
	(void)state;
	outbox_done(&outbox);
	closep(&ends[0]);
	closep(&ends[1]);
	alarm(0);
	return 0;
}

static int
put(uint32_t number, struct sealed *attached, struct err *err)
{
	struct record record = {.number = number};

	return outbox_put(&outbox, &record, sizeof(record), attached, err);
}

static void
flush(void)
{
	struct err err = {0};

	if (outbox_flush(&outbox, &err) != 0)
		fail_msg("%s", err.text);
}

/* What comes next; the count of its descriptors, which are closed. */
static uint32_t
next_record(size_t *ret_fds)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {0};
	struct record record;
	struct err err = {0};
	bool is_end = true;
	int code = outbox.is_pipe ? ipc_pipe_receive(ends[0], &record,
					sizeof(record), &is_end, &err)
	                          : ipc_receive_fds(ends[0], &record,
					sizeof(record), &fds, &is_end, &err);

	if (code != 0)
		fail_msg("%s", err.text);
	assert_false(is_end);
	if (ret_fds != NULL)
		*ret_fds = fds.count;
	return record.number;
}

/* Records from 1 up until the link takes no more and `waiting` of them wait.
 * How many there are. */
static uint32_t
fill(uint32_t waiting)
{
	uint32_t number = 0;
	struct err err;

	while (outbox.count < waiting) {
		assert_code(put(++number, NULL, &err), 0);
		flush();
		assert_true(number < 100000);
	}
	return number;
}

static void
outbox_keeps_the_order_of_what_waits(void **state)
{
	uint32_t last = fill(3);
	uint32_t next = 1;
	struct err err;

	(void)state;
	assert_true(last > CAPACITY);
	assert_int_equal(outbox_room(&outbox), CAPACITY - 3);
	/* Round and round: a place in the ring is used many times. */
	for (int i = 0; i < 4 * CAPACITY; i++) {
		assert_int_equal(next_record(NULL), next++);
		flush();
		while (outbox.count < 3)
			assert_code(put(++last, NULL, &err), 0);
		flush();
	}
	while (next <= last) {
		assert_int_equal(next_record(NULL), next++);
		flush();
	}
	assert_int_equal(outbox.count, 0);
}

/* One that waits is not passed by one that came later. */
static void
outbox_put_sends_nothing_by_itself(void **state)
{
	uint32_t last = fill(1);
	uint32_t next = 1;
	struct err err;

	(void)state;
	while (next < last)
		assert_int_equal(next_record(NULL), next++);
	assert_code(put(last + 1, NULL, &err), 0);
	assert_int_equal(outbox.count, 2);
	flush();
	assert_int_equal(next_record(NULL), last);
	assert_int_equal(next_record(NULL), last + 1);
}

static void
outbox_refuses_what_it_has_no_room_for(void **state)
{
	uint32_t last = fill(CAPACITY);
	struct err err = {0};

	(void)state;
	assert_int_equal(outbox_room(&outbox), 0);
	assert_code(put(77777, NULL, &err), RPC_BUSY);
	assert_has(err.text, "5 records wait");
	assert_int_equal(outbox.count, CAPACITY);
	/* And nothing of it is sent later. */
	for (uint32_t i = 1; i <= last; i++) {
		assert_int_equal(next_record(NULL), i);
		flush();
	}
	assert_int_equal(outbox.count, 0);
	assert_code(put(8, NULL, &err), 0);
	flush();
	assert_int_equal(next_record(NULL), 8);
}

static void
outbox_with_nobody_there_drops_everything(void **state)
{
	struct err err;

	(void)state;
	outbox_attach(&outbox, -1);
	for (uint32_t i = 0; i < 3 * CAPACITY; i++)
		assert_code(put(i, NULL, &err), 0);
	assert_int_equal(outbox.count, 0);
	flush();
}

/* The next front must not get what was meant for callers of the last. */
static void
outbox_attach_drops_what_waits(void **state)
{
	uint32_t last = fill(2);
	int old = ends[0];
	struct err err;

	(void)state;
	closep(&ends[1]);
	assert_code(
	    outbox.is_pipe ? ipc_pipe(ends, &err) : ipc_pair(ends, &err), 0);
	close(old);
	outbox_attach(&outbox, ends[1]);
	assert_int_equal(outbox.count, 0);
	assert_false(outbox_is_stuck(&outbox, 0));
	flush();
	assert_code(put(last + 1, NULL, &err), 0);
	flush();
	assert_int_equal(next_record(NULL), last + 1);
}

static void
outbox_is_stuck_when_the_link_takes_nothing(void **state)
{
	(void)state;
	now_usec += 1000000;
	assert_false(outbox_is_stuck(&outbox, 0));
	fill(1);
	now_usec += 99;
	assert_false(outbox_is_stuck(&outbox, 100));
	/* Trying does not make it younger. */
	flush();
	now_usec += 1;
	assert_true(outbox_is_stuck(&outbox, 100));
	flush();
	assert_true(outbox_is_stuck(&outbox, 100));
	assert_false(outbox_is_stuck(&outbox, 101));
}

/* A reader that is slow is not stuck. */
static void
outbox_is_not_stuck_once_something_was_taken(void **state)
{
	uint32_t last = fill(CAPACITY);
	uint32_t next = 1;

	(void)state;
	now_usec += 1000;
	assert_true(outbox_is_stuck(&outbox, 1000));
	while (outbox.count == CAPACITY) {
		assert_int_equal(next_record(NULL), next++);
		flush();
	}
	/* Some wait still: it was stuck before, not now. */
	assert_true(outbox.count > 0);
	assert_false(outbox_is_stuck(&outbox, 1000));
	now_usec += 1000;
	assert_true(outbox_is_stuck(&outbox, 1000));
	while (next <= last) {
		assert_int_equal(next_record(NULL), next++);
		flush();
	}
	now_usec += 1000;
	assert_false(outbox_is_stuck(&outbox, 0));
}

static void
outbox_reports_that_the_other_side_is_gone(void **state)
{
	struct err err;

	(void)state;
	closep(&ends[0]);
	assert_code(outbox_flush(&outbox, &err), 0);
	assert_code(put(1, NULL, &err), 0);
	assert_code(outbox_flush(&outbox, &err), SYSTEM_FAILED);
}

/* --- sealed memory --------------------------------------------------- */

static struct sealed *
memory(void)
{
	return sealed_of(bytes_of_str("rows"));
}

static void
outbox_sends_memory_with_its_record(void **state)
{
	size_t before = count_descriptors();
	size_t fds = 77;
	struct err err;

	(void)state;
	assert_code(put(1, memory(), &err), 0);
	assert_code(put(2, NULL, &err), 0);
	assert_code(put(3, memory(), &err), 0);
	assert_int_equal(outbox.attached, 2);
	flush();
	assert_int_equal(outbox.attached, 0);
	assert_int_equal(count_descriptors(), before);
	assert_int_equal(next_record(&fds), 1);
	assert_int_equal(fds, 1);
	assert_int_equal(next_record(&fds), 2);
	assert_int_equal(fds, 0);
	assert_int_equal(next_record(&fds), 3);
	assert_int_equal(fds, 1);
}

static void
outbox_frees_memory_that_it_cannot_keep(void **state)
{
	size_t before = count_descriptors();
	struct err err;

	(void)state;
	fill(CAPACITY);
	assert_code(put(9, memory(), &err), RPC_BUSY);
	assert_int_equal(outbox.attached, 0);
	assert_int_equal(count_descriptors(), before);

	outbox_attach(&outbox, -1);
	assert_code(put(9, memory(), &err), 0);
	assert_int_equal(outbox.attached, 0);
	assert_int_equal(count_descriptors(), before);
}

static void
outbox_frees_memory_that_it_drops(void **state)
{
	size_t before = count_descriptors();
	struct err err;

	(void)state;
	for (uint32_t i = 0; i < CAPACITY; i++)
		assert_code(put(i, memory(), &err), 0);
	assert_int_equal(count_descriptors(), before + CAPACITY);
	outbox_attach(&outbox, ends[1]);
	assert_int_equal(outbox.attached, 0);
	assert_int_equal(count_descriptors(), before);

	assert_code(put(1, memory(), &err), 0);
	outbox_done(&outbox);
	assert_int_equal(count_descriptors(), before);
	outbox_done(&outbox); /* twice is once */
}

#define pipe_test(test) \
	cmocka_unit_test_setup_teardown(test, setup_pipe, teardown)
#define socket_test(test) \
	cmocka_unit_test_setup_teardown(test, setup_socket, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    pipe_test(outbox_keeps_the_order_of_what_waits),
	    socket_test(outbox_keeps_the_order_of_what_waits),
	    pipe_test(outbox_put_sends_nothing_by_itself),
	    socket_test(outbox_put_sends_nothing_by_itself),
	    pipe_test(outbox_refuses_what_it_has_no_room_for),
	    socket_test(outbox_refuses_what_it_has_no_room_for),
	    pipe_test(outbox_with_nobody_there_drops_everything),
	    pipe_test(outbox_attach_drops_what_waits),
	    socket_test(outbox_attach_drops_what_waits),
	    pipe_test(outbox_is_stuck_when_the_link_takes_nothing),
	    socket_test(outbox_is_stuck_when_the_link_takes_nothing),
	    pipe_test(outbox_is_not_stuck_once_something_was_taken),
	    socket_test(outbox_is_not_stuck_once_something_was_taken),
	    pipe_test(outbox_reports_that_the_other_side_is_gone),
	    socket_test(outbox_reports_that_the_other_side_is_gone),
	    socket_test(outbox_sends_memory_with_its_record),
	    socket_test(outbox_frees_memory_that_it_cannot_keep),
	    socket_test(outbox_frees_memory_that_it_drops),
	};

	return cmocka_run_group_tests_name("outbox", tests, NULL, NULL);
}
