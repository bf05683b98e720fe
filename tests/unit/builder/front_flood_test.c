/*
 * Many callers, or a supervisor that does not read their calls: what waits is
 * bounded and keeps its order, and nobody else waits for it.
 */
#include "front_process.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_pipe.h"
#include "builder/timing.h"

#define INFO_CALL "{\"method\":\"org.varlink.service.GetInfo\"}"

/* The connections of one user, and one fewer. */
enum { CALLERS = LIMIT_RPC_CONNECTIONS / 2, OTHERS = CALLERS - 1 };
enum { LAST_DOMID = 9999 }; /* of the call that a test waits for */

/* --- a supervisor that does not read ---------------------------------- */

/* One record has room in the pipe: what follows waits in the front. */
static void
narrow_the_pipe(void)
{
	assert_int_equal(fcntl(front.calls_fd, F_SETPIPE_SZ, IPC_PIPE_BYTES),
	    IPC_PIPE_BYTES);
}

/* A call that can be told from others. */
static void
send_destroy(int fd, uint32_t domid)
{
	char text[128];

	snprintf(text, sizeof(text),
	    "{\"method\":\"org.assay.Builder.DestroyDomain\","
	    "\"parameters\":{\"domid\":%u}}",
	    domid);
	caller_send(fd, text);
}

/* Has the front read all that this caller sent? Within that time. */
static bool
is_read_within(int fd, int timeout_ms)
{
	for (int i = 0; i <= timeout_ms; i++) {
		int unread = -1;

		assert_int_equal(ioctl(fd, SIOCOUTQ, &unread), 0);
		if (unread == 0)
			return true;
		usleep(1000);
	}
	return false;
}

static void
await_read(int fd)
{
	if (!is_read_within(fd, 10000))
		fail_msg("the front does not read");
}

/* Calls of new callers, domids from 1 up; each is in the front when it
 * returns. */
static void
open_callers(int *ret_fds, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		ret_fds[i] = caller_open();
		send_destroy(ret_fds[i], i + 1);
		await_read(ret_fds[i]);
	}
}

static void
close_callers(int *fds, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		closep(&fds[i]);
}

static bool
is_last(struct front_call call)
{
	return call.kind == FRONT_DESTROY && call.selector.domid == LAST_DOMID;
}

static void
front_keeps_the_order_of_calls_that_wait(void **state)
{
	int fds[CALLERS];

	(void)state;
	narrow_the_pipe();
	open_callers(fds, CALLERS);
	for (uint32_t i = 0; i < CALLERS; i++)
		assert_int_equal(front_next_call(FRONT_DESTROY).selector.domid,
		    i + 1);
	assert_false(front_call_came(0));
	close_callers(fds, CALLERS);
}

/* The cancel is behind its call, and everything else in between stays. */
static void
front_cancels_a_call_that_still_waits(void **state)
{
	enum { COUNT = 10, GONE = 8 };

	int fds[COUNT];
	uint32_t numbers[COUNT];
	CLEANUP(closep) int later = -1;

	(void)state;
	narrow_the_pipe();
	open_callers(fds, COUNT);
	closep(&fds[GONE]);
	/* A caller is accepted after the end of one who went before. */
	later = caller_open();
	send_destroy(later, LAST_DOMID);
	await_read(later);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct front_call call = front_next_call(FRONT_DESTROY);

		assert_int_equal(call.selector.domid, i + 1);
		numbers[i] = call.connection;
	}
	assert_int_equal(front_next_call(FRONT_CANCEL).connection,
	    numbers[GONE]);
	assert_true(is_last(front_next_any()));
	/* The others get their answers, and it gets none. */
	for (uint32_t i = 0; i < COUNT; i++) {
		struct front_answer answer = {.connection = numbers[i]};
		CLEANUP(freep) char *reply = NULL;

		front_answer_with(&answer);
		if (i == GONE)
			continue;
		reply = caller_receive(fds[i]);
		assert_string_equal(reply, "{\"parameters\":{}}");
	}
	close_callers(fds, COUNT);
}

/* More come than may wait, and go again; the supervisor reads none of it. */
static void
let_a_hundred_come_and_go(void)
{
	for (uint32_t i = 0; i < 100; i++) {
		CLEANUP(closep) int fd = caller_open();

		send_destroy(fd, i + 1);
		/* From some point on it reads no more. */
		is_read_within(fd, 10);
	}
}

/*
 * The next caller, whose call is the last one: it is behind two others, each
 * of which takes a turn of the front's loop. All who came and went before were
 * accepted no later, and are done with in the two turns after that.
 */
static int
come_last(void)
{
	static const char text[] =
	    INFO_CALL "\0" INFO_CALL "\0"
		      "{\"method\":\"org.assay.Builder.DestroyDomain\","
		      "\"parameters\":{\"domid\":9999}}";
	int fd = caller_open();

	assert_int_equal(send(fd, text, sizeof(text), MSG_NOSIGNAL),
	    sizeof(text));
	return fd;
}

static void
assert_answered(int fd)
{
	CLEANUP(freep) char *reply = caller_receive(fd);

	assert_non_null(reply);
	assert_has(reply, "assay");
}

static void
front_serves_answers_while_its_calls_are_not_read(void **state)
{
	CLEANUP(closep) int fd = caller_open();
	CLEANUP(closep) int later = -1;
	CLEANUP(freep) char *reply = NULL;
	uint32_t numbers[100];
	uint32_t connection;
	uint32_t count = 0;
	uint32_t cancelled = 0;

	(void)state;
	caller_send(fd, BUILD_CALL);
	connection = front_next_call(FRONT_BUILD).connection;
	let_a_hundred_come_and_go();
	front_answer_receipt(connection);
	reply = caller_receive(fd);
	assert_non_null(reply);
	assert_has(reply, "receipt");

	/* Each call that was handed on is cancelled, after it came. */
	later = come_last();
	for (;;) {
		struct front_call call = front_next_any();

		if (is_last(call))
			break;
		if (call.kind == FRONT_DESTROY) {
			assert_true(count < countof(numbers));
			numbers[count++] = call.connection;
			continue;
		}
		assert_int_equal(call.kind, FRONT_CANCEL);
		for (uint32_t i = 0; i < count; i++)
			cancelled += numbers[i] == call.connection;
	}
	assert_int_equal(cancelled, count);
	assert_in_range(count, 2, 99); /* others were not even read */
	assert_answered(later);
	assert_answered(later);
}

/* What is said of a domain has room, however many callers there are. */
static void
front_returns_a_domain_while_its_calls_are_not_read(void **state)
{
	int fd = caller_open();
	CLEANUP(closep) int later = -1;
	struct receipt receipt = good_receipt();
	uint32_t connection;
	uint32_t returned = 0;
	uint32_t cancelled = 0;

	(void)state;
	caller_send(fd, BUILD_CALL);
	connection = front_next_call(FRONT_BUILD).connection;
	let_a_hundred_come_and_go();
	close(fd);
	front_answer_receipt(connection);
	later = come_last();
	for (;;) {
		struct front_call call = front_next_any();

		if (is_last(call))
			break;
		cancelled +=
		    call.kind == FRONT_CANCEL && call.connection == connection;
		if (call.kind != FRONT_UNDELIVERED)
			continue;
		assert_memory_equal(call.selector.uuid, receipt.guest.uuid,
		    UUID_BYTES);
		returned++;
	}
	assert_int_equal(returned, 1);
	/* Or its receipt was under way when the caller went. */
	assert_in_range(cancelled, 0, 1);
}

/*
 * Two messages in one write: when the first is answered, so much waits that the
 * second must wait too, and nothing more comes from this caller to wake the
 * front.
 */
static void
front_serves_what_it_had_read_while_too_much_waited(void **state)
{
	static const char both[] =
	    CALL("GetStatus") "\0"
			      "{\"method\":\"org.assay.Builder.DestroyDomain\","
			      "\"parameters\":{\"domid\":99}}";
	CLEANUP(closep) int fd = caller_open();
	CLEANUP(freep) char *reply = NULL;
	struct front_answer answer = {0};
	int fds[OTHERS];
	uint32_t destroyed = 0;

	(void)state;
	assert_int_equal(send(fd, both, sizeof(both), 0), sizeof(both));
	answer.connection = front_next_call(FRONT_STATUS).connection;
	narrow_the_pipe();
	open_callers(fds, OTHERS);
	/* Calls and their cancels: more than 16, of which one is in the pipe.
	 * The front sees the ends no later than the answer. */
	close_callers(fds, OTHERS);
	front_answer_with(&answer);
	reply = caller_receive(fd);
	assert_has(reply, "builds_done");
	for (uint32_t i = 0; i < 2 * OTHERS; i++) {
		struct front_call call = front_next_any();

		if (call.kind == FRONT_DESTROY)
			assert_int_equal(call.selector.domid, ++destroyed);
		else
			assert_int_equal(call.kind, FRONT_CANCEL);
	}
	assert_int_equal(destroyed, OTHERS);
	assert_int_equal(front_next_call(FRONT_DESTROY).selector.domid, 99);
}

/* --- being alive ------------------------------------------------------ */

/* Its clock moves a second each turn, and nobody reads. */
static void
let_seconds_pass(uint32_t count)
{
	CLEANUP(closep) int fd = caller_open();

	for (uint32_t i = 0; i < count; i++) {
		assert_call(fd, INFO_CALL, "assay");
		front_be_later(1);
	}
}

static bool
record_came(int timeout_ms, uint32_t *ret_kind)
{
	struct pollfd wait = {.fd = front.calls_fd, .events = POLLIN};

	if (poll(&wait, 1, timeout_ms) != 1)
		return false;
	*ret_kind = front_read_record().kind;
	return true;
}

static void
front_says_each_second_that_it_is_alive(void **state)
{
	uint32_t kind = 0;
	uint32_t count = 0;

	(void)state;
	assert_true(record_came(10000, &kind)); /* at once */
	assert_int_equal(kind, FRONT_ALIVE);
	/* Also when nobody calls. */
	assert_true(record_came(10000, &kind));
	assert_int_equal(kind, FRONT_ALIVE);
	let_seconds_pass(10);
	while (record_came(0, &kind)) {
		assert_int_equal(kind, FRONT_ALIVE);
		count++;
	}
	assert_in_range(count, 9, 20);
}

/* Or else it would fill its queue by itself. */
static void
front_does_not_say_again_what_was_not_read(void **state)
{
	uint32_t kind = 0;
	uint32_t count = 0;

	(void)state;
	narrow_the_pipe();
	let_seconds_pass(200);
	while (count < 2) {
		assert_true(record_came(10000, &kind));
		assert_int_equal(kind, FRONT_ALIVE);
		count++;
	}
	/* A slow machine needs a second itself to come here. */
	while (record_came(0, &kind))
		count++;
	assert_in_range(count, 2, 10);
	let_seconds_pass(1);
}

/* --- strangers -------------------------------------------------------- */

static void
come_as_a_stranger(void)
{
	CLEANUP(closep) int fd = caller_open();
	CLEANUP(freep) char *reply = caller_receive(fd);

	assert_non_null(reply);
	assert_has(reply, "RPC_NOT_PERMITTED");
}

/* The log's lines about strangers, and the sum of what they say was left
 * out. */
static uint32_t
count_lines(uint64_t *ret_missed)
{
	CLEANUP(buffer_done) struct buffer log = read_file("front.log");
	const char *at;
	uint32_t count = 0;

	buffer_add(&log, "", 1);
	*ret_missed = 0;
	at = (const char *)log.ptr;
	while ((at = strstr(at, "refused connection uid=")) != NULL) {
		unsigned long long missed = 0;
		const char *said = strstr(at, " missed=");

		assert_non_null(said);
		assert_int_equal(sscanf(said, " missed=%llu", &missed), 1);
		*ret_missed += missed;
		count++;
		at = said;
	}
	return count;
}

/* Each is told, and the log keeps room for what matters. */
static void
front_does_not_let_strangers_fill_the_log(void **state)
{
	enum { STRANGERS = 300 };

	uint64_t began = timing_now_usec();
	uint64_t missed;
	uint64_t seconds;
	uint32_t lines;

	(void)state;
	front_leave();
	front.config.allow_uids[0] = geteuid() + 1;
	front_start();
	for (uint32_t i = 0; i < STRANGERS; i++)
		come_as_a_stranger();
	seconds = (timing_now_usec() - began) / 1000000;
	lines = count_lines(&missed);
	assert_in_range(lines, 20, 21 + seconds);
	/* The next line says what is missing. */
	front_be_later(2);
	come_as_a_stranger();
	assert_int_equal(count_lines(&missed), lines + 1);
	assert_int_equal(missed, STRANGERS - lines);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    front_test(front_keeps_the_order_of_calls_that_wait),
	    front_test(front_cancels_a_call_that_still_waits),
	    front_test(front_serves_answers_while_its_calls_are_not_read),
	    front_test(front_returns_a_domain_while_its_calls_are_not_read),
	    front_test(front_serves_what_it_had_read_while_too_much_waited),
	    front_test(front_says_each_second_that_it_is_alive),
	    front_test(front_does_not_say_again_what_was_not_read),
	    front_test(front_does_not_let_strangers_fill_the_log),
	};

	return cmocka_run_group_tests_name("front_flood", tests, NULL, NULL);
}
