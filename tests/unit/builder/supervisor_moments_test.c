/*
 * Each role dies at each record that it sends or awaits, and those of a build
 * stand still there too until their caller hangs up: nothing is left, assayd
 * answers or says why it ends, and the next build works.
 */
#include "daemon_clock.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/build/build_role.h"
#include "builder/look/look_role.h"
#include "builder/front/front.h"
#include "builder/ipc.h"
#include "builder/stage/stage_role.h"
#include "builder/tpm/tpm_role.h"
#include "builder/verify/verify_role.h"

enum player { NOBODY, VERIFY, STAGE, BUILD, NODES, TPM, FRONT, LOOK };
enum end { DIES, ENDS, STANDS_STILL };
enum { SECONDS = 5 }; /* of a build; less than a front may be silent */

/* Known in all processes. */
static volatile struct plan {
	enum player role;
	enum end end;
	int at;    /* the n-th record; 0: none */
	int count; /* so far */
} * plan;

static enum player own; /* of this process */

static void
maybe_end(void)
{
	if (own == NOBODY || own != plan->role || plan->at == 0 ||
	    __atomic_add_fetch(&plan->count, 1, __ATOMIC_SEQ_CST) != plan->at)
		return;
	if (plan->end == DIES)
		syscall(SYS_tgkill, getpid(), getpid(), SIGKILL);
	if (plan->end == ENDS)
		_exit(0);
	for (;;) {
		struct timespec now;

		syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
	}
}

int __real_ipc_send(int fd, const void *record, size_t size, int pass_fd,
    struct err *err);
int __wrap_ipc_send(int fd, const void *record, size_t size, int pass_fd,
    struct err *err);
int __real_ipc_send_sealed(int fd, const void *record, size_t size,
    const struct sealed *sealed, struct err *err);
int __wrap_ipc_send_sealed(int fd, const void *record, size_t size,
    const struct sealed *sealed, struct err *err);
int __real_ipc_receive(int fd, void *ret_record, size_t size, int *ret_fd,
    bool *ret_is_end, struct err *err);
int __wrap_ipc_receive(int fd, void *ret_record, size_t size, int *ret_fd,
    bool *ret_is_end, struct err *err);
int __real_ipc_receive_some(int fd, void *ret_record, size_t max_bytes,
    size_t *ret_size, struct ipc_fds *ret_fds, bool *ret_is_end,
    struct err *err);
int __wrap_ipc_receive_some(int fd, void *ret_record, size_t max_bytes,
    size_t *ret_size, struct ipc_fds *ret_fds, bool *ret_is_end,
    struct err *err);
void __real_verify_role_run(const struct role_start *start,
    const struct trust_policy *root, int link, int stage_fd)
    __attribute__((noreturn));
void __wrap_verify_role_run(const struct role_start *start,
    const struct trust_policy *root, int link, int stage_fd)
    __attribute__((noreturn));
void __real_stage_role_run(uint32_t sandbox_uid, int parent_pid, int link)
    __attribute__((noreturn));
void __wrap_stage_role_run(uint32_t sandbox_uid, int parent_pid, int link)
    __attribute__((noreturn));
int __real_ipc_pipe_send(int fd, const void *record, size_t size,
    bool *ret_is_full, struct err *err);
int __wrap_ipc_pipe_send(int fd, const void *record, size_t size,
    bool *ret_is_full, struct err *err);
void __real_tpm_role_run(const struct daemon_config *of,
    const struct trust_policy *root, bool develops, int link)
    __attribute__((noreturn));
void __wrap_tpm_role_run(const struct daemon_config *of,
    const struct trust_policy *root, bool develops, int link)
    __attribute__((noreturn));
void __real_front_run(const struct daemon_config *of, int listen_fd,
    const struct front_link *link, int parent_pid) __attribute__((noreturn));
void __wrap_front_run(const struct daemon_config *of, int listen_fd,
    const struct front_link *link, int parent_pid) __attribute__((noreturn));
void __real_look_role_run(const struct role_start *start, int link)
    __attribute__((noreturn));
void __wrap_look_role_run(const struct role_start *start, int link)
    __attribute__((noreturn));
void __real_build_role_run(const struct role_start *start, int link,
    int nodes_fd) __attribute__((noreturn));
void __wrap_build_role_run(const struct role_start *start, int link,
    int nodes_fd) __attribute__((noreturn));
void __real_nodes_role_run(const struct role_start *start, int link)
    __attribute__((noreturn));
void __wrap_nodes_role_run(const struct role_start *start, int link)
    __attribute__((noreturn));

int
__wrap_ipc_send(int fd, const void *record, size_t size, int pass_fd,
    struct err *err)
{
	int code;

	maybe_end();
	code = __real_ipc_send(fd, record, size, pass_fd, err);
	maybe_end();
	return code;
}

int
__wrap_ipc_send_sealed(int fd, const void *record, size_t size,
    const struct sealed *sealed, struct err *err)
{
	int code;

	maybe_end();
	code = __real_ipc_send_sealed(fd, record, size, sealed, err);
	maybe_end();
	return code;
}

int
__wrap_ipc_receive(int fd, void *ret_record, size_t size, int *ret_fd,
    bool *ret_is_end, struct err *err)
{
	int code =
	    __real_ipc_receive(fd, ret_record, size, ret_fd, ret_is_end, err);

	maybe_end();
	return code;
}

int
__wrap_ipc_receive_some(int fd, void *ret_record, size_t max_bytes,
    size_t *ret_size, struct ipc_fds *ret_fds, bool *ret_is_end,
    struct err *err)
{
	int code = __real_ipc_receive_some(fd, ret_record, max_bytes, ret_size,
	    ret_fds, ret_is_end, err);

	maybe_end();
	return code;
}

void
__wrap_verify_role_run(const struct role_start *start,
    const struct trust_policy *root, int link, int stage_fd)
{
	own = VERIFY;
	__real_verify_role_run(start, root, link, stage_fd);
}

void
__wrap_stage_role_run(uint32_t sandbox_uid, int parent_pid, int link)
{
	own = STAGE;
	__real_stage_role_run(sandbox_uid, parent_pid, link);
}

void
__wrap_build_role_run(const struct role_start *start, int link, int nodes_fd)
{
	own = BUILD;
	__real_build_role_run(start, link, nodes_fd);
}

void
__wrap_nodes_role_run(const struct role_start *start, int link)
{
	own = NODES;
	__real_nodes_role_run(start, link);
}

int
__wrap_ipc_pipe_send(int fd, const void *record, size_t size, bool *ret_is_full,
    struct err *err)
{
	int code;

	maybe_end();
	code = __real_ipc_pipe_send(fd, record, size, ret_is_full, err);
	maybe_end();
	return code;
}

void
__wrap_tpm_role_run(const struct daemon_config *of,
    const struct trust_policy *root, bool develops, int link)
{
	own = TPM;
	__real_tpm_role_run(of, root, develops, link);
}

void
__wrap_front_run(const struct daemon_config *of, int listen_fd,
    const struct front_link *link, int parent_pid)
{
	own = FRONT;
	__real_front_run(of, listen_fd, link, parent_pid);
}

void
__wrap_look_role_run(const struct role_start *start, int link)
{
	own = LOOK;
	__real_look_role_run(start, link);
}

static int caller_fd;

static bool
is_there_or_answered(void)
{
	struct pollfd wait = {.fd = caller_fd, .events = POLLIN};

	return plan->count >= plan->at || poll(&wait, 1, 0) == 1;
}

/* False if it has no such moment any more. */
static bool
build_in_which_it_ends(int fd, int at, const char *call)
{
	bool was_there;

	caller_fd = caller_open();
	plan->count = 0;
	plan->at = at;
	caller_send(caller_fd, call);
	if (plan->end == STANDS_STILL) {
		wait_until(is_there_or_answered, "it stands still, or is done");
	} else {
		CLEANUP(freep) char *reply = caller_receive(caller_fd);

		assert_non_null(reply);
	}
	was_there = plan->count >= at;
	plan->at = 0;
	closep(&caller_fd);
	assert_call(fd, CALL("GetStatus"), "builds_done");
	return was_there;
}

static void
remove_it(int fd)
{
	CLEANUP(freep) char *reply = NULL;

	caller_send(fd,
	    "{\"method\":\"org.assay.Builder.DestroyDomain\",\"parameters\":"
	    "{\"uuid\":\"" GOOD_UUID "\"}}");
	reply = caller_receive(fd);
	assert_non_null(reply);
}

static bool
is_pending_gone(void)
{
	return count_pending() == 0;
}

/* The front, the tpm role, who looks, who watches, and the four that wait. */
enum { CHILDREN_AT_REST = 8 };

/* Nor one that was done, was answered for, and then stood still: it has the
 * time of a build to end. */
static void
be_later(int fd)
{
	*ahead_usec += (SECONDS + 1) * 1000000ull;
	assert_call(fd, CALL("GetStatus"), "builds_done");
}

static bool
is_no_process_left(void)
{
	return child_of_daemon(CHILDREN_AT_REST) == 0;
}

static void
assert_each_moment(enum player role, enum end end, const char *call)
{
	int fd = caller_open();
	int at = 1;

	plan->role = role;
	plan->end = end;
	for (bool was_there = true; was_there; at++) {
		alarm(PATIENCE_SECONDS);
		xen_fake_forget_calls(fake);
		was_there = build_in_which_it_ends(fd, at, call);
		wait_until(is_pending_gone, "it is decided");
		remove_it(fd);
		assert_nothing_left();
		assert_call(fd, BUILD_CALL, "receipt");
		remove_it(fd);
		assert_nothing_left();
		if (end == STANDS_STILL)
			be_later(fd);
		wait_until(is_no_process_left, "no process is left");
	}
	assert_true(at > 8); /* or nothing was tried */
	close(fd);
}

static void
plan_nothing(void)
{
	if (plan == NULL)
		plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal((void *)(uintptr_t)plan, MAP_FAILED);
	memset((void *)(uintptr_t)plan, 0, sizeof(*plan));
	give_tpm();
}

static void
begin(void)
{
	plan_nothing();
	start_daemon(FAULT_NONE, "");
}

/* Its caller waits, and the time of the build is over. */
static void
assert_late_at_each_moment(enum player role)
{
	int fd = caller_open();
	bool was_there = true;

	plan->role = role;
	plan->end = STANDS_STILL;
	for (int at = 1; was_there; at++) {
		CLEANUP(freep) char *reply = NULL;

		alarm(PATIENCE_SECONDS);
		xen_fake_forget_calls(fake);
		plan->count = 0;
		plan->at = at;
		caller_fd = caller_open();
		caller_send(caller_fd, BUILD_CALL);
		wait_until(is_there_or_answered, "it stands still, or is done");
		was_there = plan->count >= at;
		plan->at = 0;
		*ahead_usec += (SECONDS + 1) * 1000000ull;
		assert_call(fd, CALL("GetStatus"), "builds_done");
		reply = caller_receive(caller_fd);
		assert_non_null(reply);
		/* Killed when it had told its last. */
		if (was_there && strstr(reply, "receipt") == NULL)
			assert_has(reply, "BUILD_TIMEOUT");
		closep(&caller_fd);
		remove_it(fd);
		assert_nothing_left();
	}
	close(fd);
}

/* assayd is told to stop, and ends; the next one has nothing to remove. */
static void
assert_stopped_at_each_moment(enum player role)
{
	bool was_there = true;

	plan->role = role;
	plan->end = STANDS_STILL;
	for (int at = 1; was_there; at++) {
		alarm(PATIENCE_SECONDS);
		xen_fake_forget_calls(fake);
		plan->count = 0;
		plan->at = at;
		caller_fd = caller_open();
		caller_send(caller_fd, BUILD_CALL);
		wait_until(is_there_or_answered, "it stands still, or is done");
		was_there = plan->count >= at;
		plan->at = 0;
		assert_int_equal(end_daemon(SIGTERM), 0);
		closep(&caller_fd);
		assert_int_equal(count_pending(), 0);
		start_daemon(FAULT_NONE, "");
		if (xen_fake_domain_count(fake) > 0) {
			int fd = caller_open();

			remove_it(fd); /* it was built before */
			close(fd);
		}
		assert_nothing_left();
	}
}

/* --- roles of the daemon itself ---------------------------------------- */

/* NULL if nobody is there, or who is there dies meanwhile. */
static char *
try_call(const char *text)
{
	const struct sockaddr_un address = {
	    .sun_family = AF_UNIX,
	    .sun_path = "run/socket",
	};
	CLEANUP(closep)
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) !=
		0 ||
	    send(fd, text, strlen(text) + 1, MSG_NOSIGNAL) < 0)
		return NULL;
	return caller_receive(fd);
}

static bool
has_ended_by_itself(void)
{
	int status;

	if (waitpid(daemon_pid, &status, WNOHANG) != daemon_pid)
		return false;
	daemon_pid = 0;
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 1);
	return true;
}

static bool
answers_or_has_ended(void)
{
	CLEANUP(freep) char *reply = NULL;

	if (has_ended_by_itself())
		return true;
	reply = try_call(CALL("GetStatus"));
	return reply != NULL && strstr(reply, "builds_done") != NULL;
}

static void
assert_reason_is_told(const char *reason)
{
	CLEANUP(buffer_done) struct buffer log = read_file("daemon.log");

	buffer_add(&log, "", 1);
	assert_has((char *)log.ptr, reason);
}

/* With all that its link is for, as long as somebody answers. */
static void
use_daemon(void)
{
	static const char *const calls[] = {
	    BUILD_CALL,
	    CALL("GetStatus"),
	    CALL("ListDomains"),
	    "{\"method\":\"org.assay.Builder.GetEventLog\",\"parameters\":"
	    "{\"offset\":0}}",
	    "{\"method\":\"org.assay.Builder.DestroyDomain\",\"parameters\":"
	    "{\"uuid\":\"" GOOD_UUID "\"}}",
	};

	for (size_t i = 0; i < countof(calls); i++)
		free(try_call(calls[i]));
}

/* What it left is gone after the next start at the latest. */
static void
assert_next_daemon_is_whole(void)
{
	int fd;

	start_daemon(FAULT_NONE, "");
	fd = caller_open();
	remove_it(fd); /* it may have been built */
	assert_nothing_left();
	xen_fake_forget_calls(fake);
	assert_call(fd, BUILD_CALL, "receipt");
	remove_it(fd);
	assert_nothing_left();
	close(fd);
	assert_int_equal(end_daemon(SIGTERM), 0);
}

static void
assert_daemon_survives(enum player role, enum end end, const char *reason)
{
	int at = 1;

	plan_nothing();
	for (bool was_there = true; was_there; at++) {
		alarm(PATIENCE_SECONDS);
		xen_fake_forget_calls(fake);
		unlink("daemon.log");
		plan->role = role;
		plan->end = end;
		plan->count = 0;
		plan->at = at;
		start_daemon(FAULT_NONE, "");
		use_daemon();
		wait_until(answers_or_has_ended, "it answers, or has ended");
		was_there = plan->count >= at;
		plan->at = 0;
		if (daemon_pid != 0)
			assert_int_equal(end_daemon(SIGTERM), 0);
		else
			assert_reason_is_told(reason);
		assert_next_daemon_is_whole();
	}
	assert_true(at > 8); /* or nothing was tried */
}

#define SURVIVES(name, role, end, reason)                  \
	static void name(void **state)                     \
	{                                                  \
		(void)state;                               \
		assert_daemon_survives(role, end, reason); \
	}

SURVIVES(tpm_role_may_die_at_each_record, TPM, DIES, "code=TPM_FAILED")
SURVIVES(tpm_role_may_end_at_each_record, TPM, ENDS, "code=TPM_FAILED")
SURVIVES(front_may_die_at_each_record, FRONT, DIES, "no reason")
SURVIVES(look_role_may_die_at_each_record, LOOK, DIES, "code=XEN_FAILED")

static void
roles_may_be_late_at_each_record(void **state)
{
	(void)state;
	config.build_seconds = SECONDS;
	begin();
	for (enum player role = VERIFY; role <= NODES; role++)
		assert_late_at_each_moment(role);
}

static void
daemon_may_be_stopped_at_each_record(void **state)
{
	(void)state;
	begin();
	for (enum player role = VERIFY; role <= NODES; role++)
		assert_stopped_at_each_moment(role);
}

#define MOMENTS(name, role, end, call)                    \
	static void name(void **state)                    \
	{                                                 \
		(void)state;                              \
		config.build_seconds = SECONDS;           \
		begin();                                  \
		assert_each_moment(role, end, call);      \
		assert_int_equal(end_daemon(SIGTERM), 0); \
	}

MOMENTS(verify_role_may_die_at_each_record, VERIFY, DIES, BUILD_CALL)
MOMENTS(verify_role_may_end_at_each_record, VERIFY, ENDS, BUILD_CALL)
MOMENTS(verify_role_may_stand_still_at_each_record, VERIFY, STANDS_STILL,
    BUILD_CALL)
MOMENTS(stage_may_die_at_each_record, STAGE, DIES, BUILD_CALL)
MOMENTS(stage_may_stand_still_at_each_record, STAGE, STANDS_STILL, BUILD_CALL)
MOMENTS(build_role_may_die_at_each_record, BUILD, DIES, BUILD_CALL)
MOMENTS(build_role_may_end_at_each_record, BUILD, ENDS, BUILD_CALL)
MOMENTS(build_role_may_stand_still_at_each_record, BUILD, STANDS_STILL,
    BUILD_CALL)
MOMENTS(nodes_role_may_die_at_each_record, NODES, DIES, BUILD_CALL)
MOMENTS(nodes_role_may_end_at_each_record, NODES, ENDS, BUILD_CALL)
MOMENTS(nodes_role_may_stand_still_at_each_record, NODES, STANDS_STILL,
    BUILD_CALL)
MOMENTS(verify_role_may_die_in_a_listing, VERIFY, DIES, CALL("ListImages"))
MOMENTS(stage_may_die_in_a_listing, STAGE, DIES, CALL("ListImages"))

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    clocked_test(verify_role_may_die_at_each_record),
	    clocked_test(verify_role_may_end_at_each_record),
	    clocked_test(verify_role_may_stand_still_at_each_record),
	    clocked_test(stage_may_die_at_each_record),
	    clocked_test(stage_may_stand_still_at_each_record),
	    clocked_test(build_role_may_die_at_each_record),
	    clocked_test(build_role_may_end_at_each_record),
	    clocked_test(build_role_may_stand_still_at_each_record),
	    clocked_test(nodes_role_may_die_at_each_record),
	    clocked_test(nodes_role_may_end_at_each_record),
	    clocked_test(nodes_role_may_stand_still_at_each_record),
	    clocked_test(verify_role_may_die_in_a_listing),
	    clocked_test(roles_may_be_late_at_each_record),
	    clocked_test(daemon_may_be_stopped_at_each_record),
	    clocked_test(stage_may_die_in_a_listing),
	    clocked_test(tpm_role_may_die_at_each_record),
	    clocked_test(tpm_role_may_end_at_each_record),
	    clocked_test(front_may_die_at_each_record),
	    clocked_test(look_role_may_die_at_each_record),
	};

	return cmocka_run_group_tests_name("supervisor_moments", tests, NULL,
	    NULL);
}
