#include "builder/verify/verify_sandbox.h"

#include <sys/syscall.h>

#include "base/scope.h"

/* The chain of policies, read; sealed memory, made and taken. */
static const int calls[] = {
    SYS_pread64,
    SYS_pwrite64,
    SYS_memfd_create,
};

const struct sandbox verify_sandbox = {
    SANDBOX_CALLS(calls),
    .limits =
	{
	    /* One document after the other, of 4 MiB. */
	    .files = SEALED_PIECES,
	    .file_bytes = SANDBOX_PIECE_BYTES,
	    .space_bytes = SANDBOX_GIB(1),
	    .oom = SANDBOX_KILLED_FIRST,
	},
};
