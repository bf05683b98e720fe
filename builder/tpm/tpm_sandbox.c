#include "builder/tpm/tpm_sandbox.h"

#include <sys/syscall.h>

#include "base/scope.h"

/* Commands of an open device; a log that is only appended to; sealed memory,
 * made. */
static const int calls[] = {
    SYS_poll,
    SYS_ppoll,
    SYS_pread64,
    SYS_pwrite64,
    SYS_fdatasync,
    SYS_ftruncate,
    SYS_memfd_create,
};

const struct sandbox tpm_sandbox = {
    SANDBOX_CALLS(calls),
    .limits =
	{
	    /* An event log of 32 MiB, and evidence made of it. */
	    .files = SEALED_PIECES,
	    /* The log's end is its own limit, and lines on a standard error
             * that is a file have none. */
	    .file_bytes = RLIM_INFINITY,
	    .space_bytes = SANDBOX_GIB(1),
	    .oom = SANDBOX_KILLED_LAST,
	},
};
