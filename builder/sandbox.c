#include "builder/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#include "base/scope.h"
#include "builder/sandbox_limits.h"
#include "builder/sandbox_view.h"

/* System calls by role, with the reason for each group. */

/* Memory, end, signals and time: what every C program does. */
static const int common_calls[] = {
    SCMP_SYS(read),
    SCMP_SYS(write),
    SCMP_SYS(close),
    SCMP_SYS(brk),
    SCMP_SYS(munmap),
    SCMP_SYS(mremap),
    SCMP_SYS(madvise),
    SCMP_SYS(exit),
    SCMP_SYS(exit_group),
    SCMP_SYS(rt_sigreturn),
    SCMP_SYS(rt_sigprocmask),
    SCMP_SYS(rt_sigaction),
    SCMP_SYS(getpid),
    SCMP_SYS(gettid),
    SCMP_SYS(clock_gettime),
    SCMP_SYS(futex),
    SCMP_SYS(getrandom),
    SCMP_SYS(sendmsg),
    SCMP_SYS(recvmsg), /* records */
#ifdef __SANITIZE_ADDRESS__
    SCMP_SYS(sigaltstack), /* a test build asks before it exits */
#endif
    SCMP_SYS(restart_syscall), /* a poll(2) that a suspend interrupted */
    SCMP_SYS(fstat),
    SCMP_SYS(newfstatat),
    SCMP_SYS(lseek),
};

/* Connections of callers. */
static const int front_calls[] = {
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(accept4),
    SCMP_SYS(getsockopt),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(shutdown),
};

/* Files of the store, read, of which image-store/layout_file.c opens each
 * beneath the store; sealed memory, made. */
static const int stage_calls[] = {
    SCMP_SYS(openat2),
    SCMP_SYS(landlock_create_ruleset), /* sandbox_read_beneath() */
    SCMP_SYS(landlock_add_rule),
    SCMP_SYS(landlock_restrict_self),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(memfd_create),
};

/* The chain of policies, read; sealed memory, made and taken. */
static const int verify_calls[] = {
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(memfd_create),
};

/* Xen's devices, see below; xenstored is a socket; sealed memory is mapped. Not
 * here: any way to open a file or a socket, to start a program, to trace. */
static const int build_calls[] = {
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(memfd_create),
    SCMP_SYS(clock_nanosleep),
    SCMP_SYS(nanosleep),
    SCMP_SYS(mlock),
    SCMP_SYS(munlock),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(sched_yield),
    SCMP_SYS(writev),
    SCMP_SYS(recvfrom),
    SCMP_SYS(sendto),
    SCMP_SYS(dup),
    SCMP_SYS(getsockopt),
};

/* Commands of an open device; a log that is only appended to; sealed memory,
 * made. */
static const int tpm_calls[] = {
    SCMP_SYS(poll),
    SCMP_SYS(ppoll),
    SCMP_SYS(pread64),
    SCMP_SYS(pwrite64),
    SCMP_SYS(fdatasync),
    SCMP_SYS(ftruncate),
    SCMP_SYS(memfd_create),
};

/*
 * Of ioctl(2), for the build role: what libxencall and libxenforeignmemory ask
 * of /dev/xen/privcmd once it is open, which is all that libxenctrl and
 * libxenguest do with a device for a PV guest. The same in Xen 4.17 to 4.20.
 * Spec: Xen tools/include/xen-sys/Linux/privcmd.h, numbers and sizes.
 *
 * Which hypercall it is stands in memory, where no filter can look.
 */
static const unsigned int xen_requests[] = {
    /* tools/libs/call/linux.c osdep_hypercall */
    _IOC(_IOC_NONE, 'P', 0, 48), /* IOCTL_PRIVCMD_HYPERCALL */
    /* tools/libs/foreignmemory/linux.c osdep_xenforeignmemory_map; the older
     * one after the newer one said EINVAL, so that this stays an error. */
    _IOC(_IOC_NONE, 'P', 4, 32), /* IOCTL_PRIVCMD_MMAPBATCH_V2 */
    _IOC(_IOC_NONE, 'P', 3, 24), /* IOCTL_PRIVCMD_MMAPBATCH */
    /* tools/libs/foreignmemory/linux.c osdep_xenforeignmemory_map_resource:
     * the grant table */
    _IOC(_IOC_NONE, 'P', 7, 32), /* IOCTL_PRIVCMD_MMAP_RESOURCE */
};

/* Of fcntl(2), for the build role besides: what the C library and Xen's may
 * ask of a descriptor. */
static const unsigned int descriptor_commands[] = {F_DUPFD, F_DUPFD_CLOEXEC,
    F_GETFD, F_SETFD, F_GETFL, F_SETFL};

/* Of fcntl(2): sealed memory. Others would have the kernel send a signal to
 * any process of the same user. */
static const unsigned int seal_commands[] = {F_ADD_SEALS, F_GET_SEALS};

static int drop_bounds(struct err *err);
static int drop_user(uint32_t uid, struct err *err);
static int drop_capabilities(struct err *err);
static int load_filter(enum sandbox_role role, struct err *err);
static int allow(scmp_filter_ctx filter, const int *calls, size_t count);
static int allow_with(scmp_filter_ctx filter, int call, unsigned int argument,
    uint32_t mask, uint32_t value);
static int allow_memory(scmp_filter_ctx filter);
static int allow_abort(scmp_filter_ctx filter);
static int allow_xen(scmp_filter_ctx filter);
static int allow_each(scmp_filter_ctx filter, int call,
    const unsigned int *values, size_t count);
static int allow_role(scmp_filter_ctx filter, enum sandbox_role role);

int
sandbox_enter(enum sandbox_role role, uint32_t uid, struct err *err)
{
	TRY(sandbox_limits_set(role, err));
	TRY(sandbox_view_enter(err));
	TRY(drop_bounds(err));
	TRY(drop_user(uid, err));
	TRY(drop_capabilities(err));
	/* libseccomp would set the first one too. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "prctl");
	TRY(sandbox_view_restrict(role, err));
	return load_filter(role, err);
}

int
sandbox_keep_only(const int *fds, size_t count, struct err *err)
{
	unsigned int from = STDERR_FILENO + 1;

	/* Close the gaps between the kept descriptors, lowest first. */
	for (;;) {
		unsigned int next = ~0u;

		for (size_t i = 0; i < count; i++) {
			if (fds[i] >= (int)from && (unsigned int)fds[i] < next)
				next = (unsigned int)fds[i];
		}
		if (from != next && close_range(from, next - 1, 0) != 0)
			return err_set_errno(err, SYSTEM_FAILED, "close_range");
		if (next == ~0u)
			return 0;
		from = next + 1;
	}
}

int
sandbox_die_with_parent(int parent_pid, struct err *err)
{
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "PR_SET_PDEATHSIG");
	if (getppid() != parent_pid)
		return err_set(err, SYSTEM_FAILED, "the parent is gone");
	return 0;
}

/* What nothing can give back, whatever it starts. Only root may. */
static int
drop_bounds(struct err *err)
{
	for (int capability = 0; geteuid() == 0; capability++) {
		if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0)
			continue;
		if (errno == EINVAL) /* one more than the kernel has */
			break;
		return err_set_errno(err, SYSTEM_FAILED, "PR_CAPBSET_DROP %d",
		    capability);
	}
	return 0;
}

static int
drop_user(uint32_t uid, struct err *err)
{
	pid_t parent = getppid();
	int death_signal = 0;

	if (geteuid() != 0)
		return 0; /* started without privilege: nothing to drop */
	/* For drop_capabilities() alone, which takes the rest. */
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_GET_PDEATHSIG, &death_signal, 0, 0, 0) != 0 ||
	    setgroups(0, NULL) != 0 || setresgid(uid, uid, uid) != 0 ||
	    setresuid(uid, uid, uid) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "drop to user %u",
		    uid);
	/* Another user: Linux forgot sandbox_die_with_parent(). */
	if (prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "PR_SET_PDEATHSIG");
	if (getppid() != parent)
		return err_set(err, SYSTEM_FAILED, "the parent is gone");
	return 0;
}

/*
 * For the build role too: Linux looks who opens Xen's devices, not who uses
 * them (drivers/xen/privcmd.c, drivers/xen/xenbus/xenbus_dev_frontend.c), and
 * xenstored asks a socket nothing more once it is connected.
 */
static int
drop_capabilities(struct err *err)
{
	struct __user_cap_header_struct header = {
	    .version = _LINUX_CAPABILITY_VERSION_3,
	};
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {
	    {.effective = 0}};

	/* None that could be inherited: Linux takes the ambient ones too. */
	if (syscall(SYS_capset, &header, none) != 0 ||
	    prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "capset");
	return 0;
}

static int
load_filter(enum sandbox_role role, struct err *err)
{
	scmp_filter_ctx filter;
	int failed;

	filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	if (filter == NULL)
		return err_set(err, NO_MEMORY, "seccomp filter");
	/* Else a call by the numbers of another table ends one thread only. */
	failed = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS);
	if (failed == 0)
		failed = allow(filter, common_calls, countof(common_calls));
	if (failed == 0)
		failed = allow_memory(filter);
	if (failed == 0)
		failed = allow_abort(filter);
	if (failed == 0)
		failed = allow_each(filter, SCMP_SYS(fcntl), seal_commands,
		    countof(seal_commands));
	if (failed == 0)
		failed = allow_role(filter, role);
	if (failed == 0)
		failed = seccomp_load(filter);
	seccomp_release(filter);
	if (failed != 0)
		return err_set(err, SYSTEM_FAILED, "seccomp: error %d", failed);
	return 0;
}

/* Nothing that was written is ever run: whoever takes a role over has only the
 * code that it began with. malloc(3) maps and protects its arenas. */
static int
allow_memory(scmp_filter_ctx filter)
{
	int failed = allow_with(filter, SCMP_SYS(mmap), 2, PROT_EXEC, 0);

	if (failed == 0)
		failed =
		    allow_with(filter, SCMP_SYS(mprotect), 2, PROT_EXEC, 0);
	return failed;
}

/* None may send signals to another: of most roles there are several. */
static int
allow_abort(scmp_filter_ctx filter)
{
	return allow_with(filter, SCMP_SYS(tgkill), 0, UINT32_MAX,
	    (uint32_t)getpid());
}

static int
allow_xen(scmp_filter_ctx filter)
{
	int failed = allow_each(filter, SCMP_SYS(ioctl), xen_requests,
	    countof(xen_requests));

	if (failed == 0)
		failed = allow_each(filter, SCMP_SYS(fcntl),
		    descriptor_commands, countof(descriptor_commands));
	return failed;
}

/* With one of these values as the second argument. */
static int
allow_each(scmp_filter_ctx filter, int call, const unsigned int *values,
    size_t count)
{
	int failed = 0;

	for (size_t i = 0; i < count && failed == 0; i++)
		failed = allow_with(filter, call, 1, UINT32_MAX, values[i]);
	return failed;
}

/* If these bits of the argument are `value`. Linux takes 32 bits of those that
 * are compared whole, whatever is above. */
static int
allow_with(scmp_filter_ctx filter, int call, unsigned int argument,
    uint32_t mask, uint32_t value)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1,
	    SCMP_CMP64(argument, SCMP_CMP_MASKED_EQ, mask, value));
}

static int
allow_role(scmp_filter_ctx filter, enum sandbox_role role)
{
	int failed;

	switch (role) {
	case SANDBOX_FRONT:
		return allow(filter, front_calls, countof(front_calls));
	case SANDBOX_STAGE:
		return allow(filter, stage_calls, countof(stage_calls));
	case SANDBOX_VERIFY:
		return allow(filter, verify_calls, countof(verify_calls));
	case SANDBOX_BUILD:
		failed = allow_xen(filter);
		return failed != 0
		           ? failed
		           : allow(filter, build_calls, countof(build_calls));
	case SANDBOX_TPM:
		return allow(filter, tpm_calls, countof(tpm_calls));
	case SANDBOX_ROLES:
		break;
	}
	return -1;
}

static int
allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		int failed =
		    seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0);

		if (failed != 0)
			return failed;
	}
	return 0;
}
