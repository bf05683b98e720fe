/*
 * The filters themselves, as the kernel would get them: which of all system
 * calls each role may make. And what a role has given up when its filter comes.
 */
#include "base_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xenctrl.h>
#include <xen/evtchn.h>
#include <xen/gntalloc.h>
#include <xen/sys/privcmd.h>

#include "base/scope.h"
#include "builder/build/build_sandbox.h"
#include "builder/channel/channel_sandbox.h"
#include "builder/front/front_ring_sandbox.h"
#include "builder/front/front_sandbox.h"
#include "builder/look/look_sandbox.h"
#include "builder/nodes/nodes_sandbox.h"
#include "builder/sandbox.h"
#include "builder/setup/landlock.h"
#include "builder/stage/stage_sandbox.h"
#include "builder/tpm/tpm_sandbox.h"
#include "builder/verify/verify_sandbox.h"
#include "builder/watch/watch_sandbox.h"

enum {
	SANDBOX_UID = 65521,
	ROLES = SANDBOX_ROLES + 5,
	NUMBERS = 2048,
	WORDS = 1024,
};
/* Those without a user of their own; a front for one domain is another one. */
enum {
	SANDBOX_LOOK = SANDBOX_ROLES,
	SANDBOX_WATCH,
	SANDBOX_NODES,
	SANDBOX_CHANNEL,
	SANDBOX_RING,
};
enum {
	FRONT = 1 << SANDBOX_FRONT,
	STAGE = 1 << SANDBOX_STAGE,
	VERIFY = 1 << SANDBOX_VERIFY,
	BUILD = 1 << SANDBOX_BUILD,
	TPM = 1 << SANDBOX_TPM,
	LOOK = 1 << SANDBOX_LOOK,
	WATCH = 1 << SANDBOX_WATCH,
	NODES = 1 << SANDBOX_NODES,
	CHANNEL = 1 << SANDBOX_CHANNEL,
	RING = 1 << SANDBOX_RING,
	ALL = FRONT | STAGE | VERIFY | BUILD | TPM | LOOK | WATCH | NODES |
	      CHANNEL | RING
};

static const char *const role_names[ROLES] = {"front", "stage", "verify",
    "build", "tpm", "look", "watch", "nodes", "channel", "front of a domain"};

static const struct sandbox *const sandboxes[ROLES] = {
    [SANDBOX_FRONT] = &front_sandbox,
    [SANDBOX_STAGE] = &stage_sandbox,
    [SANDBOX_VERIFY] = &verify_sandbox,
    [SANDBOX_BUILD] = &build_sandbox,
    [SANDBOX_TPM] = &tpm_sandbox,
    [SANDBOX_LOOK] = &look_sandbox,
    [SANDBOX_WATCH] = &watch_sandbox,
    [SANDBOX_NODES] = &nodes_sandbox,
    [SANDBOX_CHANNEL] = &channel_sandbox,
    [SANDBOX_RING] = &front_ring_sandbox,
};

/* Whatever is not here kills. Who adds a line says what for. */
#define CALL_OF(name) #name, SYS_##name
static const struct {
	const char *name;
	unsigned int number;
	int roles;
} allowed[] = {
    /* memory; malloc(3) maps, moves and protects arenas */
    {CALL_OF(brk), ALL},
    {CALL_OF(munmap), ALL},
    {CALL_OF(mremap), ALL},
    {CALL_OF(madvise), ALL},
    {CALL_OF(mlock), BUILD | LOOK},   /* buffers of hypercalls */
    {CALL_OF(munlock), BUILD | LOOK}, /* buffers of hypercalls */
    /* end, signals, identity: abort(3) on a bug */
    {CALL_OF(exit), ALL},
    {CALL_OF(exit_group), ALL},
    {CALL_OF(rt_sigreturn), ALL},
    {CALL_OF(rt_sigprocmask), ALL},
    {CALL_OF(rt_sigaction), ALL},
    {CALL_OF(getpid), ALL},
    {CALL_OF(gettid), ALL},
#ifdef __SANITIZE_ADDRESS__
    {CALL_OF(sigaltstack), ALL}, /* a test build, as it exits */
#endif
    /* time, locks, random numbers */
    {CALL_OF(clock_gettime), ALL},
    {CALL_OF(futex), ALL},
    {CALL_OF(getrandom), ALL},
    {CALL_OF(restart_syscall), ALL}, /* a poll(2) that a stop interrupted */
    {CALL_OF(nanosleep),
	BUILD | WATCH | NODES | CHANNEL}, /* between tries of a transaction */
    {CALL_OF(clock_nanosleep), BUILD | WATCH | NODES | CHANNEL},
    {CALL_OF(sched_yield), BUILD | LOOK}, /* libxenctrl's locks */
    /* records, the log, open files */
    {CALL_OF(read), ALL},
    {CALL_OF(write), ALL},
    {CALL_OF(close), ALL},
    {CALL_OF(sendmsg), ALL},
    {CALL_OF(recvmsg), ALL},
    {CALL_OF(fstat), ALL},
    {CALL_OF(newfstatat), ALL}, /* what fstat(3) is in newer C libraries */
    {CALL_OF(lseek), ALL},
    {CALL_OF(pread64), STAGE | VERIFY | BUILD | TPM},
    {CALL_OF(pwrite64), STAGE | VERIFY | TPM | LOOK},
    {CALL_OF(memfd_create), STAGE | VERIFY | TPM | LOOK}, /* handed over */
    {CALL_OF(fdatasync), TPM},                            /* the event log */
    {CALL_OF(ftruncate), TPM}, /* a torn last event */
    /* sockets of callers, and of xenstored */
    {CALL_OF(poll), FRONT | TPM | WATCH | NODES | CHANNEL | RING},
    {CALL_OF(ppoll), FRONT | TPM | WATCH | NODES | CHANNEL | RING},
    {CALL_OF(accept4), FRONT},
    {CALL_OF(getsockopt), FRONT}, /* who calls */
    {CALL_OF(recvfrom), FRONT},
    {CALL_OF(sendto), FRONT},
    {CALL_OF(writev), WATCH | NODES | CHANNEL}, /* xenstored */
    /* files: the stage beneath its store alone, by layout_file.c */
    {CALL_OF(landlock_create_ruleset), STAGE}, /* which only takes away */
    {CALL_OF(landlock_add_rule), STAGE},
    {CALL_OF(landlock_restrict_self), STAGE},
    {CALL_OF(openat2), STAGE},
    {CALL_OF(dup), BUILD},
};

/* Allowed for some arguments; each has a test. */
static const unsigned int by_argument[] = {SYS_mmap, SYS_mprotect, SYS_ioctl,
    SYS_shutdown, SYS_fcntl};

/* --- a role in front of its filter ----------------------------------- */

static int filter_fd = -1;

int __wrap_seccomp_load(scmp_filter_ctx filter);

/* Written instead of loaded: the rest of the test can go on. */
int
__wrap_seccomp_load(scmp_filter_ctx filter)
{
	return seccomp_export_bpf(filter, filter_fd);
}

/* What a child sees that enters the role. */
struct given_up {
	int entered;
	int is_dumpable;
	int has_no_new_privs;
	int groups;
	int by_path; /* errno of what a role does that has no filter */
	int by_descriptor;
	int by_making;
	pid_t pid;
	size_t len; /* of the filter */
	struct sock_filter filter[WORDS];
};

static void
enter(enum sandbox_role role, struct given_up *ret_seen)
{
	const gid_t groups[] = {4711, 4712};
	int outside = open("/tmp", O_PATH | O_DIRECTORY);
	struct stat st;
	struct err err;
	ssize_t len;

	/* As a daemon may be started; without root there is nothing to add. */
	if (geteuid() == 0 && setgroups(countof(groups), groups) != 0)
		_exit(1);
	filter_fd = memfd_create("filter", 0);
	ret_seen->entered = sandbox_enter(sandboxes[role], SANDBOX_UID, &err);
	ret_seen->pid = getpid();
	ret_seen->is_dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);
	ret_seen->has_no_new_privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	ret_seen->groups = getgroups(0, NULL);
	ret_seen->by_path = stat("/proc/self", &st) == 0 ? 0 : errno;
	ret_seen->by_descriptor =
	    openat(outside, "../etc/passwd", O_RDONLY) >= 0 ? 0 : errno;
	ret_seen->by_making =
	    openat(outside, "made", O_WRONLY | O_CREAT, 0600) >= 0 ? 0 : errno;
	len = pread(filter_fd, ret_seen->filter, sizeof(ret_seen->filter), 0);
	ret_seen->len = len < 0 ? 0 : (size_t)len / sizeof(struct sock_filter);
	_exit(0);
}

static struct given_up *seen_of[ROLES];

static int
enter_all_roles(void **state)
{
	(void)state;
	for (int role = 0; role < ROLES; role++) {
		int status;
		pid_t pid;

		seen_of[role] = mmap(NULL, sizeof(struct given_up),
		    PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
		assert_ptr_not_equal(seen_of[role], MAP_FAILED);
		pid = fork();
		if (pid == 0)
			enter((enum sandbox_role)role, seen_of[role]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(seen_of[role]->entered, 0);
		assert_in_range(seen_of[role]->len, 1, WORDS - 1);
	}
	return 0;
}

/* --- what a filter says ---------------------------------------------- */

/* The comparison of a conditional jump. */
static bool
is_taken(const struct sock_filter *jump, uint32_t value)
{
	switch (BPF_OP(jump->code)) {
	case BPF_JEQ:
		return value == jump->k;
	case BPF_JGT:
		return value > jump->k;
	case BPF_JGE:
		return value >= jump->k;
	case BPF_JSET:
		return (value & jump->k) != 0;
	default:
		fail_msg("jump 0x%x", jump->code);
		return false;
	}
}

/* Spec: Linux Documentation/networking/filter.rst and
 * userspace-api/seccomp_filter.rst; the part of it that libseccomp uses. */
static uint32_t
verdict(enum sandbox_role role, const struct seccomp_data *call)
{
	const struct given_up *seen = seen_of[role];
	uint32_t value = 0;

	for (size_t at = 0; at < seen->len; at++) {
		const struct sock_filter *step = &seen->filter[at];

		if (step->code == (BPF_LD | BPF_W | BPF_ABS)) {
			assert_in_range(step->k, 0, sizeof(*call) - 4);
			memcpy(&value, (const char *)call + step->k, 4);
		} else if (step->code == (BPF_ALU | BPF_AND | BPF_K)) {
			value &= step->k;
		} else if (step->code == (BPF_RET | BPF_K)) {
			return step->k;
		} else if (step->code == (BPF_JMP | BPF_JA)) {
			at += step->k;
		} else if (BPF_CLASS(step->code) == BPF_JMP) {
			at += is_taken(step, value) ? step->jt : step->jf;
		} else {
			fail_msg("step 0x%x", step->code);
		}
	}
	fail_msg("%s: the filter has no end", role_names[role]);
	return 0;
}

/* With arguments of zeros, and of ones: those that are allowed for some only
 * are refused for these. */
static bool
is_allowed(enum sandbox_role role, uint32_t arch, uint32_t number)
{
	struct seccomp_data call = {.nr = (int)number, .arch = arch};
	uint32_t with_zeros = verdict(role, &call);

	memset(call.args, 0xff, sizeof(call.args));
	assert_int_equal(verdict(role, &call), with_zeros);
	if (with_zeros == SECCOMP_RET_ALLOW)
		return true;
	assert_int_equal(with_zeros, SECCOMP_RET_KILL_PROCESS);
	return false;
}

static int
roles_of(uint32_t number, const char **ret_name)
{
	*ret_name = "a call without a line in the table";
	for (size_t i = 0; i < countof(allowed); i++) {
		if (allowed[i].number != number)
			continue;
		*ret_name = allowed[i].name;
		return allowed[i].roles;
	}
	return 0;
}

static bool
is_by_argument(uint32_t number)
{
	for (size_t i = 0; i < countof(by_argument); i++) {
		if (by_argument[i] == number)
			return true;
	}
	return false;
}

static void
filters_allow_exactly_the_calls_of_the_table(void **state)
{
	(void)state;
	for (uint32_t number = 0; number < NUMBERS; number++) {
		const char *name;
		int roles = roles_of(number, &name);

		if (is_by_argument(number))
			continue;
		for (int role = 0; role < ROLES; role++) {
			bool is_meant = (roles >> role & 1) != 0;

			if (is_allowed((enum sandbox_role)role,
				AUDIT_ARCH_X86_64, number) == is_meant)
				continue;
			fail_msg("%s: %u (%s) is %s", role_names[role], number,
			    name, is_meant ? "not allowed" : "allowed");
		}
	}
}

static void
filters_allow_no_call_by_other_numbers(void **state)
{
	static const uint32_t edges[] = {0x3fffffff, 0x7fffffff, 0x80000000,
	    0xfffffffe, 0xffffffff};

	(void)state;
	for (int role = 0; role < ROLES; role++) {
		enum sandbox_role as = (enum sandbox_role)role;

		for (uint32_t number = 0; number < NUMBERS; number++) {
			assert_false(is_allowed(as, AUDIT_ARCH_I386, number));
			assert_false(is_allowed(as, AUDIT_ARCH_X86_64,
			    __X32_SYSCALL_BIT | number));
		}
		for (size_t i = 0; i < countof(edges); i++)
			assert_false(
			    is_allowed(as, AUDIT_ARCH_X86_64, edges[i]));
	}
}

/* --- calls that are allowed for some arguments ------------------------ */

static bool
is_allowed_with(enum sandbox_role role, uint32_t number, int argument,
    uint64_t value)
{
	struct seccomp_data call = {
	    .nr = (int)number,
	    .arch = AUDIT_ARCH_X86_64,
	};
	uint32_t found;

	memset(call.args, 0xff, sizeof(call.args));
	call.args[argument] = value;
	found = verdict(role, &call);
	assert_true(
	    found == SECCOMP_RET_ALLOW || found == SECCOMP_RET_KILL_PROCESS);
	return found == SECCOMP_RET_ALLOW;
}

static void
filters_allow_no_memory_that_can_be_run(void **state)
{
	(void)state;
	for (int role = 0; role < ROLES; role++) {
		enum sandbox_role as = (enum sandbox_role)role;

		for (uint64_t protection = 0; protection < 64; protection++) {
			bool is_meant = (protection & PROT_EXEC) == 0;

			assert_int_equal(
			    is_allowed_with(as, SYS_mmap, 2, protection),
			    is_meant);
			assert_int_equal(
			    is_allowed_with(as, SYS_mprotect, 2, protection),
			    is_meant);
		}
		assert_false(is_allowed_with(as, SYS_mmap, 2, UINT64_MAX));
		assert_false(is_allowed_with(as, SYS_pkey_mprotect, 2, 0));
	}
}

/* By the numbers of Xen's own header. */
static void
filters_allow_of_ioctl_what_is_asked_of_devices_of_xen(void **state)
{
	static const struct {
		unsigned int number;
		int roles;
	} asked[] = {
	    {IOCTL_PRIVCMD_HYPERCALL, BUILD | LOOK},
	    {IOCTL_PRIVCMD_MMAPBATCH_V2, BUILD},
	    {IOCTL_PRIVCMD_MMAPBATCH, BUILD},
	    {IOCTL_PRIVCMD_MMAP_RESOURCE, BUILD},
	    {IOCTL_GNTALLOC_ALLOC_GREF, CHANNEL},
	    {IOCTL_GNTALLOC_DEALLOC_GREF, CHANNEL},
	    {IOCTL_GNTALLOC_SET_UNMAP_NOTIFY, CHANNEL},
	    {IOCTL_EVTCHN_BIND_UNBOUND_PORT, CHANNEL},
	    {IOCTL_EVTCHN_RESTRICT_DOMID, CHANNEL},
	    {IOCTL_EVTCHN_NOTIFY, RING},
	    /* Nobody. */
	    {IOCTL_EVTCHN_BIND_INTERDOMAIN, 0},
	    {IOCTL_EVTCHN_BIND_VIRQ, 0},
	    {IOCTL_EVTCHN_UNBIND, 0},
	    {IOCTL_EVTCHN_RESET, 0},
	};

	(void)state;
	for (int role = 0; role < ROLES; role++) {
		enum sandbox_role as = (enum sandbox_role)role;

		for (size_t i = 0; i < countof(asked); i++)
			assert_int_equal(
			    is_allowed_with(as, SYS_ioctl, 1, asked[i].number),
			    (asked[i].roles & 1 << role) != 0);
		/* Of each device, with sizes of these, and of none. */
		for (unsigned int number = 0; number < 25 << 16; number++) {
			unsigned int other =
			    (number >> 16) * 2 << 16 | (number & 0xffff);
			bool is_asked = false;

			for (size_t i = 0; i < countof(asked); i++)
				is_asked |= other == asked[i].number;
			if (!is_asked &&
			    is_allowed_with(as, SYS_ioctl, 1, other))
				fail_msg("%s: ioctl 0x%x", role_names[role],
				    other);
		}
		assert_false(is_allowed_with(as, SYS_ioctl, 1, UINT32_MAX));
		assert_false(is_allowed_with(as, SYS_ioctl, 1,
		    _IOC(_IOC_READ, 'P', 0, sizeof(privcmd_hypercall_t))));
	}
}

/* The front's listening socket is not its own. */
static void
front_can_shut_down_nothing_for_reading(void **state)
{
	(void)state;
	for (int role = 0; role < ROLES; role++) {
		enum sandbox_role as = (enum sandbox_role)role;

		for (uint64_t how = 0; how < 16; how++)
			assert_int_equal(
			    is_allowed_with(as, SYS_shutdown, 1, how),
			    role == SANDBOX_FRONT && how == SHUT_WR);
		assert_false(is_allowed_with(as, SYS_shutdown, 1, UINT32_MAX));
	}
}

/* Which libraries that the build role needs may ask. */
static bool
is_of_descriptor(int command)
{
	static const int commands[] = {F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD,
	    F_SETFD, F_GETFL, F_SETFL};

	for (size_t i = 0; i < countof(commands); i++) {
		if (commands[i] == command)
			return true;
	}
	return false;
}

/* Else F_SETOWN and F_SETSIG would send any signal to who has the same user. */
static void
filters_allow_of_fcntl_nothing_that_sends_signals(void **state)
{
	(void)state;
	for (int role = 0; role < ROLES; role++) {
		for (int command = 0; command < 2048; command++) {
			bool is_meant = command == F_ADD_SEALS ||
			                command == F_GET_SEALS ||
			                (role == SANDBOX_BUILD &&
					    is_of_descriptor(command));

			if (is_allowed_with((enum sandbox_role)role, SYS_fcntl,
				1, (uint64_t)command) != is_meant)
				fail_msg("%s: fcntl %d", role_names[role],
				    command);
		}
	}
}

static void
filters_allow_a_signal_to_itself_only(void **state)
{
	(void)state;
	for (int role = 0; role < ROLES; role++) {
		enum sandbox_role as = (enum sandbox_role)role;
		uint64_t pid = (uint64_t)seen_of[role]->pid;

		assert_true(is_allowed_with(as, SYS_tgkill, 0, pid));
		assert_false(is_allowed_with(as, SYS_tgkill, 0, pid + 1));
		assert_false(is_allowed_with(as, SYS_tgkill, 0, 1));
		assert_false(is_allowed_with(as, SYS_tgkill, 0, 0));
		assert_false(is_allowed_with(as, SYS_tgkill, 0, -pid));
		/* As the kernel reads it. */
		assert_true(
		    is_allowed_with(as, SYS_tgkill, 0, pid | 1ull << 40));
	}
}

/* --- what else is given up ------------------------------------------- */

/*
 * As the role sees itself: from outside, what belongs to root looks the same
 * either way. A change of user clears the first one too, but a daemon that was
 * not started as root makes none.
 */
static void
roles_cannot_be_dumped_and_gain_nothing_by_exec(void **state)
{
	(void)state;
	assert_int_equal(prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 1);
	assert_int_equal(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), 0);
	for (int role = 0; role < ROLES; role++) {
		assert_int_equal(seen_of[role]->is_dumpable, 0);
		assert_int_equal(seen_of[role]->has_no_new_privs, 1);
	}
}

static void
roles_keep_no_group_of_who_started_assayd(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: needs root to have other groups\n");
		skip();
	}
	for (int role = 0; role < ROLES; role++)
		assert_int_equal(seen_of[role]->groups, 0);
}

static void
roles_see_no_name_of_a_file(void **state)
{
	(void)state;
	if (geteuid() != 0) {
		print_message("skipped: needs root for a root of its own\n");
		skip();
	}
	for (int role = 0; role < ROLES; role++)
		assert_int_equal(seen_of[role]->by_path, ENOENT);
}

/* By a directory that is outside of the root. The stage may read as long as it
 * has no store. */
static void
roles_open_no_file_by_a_directory(void **state)
{
	(void)state;
	if (!landlock_is_there()) {
		print_message("skipped: the kernel has no Landlock\n");
		skip();
	}
	for (int role = 0; role < ROLES; role++) {
		assert_int_equal(seen_of[role]->by_making, EACCES);
		if (role != SANDBOX_STAGE)
			assert_int_equal(seen_of[role]->by_descriptor, EACCES);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(filters_allow_exactly_the_calls_of_the_table),
	    cmocka_unit_test(filters_allow_no_call_by_other_numbers),
	    cmocka_unit_test(filters_allow_no_memory_that_can_be_run),
	    cmocka_unit_test(
		filters_allow_of_ioctl_what_is_asked_of_devices_of_xen),
	    cmocka_unit_test(front_can_shut_down_nothing_for_reading),
	    cmocka_unit_test(filters_allow_of_fcntl_nothing_that_sends_signals),
	    cmocka_unit_test(filters_allow_a_signal_to_itself_only),
	    cmocka_unit_test(roles_cannot_be_dumped_and_gain_nothing_by_exec),
	    cmocka_unit_test(roles_see_no_name_of_a_file),
	    cmocka_unit_test(roles_open_no_file_by_a_directory),
	    cmocka_unit_test(roles_keep_no_group_of_who_started_assayd),
	};

	return cmocka_run_group_tests_name("sandbox_filter", tests,
	    enter_all_roles, NULL);
}
