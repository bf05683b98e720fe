#include "front_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/front.h"
#include "builder/ipc.h"
#include "builder/timing.h"

struct front_process front = {.link = -1};

/* --- the clock ------------------------------------------------------- */

/* Of the front: shared with its process. */
static struct clock {
	volatile uint64_t ahead_usec;
} * shared_clock;

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
	int link[2];
	struct err err;
	int parent_pid = getpid();

	assert_code(front_listen(front.config.socket, &listen_fd, &err), 0);
	assert_code(ipc_pair(link, &err), 0);
	front.pid = fork();
	if (front.pid == 0) {
		int log_fd = open("front.log",
		    O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

		dup2(log_fd, STDERR_FILENO);
		front_run(&front.config, listen_fd, link[1], parent_pid);
	}
	close(link[1]);
	close(listen_fd);
	front.link = link[0];
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
	closep(&front.link);
	if (front.pid > 0) {
		kill(front.pid, SIGKILL);
		waitpid(front.pid, NULL, 0);
	}
	munmap(shared_clock, sizeof(*shared_clock));
	alarm(0);
	return leave_directory(state);
}

/* --- the supervisor's side ------------------------------------------- */

bool
front_call_came(int timeout_ms)
{
	struct pollfd wait = {.fd = front.link, .events = POLLIN};

	return poll(&wait, 1, timeout_ms) == 1;
}

struct front_call
front_next_call(uint32_t kind)
{
	struct front_call call;
	struct err err = {0};
	bool is_end;

	if (!front_call_came(10000))
		fail_msg("no call came from the front");
	if (ipc_receive(front.link, &call, sizeof(call), NULL, &is_end, &err) !=
	    0)
		fail_msg("%s", err.text);
	assert_false(is_end);
	assert_int_equal(call.kind, kind);
	return call;
}

void
front_answer_with(const struct front_answer *answer)
{
	struct err err;

	assert_code(ipc_send(front.link, answer, sizeof(*answer), -1, &err), 0);
}

void
front_answer_receipt(uint32_t connection)
{
	struct front_answer answer = {
	    .connection = connection,
	    .is_last = true,
	    .receipt = good_receipt(),
	};

	front_answer_with(&answer);
}

void
front_answer_error(uint32_t connection, enum err_code code, const char *text)
{
	struct front_answer answer = {.connection = connection,
	    .is_last = true};
	struct err err;

	err_set_field(&err, code, "vcpus", "%s", text);
	outcome_from(&answer.outcome, (int)code, &err);
	front_answer_with(&answer);
}
