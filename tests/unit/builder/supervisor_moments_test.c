/*
 * Each role of a build dies, or stands still until its caller hangs up, at each
 * record that it sends or awaits: nothing is left, and the next build works.
 */
#include "daemon_clock.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/build/build_role.h"
#include "builder/ipc.h"
#include "builder/stage/stage_role.h"
#include "builder/verify/verify_role.h"

enum player { NOBODY, VERIFY, STAGE, BUILD };
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
void __real_build_role_run(const struct role_start *start, int link)
    __attribute__((noreturn));
void __wrap_build_role_run(const struct role_start *start, int link)
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
__wrap_build_role_run(const struct role_start *start, int link)
{
	own = BUILD;
	__real_build_role_run(start, link);
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
	}
	assert_true(at > 8); /* or nothing was tried */
	close(fd);
}

static void
begin(void)
{
	if (plan == NULL)
		plan = mmap(NULL, sizeof(*plan), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal((void *)(uintptr_t)plan, MAP_FAILED);
	memset((void *)(uintptr_t)plan, 0, sizeof(*plan));
	give_tpm();
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

static void
roles_may_be_late_at_each_record(void **state)
{
	(void)state;
	config.build_seconds = SECONDS;
	begin();
	for (enum player role = VERIFY; role <= BUILD; role++)
		assert_late_at_each_moment(role);
}

static void
daemon_may_be_stopped_at_each_record(void **state)
{
	(void)state;
	begin();
	for (enum player role = VERIFY; role <= BUILD; role++)
		assert_stopped_at_each_moment(role);
}

#define MOMENTS(name, role, end, call)                    \
	static void name(void **state)                    \
	{                                                 \
		(void)state;                              \
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
	    clocked_test(verify_role_may_die_in_a_listing),
	    clocked_test(roles_may_be_late_at_each_record),
	    clocked_test(daemon_may_be_stopped_at_each_record),
	    clocked_test(stage_may_die_in_a_listing),
	};

	return cmocka_run_group_tests_name("supervisor_moments", tests, NULL,
	    NULL);
}
