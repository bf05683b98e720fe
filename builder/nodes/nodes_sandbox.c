#include "builder/nodes/nodes_sandbox.h"

#include <sys/syscall.h>

#include "base/scope.h"

static const int calls[] = {
    SYS_poll, SYS_ppoll,
    SYS_clock_nanosleep,       /* between tries of a transaction */
    SYS_nanosleep, SYS_writev, /* requests to xenstored */
};

const struct sandbox nodes_sandbox = {
    SANDBOX_CALLS(calls),
    .limits =
	{
	    .files = 0,
	    .file_bytes = RLIM_INFINITY, /* it has none to write to */
	    .space_bytes = SANDBOX_GIB(1),
	    .oom = 0,
	},
};
