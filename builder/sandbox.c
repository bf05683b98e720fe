#include "builder/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <seccomp.h>

#include "base/scope.h"
#include "builder/sandbox_limits.h"
#include "builder/sandbox_view.h"

/* Memory, end, signals and time, records: what every role does. */
static const int common_calls[] = {
    SYS_read,
    SYS_write,
    SYS_close,
    SYS_brk,
    SYS_munmap,
    SYS_mremap,
    SYS_madvise,
    SYS_exit,
    SYS_exit_group,
    SYS_rt_sigreturn,
    SYS_rt_sigprocmask,
    SYS_rt_sigaction,
    SYS_getpid,
    SYS_gettid,
    SYS_clock_gettime,
    SYS_futex,
    SYS_getrandom,
    SYS_sendmsg,
    SYS_recvmsg, /* records */
#ifdef __SANITIZE_ADDRESS__
    SYS_sigaltstack, /* a test build asks before it exits */
#endif
    SYS_restart_syscall, /* a poll(2) that a suspend interrupted */
    SYS_fstat,
    SYS_newfstatat,
    SYS_lseek,
};

/* Of fcntl(2): sealed memory. Others would have the kernel send a signal to
 * any process of the same user. */
static const struct sandbox_argument seal_commands[] = {
    {SYS_fcntl, F_ADD_SEALS},
    {SYS_fcntl, F_GET_SEALS},
};

static int drop_bounds(struct err *err);
static int drop_user(uint32_t uid, struct err *err);
static int drop_capabilities(struct err *err);
static int load_filter(const struct sandbox *sandbox, struct err *err);
static int fill(scmp_filter_ctx filter, const struct sandbox *sandbox);
static int allow(scmp_filter_ctx filter, const int *calls, size_t count);
static int allow_memory(scmp_filter_ctx filter);
static int allow_abort(scmp_filter_ctx filter);
static int allow_arguments(scmp_filter_ctx filter,
    const struct sandbox_argument *arguments, size_t count);
static int allow_with(scmp_filter_ctx filter, int call, unsigned int argument,
    uint32_t mask, uint32_t value);

int
sandbox_enter(const struct sandbox *sandbox, uint32_t uid, struct err *err)
{
	TRY(sandbox_limits_set(&sandbox->limits, err));
	TRY(sandbox_view_enter(err));
	TRY(drop_bounds(err));
	TRY(drop_user(uid, err));
	TRY(drop_capabilities(err));
	/* libseccomp would set the first one too. */
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "prctl");
	TRY(sandbox_view_restrict(sandbox->may_read, err));
	return load_filter(sandbox, err);
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
load_filter(const struct sandbox *sandbox, struct err *err)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int failed;

	if (filter == NULL)
		return err_set(err, NO_MEMORY, "seccomp filter");
	failed = fill(filter, sandbox);
	if (failed == 0)
		failed = seccomp_load(filter);
	seccomp_release(filter);
	if (failed != 0)
		return err_set(err, SYSTEM_FAILED, "seccomp: error %d", failed);
	return 0;
}

static int
fill(scmp_filter_ctx filter, const struct sandbox *sandbox)
{
	/* Else a call by the numbers of another table ends one thread only. */
	TRY(seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
	    SCMP_ACT_KILL_PROCESS));
	TRY(allow(filter, common_calls, countof(common_calls)));
	TRY(allow_memory(filter));
	TRY(allow_abort(filter));
	TRY(allow_arguments(filter, seal_commands, countof(seal_commands)));
	TRY(allow(filter, sandbox->calls, sandbox->call_count));
	return allow_arguments(filter, sandbox->arguments,
	    sandbox->argument_count);
}

static int
allow(scmp_filter_ctx filter, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++)
		TRY(seccomp_rule_add(filter, SCMP_ACT_ALLOW, calls[i], 0));
	return 0;
}

/* Nothing that was written is ever run: whoever takes a role over has only the
 * code that it began with. malloc(3) maps and protects its arenas. */
static int
allow_memory(scmp_filter_ctx filter)
{
	TRY(allow_with(filter, SYS_mmap, 2, PROT_EXEC, 0));
	return allow_with(filter, SYS_mprotect, 2, PROT_EXEC, 0);
}

/* None may send signals to another: of most roles there are several. */
static int
allow_abort(scmp_filter_ctx filter)
{
	return allow_with(filter, SYS_tgkill, 0, UINT32_MAX,
	    (uint32_t)getpid());
}

static int
allow_arguments(scmp_filter_ctx filter,
    const struct sandbox_argument *arguments, size_t count)
{
	for (size_t i = 0; i < count; i++)
		TRY(allow_with(filter, arguments[i].call, 1, UINT32_MAX,
		    arguments[i].value));
	return 0;
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
