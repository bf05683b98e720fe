#include "builder/front/front_ring_sandbox.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "base/scope.h"

/* No socket of a caller, and nothing that maps or binds. */
static const int ring_calls[] = {
    SYS_poll,
    SYS_ppoll,
};

static const struct sandbox_argument ring_arguments[] = {
    {SYS_ioctl, _IOC(_IOC_NONE, 'E', 4, 4)}, /* EVTCHN_NOTIFY */
};

const struct sandbox front_ring_sandbox = {
    SANDBOX_CALLS(ring_calls),
    SANDBOX_ARGUMENTS(ring_arguments),
    .limits =
	{
	    .files = SEALED_PIECES,      /* an answer in sealed memory */
	    .file_bytes = RLIM_INFINITY, /* it has none to write to */
	    .space_bytes = SANDBOX_GIB(1),
	    .oom = 600,
	},
};
