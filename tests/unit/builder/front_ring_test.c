/*
 * A front for one domain, in its process and its sandbox. The domain is the
 * test: it has the page in common with it, and the other end of its events. The
 * supervisor is the test too.
 */
#include "builder_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/front/front.h"
#include "builder/front_link.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/ipc_pipe.h"
#include "builder/vchan_page.h"

enum { PATIENCE_SECONDS = 60, DOMID = 7, PORT = 42, BELL = 1 };

static struct {
	pid_t pid;
	int calls_fd;
	int answers_fd;
} front;

static struct daemon_config config;
static struct vchan_page *page;
static int events = -1; /* of the domain */
static uint32_t in_prod;
static uint32_t out_cons;

/* The front tells the domain: which reads it as an event. */
int __wrap_ioctl(int fd, unsigned long request, ...);
int
__wrap_ioctl(int fd, unsigned long request, ...)
{
	const uint32_t bell = BELL;

	assert_int_equal(request, _IOC(_IOC_NONE, 'E', 4, 4));
	return write(fd, &bell, sizeof(bell)) == sizeof(bell) ? 0 : -1;
}

static void
start(void)
{
	const struct channel_offer offer = {0, PORT, DOMID};
	int devices[CHANNEL_FDS];
	int sockets[2];
	int calls[2];
	int answers[2];
	int parent_pid = getpid();
	struct err err;

	config = good_config();
	devices[CHANNEL_FD_GRANTS] = memfd_create("page", MFD_CLOEXEC);
	assert_int_equal(
	    ftruncate(devices[CHANNEL_FD_GRANTS], VCHAN_PAGE_BYTES), 0);
	page = mmap(NULL, VCHAN_PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED,
	    devices[CHANNEL_FD_GRANTS], 0);
	vchan_format(page);
	assert_int_equal(socketpair(AF_UNIX,
			     SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0,
			     sockets),
	    0);
	devices[CHANNEL_FD_EVENTS] = sockets[0];
	events = sockets[1];
	assert_code(ipc_pipe(calls, &err), 0);
	assert_code(ipc_pair(answers, &err), 0);
	front.pid = fork();
	if (front.pid == 0) {
		const struct front_link link = {calls[1], answers[1]};
		int log_fd = open("front.log",
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		dup2(log_fd, STDERR_FILENO);
		signal(SIGPIPE, SIG_IGN);
		front_run_ring(&config, &offer, devices, &link, parent_pid);
	}
	close(calls[1]);
	close(answers[1]);
	close(devices[CHANNEL_FD_GRANTS]);
	close(devices[CHANNEL_FD_EVENTS]);
	front.calls_fd = calls[0];
	front.answers_fd = answers[0];
	in_prod = 0;
	out_cons = 0;
}

static int
setup(void **state)
{
	if (enter_scratch(state) != 0)
		return -1;
	alarm(PATIENCE_SECONDS);
	start();
	page->client_live = VCHAN_CLIENT_THERE;
	return 0;
}

static int
teardown(void **state)
{
	if (front.pid > 0) {
		kill(front.pid, SIGKILL);
		waitpid(front.pid, NULL, 0);
	}
	front.pid = 0;
	closep(&front.calls_fd);
	closep(&front.answers_fd);
	closep(&events);
	munmap(page, VCHAN_PAGE_BYTES);
	alarm(0);
	return leave_scratch(state);
}

/* --- the domain ------------------------------------------------------ */

static void
send_event(void)
{
	const uint32_t port = PORT;

	(void)!write(events, &port, sizeof(port));
}

static void
pause_a_moment(void)
{
	struct pollfd wait = {.fd = events, .events = POLLIN};
	char bytes[4096];

	(void)poll(&wait, 1, 10);
	(void)!read(events, bytes, sizeof(bytes));
}

static void
say(const void *bytes, size_t len)
{
	uint8_t *ring = (uint8_t *)page + VCHAN_IN_BYTES;

	for (size_t i = 0; i < len; i++) {
		while (in_prod - page->in_cons == VCHAN_IN_BYTES) {
			send_event();
			pause_a_moment();
		}
		ring[in_prod++ % VCHAN_IN_BYTES] = ((const uint8_t *)bytes)[i];
		__atomic_thread_fence(__ATOMIC_SEQ_CST);
		page->in_prod = in_prod;
	}
	send_event();
}

static void
say_text(const char *text)
{
	say(text, strlen(text) + 1);
}

/* One message; "" if the front ended its side. */
static void
hear(char *ret_text, size_t size)
{
	const uint8_t *ring = (const uint8_t *)page + VCHAN_OUT_BYTES;
	size_t len = 0;

	for (;;) {
		bool is_over = page->server_live == 0;

		while (page->out_prod != out_cons) {
			assert_true(len < size);
			ret_text[len] =
			    (char)ring[out_cons++ % VCHAN_OUT_BYTES];
			page->out_cons = out_cons;
			if (ret_text[len++] == '\0')
				return;
		}
		if (is_over) {
			ret_text[0] = '\0';
			return;
		}
		send_event();
		pause_a_moment();
	}
}

static void
leave(void)
{
	page->client_live = VCHAN_CLIENT_GONE;
	send_event();
}

/* --- the supervisor -------------------------------------------------- */

static struct front_call
next_record(void)
{
	union {
		struct front_call call;
		char bytes[IPC_PIPE_BYTES];
	} record;
	struct pollfd wait = {.fd = front.calls_fd, .events = POLLIN};
	struct err err = {0};
	size_t size;
	bool is_end;

	assert_int_equal(poll(&wait, 1, -1), 1);
	if (ipc_pipe_receive_some(front.calls_fd, &record, sizeof(record),
		&size, &is_end, &err) != 0)
		fail_msg("%s", err.text);
	if (is_end)
		record.call = (struct front_call){.kind = 0};
	return record.call;
}

/* What it says each second is no call. */
static struct front_call
next_call(void)
{
	struct front_call call;

	do
		call = next_record();
	while (call.kind == FRONT_ALIVE && call.connection == NO_CONNECTION);
	return call;
}

static void
answer(uint32_t kind, uint32_t connection)
{
	const struct front_answer said = {
	    .kind = kind,
	    .connection = connection,
	    .receipt = good_receipt(),
	};
	const struct front_answer plain = {
	    .kind = kind,
	    .connection = connection,
	};
	struct err err;

	assert_code(ipc_send(front.answers_fd,
			kind == ANSWER_RECEIPT ? &said : &plain,
			front_answer_bytes(kind), -1, &err),
	    0);
}

/* It asks for the last answer, gets it, and ends. */
static void
let_it_end(void)
{
	struct front_call last = next_call();
	int status;

	assert_int_equal(last.kind, FRONT_ALIVE);
	answer(ANSWER_OUTCOME, last.connection);
	assert_int_equal(waitpid(front.pid, &status, 0), front.pid);
	front.pid = 0;
	assert_int_equal(status, 0);
	assert_int_equal(page->server_live, 0);
}

static void
assert_logged(const char *text)
{
	char log[8192] = "";
	int fd = open("front.log", O_RDONLY | O_CLOEXEC);

	assert_true(read(fd, log, sizeof(log) - 1) >= 0);
	close(fd);
	assert_has(log, text);
}

/* --- tests ----------------------------------------------------------- */

static const char info[] = "{\"method\":\"org.varlink.service.GetInfo\"}";
static const char destroy[] = "{\"method\":\"org.assay.Builder.DestroyDomain\","
			      "\"parameters\":{\"name\":\"web\"}}";

static void
call_is_answered_on_a_ring(void **state)
{
	char text[16384];

	(void)state;
	say_text(info);
	hear(text, sizeof(text));
	assert_non_null(strstr(text, "\"vendor\""));
	/* Longer than the ring. */
	say_text("{\"method\":\"org.varlink.service.GetInterfaceDescription\","
		 "\"parameters\":{\"interface\":\"org.assay.Builder\"}}");
	static char long_text[65536];
	hear(long_text, sizeof(long_text));
	assert_has(long_text, "interface org.assay.Builder");
	assert_true(strlen(long_text) > VCHAN_OUT_BYTES);
}

static void
call_goes_to_the_supervisor_and_back(void **state)
{
	struct front_call call;
	char text[4096];

	(void)state;
	say_text(destroy);
	call = next_call();
	assert_int_equal(call.kind, FRONT_DESTROY);
	assert_int_equal(call.caller.kind, CALLER_DOMAIN);
	answer(ANSWER_OUTCOME, call.connection);
	hear(text, sizeof(text));
	assert_string_equal(text, "{\"parameters\":{}}");
}

static void
front_ends_with_its_session(void **state)
{
	(void)state;
	leave();
	let_it_end();
}

/* What it wrote before it left counts: a call without an answer. */
static void
last_words_are_heard(void **state)
{
	struct front_call call;

	(void)state;
	say_text("{\"method\":\"org.assay.Builder.DestroyDomain\","
		 "\"parameters\":{\"name\":\"web\"},\"oneway\":true}");
	leave();
	call = next_call();
	assert_int_equal(call.kind, FRONT_DESTROY);
	answer(ANSWER_OUTCOME, call.connection);
	call = next_call();
	if (call.kind == FRONT_CANCEL)
		call = next_call();
	assert_int_equal(call.kind, FRONT_ALIVE);
}

static void
client_that_leaves_has_its_call_cancelled(void **state)
{
	(void)state;
	say_text(destroy);
	assert_int_equal(next_call().kind, FRONT_DESTROY);
	leave();
	assert_int_equal(next_call().kind, FRONT_CANCEL);
	let_it_end();
}

/* Its receipt was under way when it left. */
static void
domain_of_a_client_that_left_is_given_back(void **state)
{
	struct front_call last;
	struct front_call call;

	(void)state;
	say_text("{\"method\":\"org.assay.Builder.BuildDomain\",\"parameters\":"
		 "{\"image\":\"web-front\",\"name\":\"w\",\"memory_mib\":64,"
		 "\"vcpus\":1,\"uuid\":"
		 "\"6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d11\"}}");
	call = next_call();
	assert_int_equal(call.kind, FRONT_BUILD);
	leave();
	assert_int_equal(next_call().kind, FRONT_CANCEL);
	last = next_call();
	assert_int_equal(last.kind, FRONT_ALIVE);
	answer(ANSWER_RECEIPT, call.connection);
	answer(ANSWER_OUTCOME, last.connection);
	call = next_call();
	assert_int_equal(call.kind, FRONT_UNDELIVERED);
	assert_int_equal(call.selector.domid, good_receipt().domid);
	assert_int_equal(next_call().kind, 0);
}

static void
ring_that_the_client_breaks_ends_by_name(void **state)
{
	(void)state;
	page->in_prod = 123456;
	send_event();
	let_it_end();
	assert_logged("code=VCHAN_RING_BROKEN");
}

static void
client_that_comes_twice_breaks_the_ring(void **state)
{
	(void)state;
	page->client_live = 77;
	send_event();
	let_it_end();
	assert_logged("code=VCHAN_RING_BROKEN");
}

/* The port stays masked, and the ring is looked at by the clock. */
static void
flood_of_events_is_read_slowly(void **state)
{
	uint64_t unmasked = 0;
	char text[16384];
	char bytes[4096];
	ssize_t got;

	(void)state;
	for (int i = 0; i < 100000; i++)
		send_event();
	say_text(info);
	hear(text, sizeof(text));
	assert_non_null(strstr(text, "\"vendor\""));
	while ((got = read(events, bytes, sizeof(bytes))) > 0)
		unmasked += (uint64_t)got / 4;
	assert_true(unmasked < 10000);
	leave();
	let_it_end();
}

/* All that the front has: links, events, log. */
static void
front_holds_no_device_of_grants(void **state)
{
	char text[4096];
	char path[64];
	char target[256];

	(void)state;
	say_text(info);
	hear(text, sizeof(text));
	for (int fd = 0; fd < 64; fd++) {
		ssize_t len;

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", front.pid, fd);
		len = readlink(path, target, sizeof(target) - 1);
		if (len < 0)
			continue;
		target[len] = '\0';
		assert_null(strstr(target, "memfd:page"));
	}
}

int
main(void)
{
#define ring_test(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
	    ring_test(call_is_answered_on_a_ring),
	    ring_test(call_goes_to_the_supervisor_and_back),
	    ring_test(front_ends_with_its_session),
	    ring_test(last_words_are_heard),
	    ring_test(client_that_leaves_has_its_call_cancelled),
	    ring_test(domain_of_a_client_that_left_is_given_back),
	    ring_test(ring_that_the_client_breaks_ends_by_name),
	    ring_test(client_that_comes_twice_breaks_the_ring),
	    ring_test(flood_of_events_is_read_slowly),
	    ring_test(front_holds_no_device_of_grants),
	};

	return cmocka_run_group_tests_name("front_ring", tests, NULL, NULL);
}
