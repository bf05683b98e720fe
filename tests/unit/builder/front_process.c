#include "front_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/front/front.h"
#include "builder/supervisor/listener.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/ipc_pipe.h"
#include "builder/timing.h"

struct front_process front = {.calls_fd = -1, .answers_fd = -1};

/* What was asked last by a connection. */
static uint32_t kinds[64];

/* It was read, and nobody has taken it yet. */
static struct front_call waiting_call;
static bool has_waiting_call;

/* --- the clock ------------------------------------------------------- */

/* Of the front: shared with its process. */
static struct clock {
	volatile uint64_t ahead_usec;
} * shared_clock;

static void receive_call(void);
uint64_t __real_timing_now_usec(void);
uint64_t __wrap_timing_now_usec(void);

uint64_t
__wrap_timing_now_usec(void)
{
	return __real_timing_now_usec() + shared_clock->ahead_usec;
}

void
front_be_later(unsigned int seconds)
{
	shared_clock->ahead_usec += seconds * 1000000ull;
}

/* --- the process ----------------------------------------------------- */

void
front_start(void)
{
	int listen_fd = -1;
	int calls[2];
	int answers[2];
	struct err err;
	int parent_pid = getpid();

	assert_code(listener_open(&front.config, &listen_fd, &err), 0);
	assert_code(ipc_pipe(calls, &err), 0);
	assert_code(ipc_pair(answers, &err), 0);
	has_waiting_call = false;
	front.pid = fork();
	if (front.pid == 0) {
		const struct front_link link = {calls[1], answers[1]};
		int log_fd = open("front.log",
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		dup2(log_fd, STDERR_FILENO);
		signal(SIGPIPE, SIG_IGN); /* as the daemon does */
		front_run(&front.config, listen_fd, &link, parent_pid);
	}
	close(calls[1]);
	close(answers[1]);
	close(listen_fd);
	front.calls_fd = calls[0];
	front.answers_fd = answers[0];
}

void
front_leave(void)
{
	/* Its end is a clean one if the answers end first. */
	closep(&front.answers_fd);
	if (front.pid > 0)
		waitpid(front.pid, &front.status, 0);
	front.pid = 0;
	closep(&front.calls_fd);
}

int
front_setup(void **state)
{
	if (enter_directory(state) != 0)
		return -1;
	/* Other users shall reach the socket. */
	assert_int_equal(chmod(".", 0755), 0);
	alarm(PATIENCE_SECONDS);
	shared_clock = mmap(NULL, sizeof(*shared_clock), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(shared_clock, MAP_FAILED);
	front.config = good_config();
	front_start();
	return 0;
}

int
front_teardown(void **state)
{
	if (front.pid > 0)
		kill(front.pid, SIGKILL);
	front_leave();
	munmap(shared_clock, sizeof(*shared_clock));
	alarm(0);
	return leave_directory(state);
}

/* --- the supervisor's side ------------------------------------------- */

bool
front_call_came(int timeout_ms)
{
	uint64_t end = __real_timing_now_usec() + (uint64_t)timeout_ms * 1000;
	struct pollfd wait = {.fd = front.calls_fd, .events = POLLIN};

	while (!has_waiting_call) {
		uint64_t now = __real_timing_now_usec();
		int rest_ms = now < end ? (int)((end - now + 999) / 1000) : 0;

		if (poll(&wait, 1, rest_ms) != 1)
			return false;
		receive_call();
	}
	return true;
}

struct front_call
front_read_record(void)
{
	union {
		struct front_call call;
		char bytes[IPC_PIPE_BYTES];
	} record;
	struct err err = {0};
	size_t size;
	bool is_end;

	if (ipc_pipe_receive_some(front.calls_fd, &record, sizeof(record),
		&size, &is_end, &err) != 0)
		fail_msg("%s", err.text);
	if (is_end)
		fail_msg("the front ended");
	assert_int_equal(size, front_call_bytes(record.call.kind));
	return record.call;
}

/* Each second the front says that it is alive: that is no call. */
static void
receive_call(void)
{
	waiting_call = front_read_record();
	has_waiting_call = waiting_call.kind != FRONT_ALIVE;
}

struct front_call
front_next_any(void)
{
	if (!front_call_came(10000))
		fail_msg("no call came from the front");
	has_waiting_call = false;
	if (waiting_call.kind < FRONT_CANCEL)
		kinds[waiting_call.connection % countof(kinds)] =
		    waiting_call.kind;
	return waiting_call;
}

struct front_call
front_next_call(uint32_t kind)
{
	struct front_call call = front_next_any();

	assert_int_equal(call.kind, kind);
	return call;
}

/* Of the kind that belongs to the call, with no rows where rows belong. */
void
front_answer_with(const struct front_answer *answer)
{
	static const struct xen_domain_info none;
	static const uint32_t of_call[] = {
	    [FRONT_BUILD] = ANSWER_RECEIPT,
	    [FRONT_LIST_IMAGES] = ANSWER_MEMORY,
	    [FRONT_LIST_DOMAINS] = ANSWER_MEMORY,
	    [FRONT_DESTROY] = ANSWER_OUTCOME,
	    [FRONT_STATUS] = ANSWER_STATUS,
	    [FRONT_ATTEST] = ANSWER_MEMORY,
	    [FRONT_LOG] = ANSWER_MEMORY,
	};
	CLEANUP(sealed_freep)
	struct sealed *memory = sealed_of(bytes_of(&none, 0));
	struct front_answer sent = *answer;
	uint32_t kind = kinds[answer->connection % countof(kinds)];
	struct err err;

	assert_true(kind < countof(of_call));
	sent.kind = answer->outcome.code != 0 ? ANSWER_OUTCOME : of_call[kind];
	if (sent.kind == ANSWER_STATUS || sent.kind == ANSWER_MEMORY)
		assert_code(ipc_send_sealed(front.answers_fd, &sent,
				front_answer_bytes(sent.kind), memory, &err),
		    0);
	else
		assert_code(ipc_send(front.answers_fd, &sent,
				front_answer_bytes(sent.kind), -1, &err),
		    0);
}

void
front_answer_memory(uint32_t connection, struct bytes attached)
{
	struct front_answer answer = {
	    .kind = ANSWER_MEMORY,
	    .connection = connection,
	};
	CLEANUP(sealed_freep) struct sealed *memory = sealed_of(attached);
	struct err err;

	assert_code(ipc_send_sealed(front.answers_fd, &answer,
			front_answer_bytes(answer.kind), memory, &err),
	    0);
}

void
front_answer_receipt(uint32_t connection)
{
	struct front_answer answer = {
	    .connection = connection,
	    .receipt = good_receipt(),
	};

	front_answer_with(&answer);
}

void
front_answer_error(uint32_t connection, enum err_code code, const char *text)
{
	struct front_answer answer = {.connection = connection};
	struct err err;

	err_set_field(&err, code, "vcpus", "%s", text);
	err_wire_from(&answer.outcome, (int)code, &err);
	front_answer_with(&answer);
}
