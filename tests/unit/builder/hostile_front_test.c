/*
 * A front that was taken over: the supervisor's link to it is this test's, and
 * any record may come.
 */
#include "daemon_fixture.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/front/front.h"
#include "builder/front_link.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/ipc_pipe.h"
#include "builder/sandbox.h"

enum { CONNECTION = 5, STRANGER_UID = 4711 };

static int handover[2]; /* the front hands its links over this pair */
static int calls_fd = -1;
static int answers_fd = -1;

void __wrap_front_run(const struct daemon_config *ignored, int listen_fd,
    const struct front_link *link, int parent_pid) __attribute__((noreturn));

void
__wrap_front_run(const struct daemon_config *ignored, int listen_fd,
    const struct front_link *link, int parent_pid)
{
	char record = 0;
	struct err err;

	(void)ignored;
	(void)listen_fd;
	if (sandbox_die_with_parent(parent_pid, &err) != 0)
		_exit(1); /* or nobody would end it */
	ipc_send(handover[1], &record, sizeof(record), link->calls_fd, &err);
	ipc_send(handover[1], &record, sizeof(record), link->answers_fd, &err);
	/* The test's copies are the only ones: their end is this front's. */
	sandbox_keep_only((int[]){handover[1]}, 1, &err);
	(void)!read(handover[1], &record, 1);
	for (;;)
		pause();
}

static int
take_link(void)
{
	struct pollfd wait = {.fd = handover[0], .events = POLLIN};
	char record;
	struct err err;
	bool is_end;
	int fd;

	if (poll(&wait, 1, 15000) != 1)
		fail_msg("no front is begun");
	assert_code(ipc_receive(handover[0], &record, sizeof(record), &fd,
			&is_end, &err),
	    0);
	assert_false(is_end);
	return fd;
}

/*
 * Of the front that was begun, at first or again. Those of the last one end
 * only then: their end alone would be a reason to begin another.
 */
static void
take_links(void)
{
	int calls = take_link();
	int answers = take_link();

	closep(&calls_fd);
	closep(&answers_fd);
	calls_fd = calls;
	answers_fd = answers;
}

static void
start_hostile(void)
{
	struct err err;

	assert_code(ipc_pair(handover, &err), 0);
	start_daemon(FAULT_NONE, "");
	closep(&handover[1]);
	take_links();
}

static int
hostile_teardown(void **state)
{
	closep(&calls_fd);
	closep(&answers_fd);
	closep(&handover[0]);
	return daemon_teardown(state);
}

#define hostile_test(test) \
	cmocka_unit_test_setup_teardown(test, daemon_setup, hostile_teardown)

static struct front_call
call_of(enum front_call_kind kind)
{
	struct front_call call = {
	    .kind = kind,
	    .connection = CONNECTION,
	    .caller = user_caller(geteuid()),
	};

	if (kind == FRONT_BUILD)
		call.build = good_build_request();
	return call;
}

static void
tell(const struct front_call *call)
{
	bool is_full;
	struct err err;

	do { /* this end does not wait */
		if (ipc_pipe_send(calls_fd, call, front_call_bytes(call->kind),
			&is_full, &err) != 0)
			fail_msg("%s", err.text);
	} while (is_full);
}

/* False if there is none. */
static bool
take_answer(struct front_answer *ret_answer, int timeout_ms)
{
	struct pollfd wait = {.fd = answers_fd, .events = POLLIN};
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	struct err err;
	size_t size;
	bool is_end;

	if (poll(&wait, 1, timeout_ms) != 1)
		return false;
	assert_code(ipc_receive_some(answers_fd, ret_answer,
			sizeof(*ret_answer), &size, &fds, &is_end, &err),
	    0);
	return !is_end;
}

/* The last answer to this call, and nothing to any other. */
static struct front_answer
ask(const struct front_call *call)
{
	struct front_answer answer;

	tell(call);
	if (!take_answer(&answer, 10000))
		fail_msg("no answer to call %u", call->kind);
	assert_int_equal(answer.connection, call->connection);
	return answer;
}

static void
assert_call_refused(const struct front_call *call, int code, const char *field)
{
	struct front_answer answer = ask(call);

	assert_code(answer.outcome.code, code);
	assert_string_equal(answer.outcome.field, field);
	assert_nothing_left();
}

static void
hostile_front_gets_nothing_built_that_no_caller_could(void **state)
{
	const struct front_call good = call_of(FRONT_BUILD);
	struct front_call bad;

	(void)state;
	start_hostile();
	bad = good;
	bad.caller.user.uid = STRANGER_UID;
	assert_call_refused(&bad, RPC_NOT_PERMITTED, "");
	bad = good;
	memset(bad.build.image, 'a', sizeof(bad.build.image));
	assert_call_refused(&bad, RPC_PARAMETER_BAD, "image");
	bad = good;
	strcpy(bad.build.image, "../web");
	assert_call_refused(&bad, RPC_PARAMETER_BAD, "image");
	bad = good;
	memset(bad.build.guest.name, 'a', sizeof(bad.build.guest.name));
	assert_call_refused(&bad, RPC_PARAMETER_BAD, "name");
	bad = good;
	strcpy(bad.build.guest.name, "guest/../../tool");
	assert_call_refused(&bad, RPC_PARAMETER_BAD, "name");
	bad = good;
	memset(bad.build.guest.uuid, 0, sizeof(bad.build.guest.uuid));
	assert_call_refused(&bad, RPC_PARAMETER_BAD, "uuid");
	bad = good;
	bad.build.guest.memory_mib = UINT32_MAX;
	assert_call_refused(&bad, RPC_PARAMETER_BAD, "memory_mib");
	bad.build.guest.memory_mib = LIMIT_MEMORY_MIB;
	assert_call_refused(&bad, LIMIT_EXCEEDED, "memory_mib");
	bad = good;
	bad.build.guest.vcpus = 0;
	assert_call_refused(&bad, RPC_PARAMETER_BAD, "vcpus");
	bad.build.guest.vcpus = LIMIT_VCPUS;
	assert_call_refused(&bad, LIMIT_EXCEEDED, "vcpus");
	/* That was all that was wrong. */
	assert_code(ask(&good).outcome.code, 0);
}

static void
hostile_front_destroys_nothing_that_assayd_did_not_build(void **state)
{
	struct front_call call = call_of(FRONT_DESTROY);

	(void)state;
	xen_fake_add(fake, 3, 0x33, "other");
	start_hostile();
	call.selector.domid = 3;
	assert_code(ask(&call).outcome.code, DOMAIN_UNKNOWN);
	strcpy(call.selector.name, "other");
	assert_code(ask(&call).outcome.code, DOMAIN_UNKNOWN);
	call.selector.has_uuid = true;
	memset(call.selector.uuid, 0x33, sizeof(call.selector.uuid));
	assert_code(ask(&call).outcome.code, DOMAIN_UNKNOWN);
	call.kind = FRONT_UNDELIVERED;
	call.connection = NO_CONNECTION;
	tell(&call);
	call = call_of(FRONT_STATUS);
	assert_code(ask(&call).outcome.code, 0);
	assert_int_equal(xen_fake_domain_count(fake), 1);
}

/* Any bytes, in a record that keeps the protocol. */
static struct front_call
any_call(uint32_t number)
{
	static const uint32_t kinds[] = {FRONT_BUILD, FRONT_LIST_DOMAINS,
	    FRONT_DESTROY, FRONT_STATUS, FRONT_ATTEST, FRONT_LOG, FRONT_CANCEL,
	    FRONT_UNDELIVERED};
	uint32_t random = number * 2654435761u + 1;
	struct front_call call;
	uint8_t *bytes = (uint8_t *)&call;

	for (size_t i = 0; i < sizeof(call); i++) {
		random = random * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(random >> 24);
	}
	call.kind = kinds[number % countof(kinds)];
	call.connection &= FRONT_CONNECTION_MAX;
	call.connection |= 1;
	if (call.kind == FRONT_UNDELIVERED)
		call.connection = NO_CONNECTION;
	call.caller.kind = CALLER_USER;
	if (call.kind == FRONT_BUILD) {
		call.build.has_manifest = number % 3 == 0;
		call.build.is_paused = number % 5 == 0;
		for (int end = 0; end < DOMAIN_ENDS; end++)
			call.build.life.on[end] %= LIFE_ACTIONS;
	} else {
		call.selector.has_uuid = number % 2 == 0;
		call.selector.name[sizeof(call.selector.name) - 1] = '\0';
	}
	return call;
}

static void
hostile_front_that_says_anything_gets_nothing(void **state)
{
	struct front_call status = call_of(FRONT_STATUS);
	struct front_answer answer;

	(void)state;
	give_tpm();
	start_hostile();
	for (uint32_t number = 0; number < 400; number++) {
		struct front_call call = any_call(number);

		tell(&call);
		while (take_answer(&answer, 0))
			continue;
	}
	tell(&status);
	do {
		if (!take_answer(&answer, 10000))
			fail_msg("assayd does not answer any more");
	} while (answer.connection != CONNECTION);
	assert_int_equal(answer.status.builds_done, 0);
	assert_int_equal(answer.status.builds_refused, 50);
	assert_nothing_left();
	assert_int_equal(end_daemon(SIGTERM), 0);
}

/* A descriptor could make its holder wait when it is closed. */
static void
hostile_front_can_send_nothing_but_calls(void **state)
{
	(void)state;
	start_hostile();
	assert_int_equal(send(answers_fd, "x", 1, MSG_NOSIGNAL), -1);
	assert_int_equal(errno, EPIPE);
}

static unsigned int expected_builds;

static bool
are_built(void)
{
	return xen_fake_domain_count(fake) == expected_builds &&
	       count_files("state/domains") == expected_builds &&
	       count_pending() == 0;
}

/*
 * A build is under way when these bytes come: there is another front then, the
 * build goes on, and its domain stays.
 */
static void
assert_begun_again_by(const void *record, size_t size, unsigned int number)
{
	struct front_call build = call_of(FRONT_BUILD);
	struct front_call status = call_of(FRONT_STATUS);
	struct err err;
	bool is_full;

	xen_fake_forget_calls(fake);
	hang_at("xenstore_write");
	snprintf(build.build.guest.name, sizeof(build.build.guest.name), "n%u",
	    number);
	build.build.guest.uuid[15] = (uint8_t)number;
	tell(&build);
	wait_for_call("xenstore_write");
	assert_code(ipc_pipe_send(calls_fd, record, size, &is_full, &err), 0);
	take_links();
	go_on();
	expected_builds = number;
	wait_until(are_built, "the build that was under way");
	assert_code(ask(&status).outcome.code, 0);
}

static void
hostile_front_that_breaks_the_protocol_is_begun_again(void **state)
{
	const size_t build_bytes = front_call_bytes(FRONT_BUILD);
	const size_t other_bytes = front_call_bytes(FRONT_DESTROY);
	const struct front_call good = call_of(FRONT_STATUS);
	struct front_call bad = good;

	(void)state;
	start_hostile();
	assert_begun_again_by(&good, front_call_bytes(good.kind) - 1, 1);
	bad.kind = 0;
	assert_begun_again_by(&bad, sizeof(bad), 2);
	bad.kind = FRONT_ALIVE + 1;
	assert_begun_again_by(&bad, sizeof(bad), 3);
	bad = call_of(FRONT_BUILD);
	memset(&bad.build.has_manifest, 2, 1);
	assert_begun_again_by(&bad, build_bytes, 4);
	bad = call_of(FRONT_BUILD);
	memset(&bad.build.is_paused, 0xff, 1);
	assert_begun_again_by(&bad, build_bytes, 5);
	bad = call_of(FRONT_DESTROY);
	memset(&bad.selector.has_uuid, 2, 1);
	assert_begun_again_by(&bad, other_bytes, 6);
	bad = call_of(FRONT_DESTROY);
	memset(bad.selector.name, 'a', sizeof(bad.selector.name));
	assert_begun_again_by(&bad, other_bytes, 7);
	bad = call_of(FRONT_DESTROY);
	bad.caller.kind = CALLER_DOMAIN;
	assert_begun_again_by(&bad, other_bytes, 8);
	/* It would outlive this front, and touch other fronts' callers. */
	bad = call_of(FRONT_CANCEL);
	bad.connection = NO_CONNECTION;
	assert_begun_again_by(&bad, front_call_bytes(bad.kind), 9);
	assert_string_equal(fake->violation, "");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    hostile_test(hostile_front_gets_nothing_built_that_no_caller_could),
	    hostile_test(
		hostile_front_destroys_nothing_that_assayd_did_not_build),
	    hostile_test(hostile_front_that_says_anything_gets_nothing),
	    hostile_test(hostile_front_can_send_nothing_but_calls),
	    hostile_test(hostile_front_that_breaks_the_protocol_is_begun_again),
	};

	return cmocka_run_group_tests_name("hostile_front", tests, NULL, NULL);
}
