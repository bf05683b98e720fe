/*
 * What a role gives up before it reads its first foreign byte: its user, its
 * privileges, and every system call that it does not need.
 */
#ifndef ASSAY_BUILDER_SANDBOX_H
#define ASSAY_BUILDER_SANDBOX_H

#include <stdint.h>

#include "base/err.h"

enum sandbox_role {
	SANDBOX_FRONT,  /* one listening socket, one link to the supervisor */
	SANDBOX_STAGE,  /* one store directory, one link to a build */
	SANDBOX_VERIFY, /* links to the supervisor and the stage */
	SANDBOX_BUILD,  /* Xen handles, open before; keeps its user */
	SANDBOX_TPM,    /* the TPM, the event log, one link to the supervisor */
};

/*
 * Enter for good. `uid` is also the group; ignored for SANDBOX_BUILD.
 * All capabilities go, from all five sets. A forbidden system call kills the
 * process.
 * Errors: SYSTEM_FAILED; the caller must then exit.
 */
int sandbox_enter(enum sandbox_role role, uint32_t uid, struct err *err);

/*
 * Close every descriptor above standard error except these (-1 are skipped).
 * Errors: SYSTEM_FAILED.
 */
int sandbox_keep_only(const int *fds, size_t count, struct err *err);

/* Die when the parent dies; false if it is already gone. */
int sandbox_die_with_parent(int parent_pid, struct err *err);

#endif
