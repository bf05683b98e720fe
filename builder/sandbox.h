/*
 * What a role gives up before it reads its first foreign byte: its user, its
 * privileges, and every system call that it does not need. What it keeps is a
 * table in the folder of the role: builder/ROLE/ROLE_sandbox.c.
 */
#ifndef ASSAY_BUILDER_SANDBOX_H
#define ASSAY_BUILDER_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "builder/sandbox_limits.h"

/* Users, one for each of these; who looks at Xen and who watches have that of
 * who builds. */
enum sandbox_role {
	SANDBOX_FRONT,  /* one listening socket, one link to the supervisor */
	SANDBOX_STAGE,  /* one store directory, one link to a build */
	SANDBOX_VERIFY, /* links to the supervisor and the stage */
	SANDBOX_BUILD,  /* Xen handles, open before */
	SANDBOX_TPM,    /* the TPM, the event log, one link to the supervisor */
	SANDBOX_ROLES,
};

/* A system call that is allowed with this as its second argument. */
struct sandbox_argument {
	int call; /* SYS_* */
	uint32_t value;
};

/* What a role keeps, beside what every role needs. */
struct sandbox {
	const int *calls; /* SYS_*: whatever their arguments are */
	size_t call_count;
	const struct sandbox_argument *arguments;
	size_t argument_count;
	bool may_read; /* files, until sandbox_read_beneath() */
	struct sandbox_limits limits;
};

#define SANDBOX_CALLS(table) .calls = table, .call_count = countof(table)
#define SANDBOX_ARGUMENTS(table) \
	.arguments = table, .argument_count = countof(table)

/*
 * Enter for good. `uid` is also the group. A forbidden system call kills the
 * process. An empty directory becomes all that there is, and all capabilities
 * go, from all five sets.
 * Errors: SYSTEM_FAILED; the caller must then exit.
 */
int sandbox_enter(const struct sandbox *sandbox, uint32_t uid, struct err *err);

/*
 * The stage, which got its store: files are read beneath it only. A second
 * store would have to lie in the first one.
 * Errors: SYSTEM_FAILED. Nothing happens if the kernel has no Landlock.
 */
int sandbox_read_beneath(int dir_fd, struct err *err);

/*
 * Close every descriptor above standard error except these (-1 are skipped).
 * Errors: SYSTEM_FAILED.
 */
int sandbox_keep_only(const int *fds, size_t count, struct err *err);

/* Die when the parent dies; false if it is already gone. */
int sandbox_die_with_parent(int parent_pid, struct err *err);

#endif
