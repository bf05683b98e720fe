#include "builder/look/look_sandbox.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "base/scope.h"

/* Buffers of hypercalls and libxenctrl's locks; sealed memory, made. */
static const int calls[] = {
    SYS_mlock,
    SYS_munlock,
    SYS_sched_yield,
    SYS_pwrite64,
    SYS_memfd_create,
};

/* As in builder/build/build_sandbox.c, without what maps a guest. */
static const struct sandbox_argument arguments[] = {
    {SYS_ioctl, _IOC(_IOC_NONE, 'P', 0, 48)}, /* IOCTL_PRIVCMD_HYPERCALL */
};

const struct sandbox look_sandbox = {
    SANDBOX_CALLS(calls),
    SANDBOX_ARGUMENTS(arguments),
    .limits =
	{
	    /* One list of domains, which is one piece. */
	    .files = SEALED_PIECES,
	    .file_bytes = SANDBOX_PIECE_BYTES,
	    .space_bytes = SANDBOX_GIB(1),
	    .oom = 0, /* whoever asks has to wait for the next one */
	},
};
