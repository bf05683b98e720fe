#include "builder/channel/channel_sandbox.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>

#include "base/scope.h"
#include "builder/channel_link.h"

/* xenstored: requests, and pauses between transactions that collide. */
static const int calls[] = {
    SYS_poll,
    SYS_ppoll,
    SYS_writev,
    SYS_nanosleep,
    SYS_clock_nanosleep,
};

/* A page for a domain, and a port; nothing that maps or binds what is another
 * domain's. Spec: Linux include/uapi/xen/gntalloc.h, evtchn.h. */
static const struct sandbox_argument arguments[] = {
    {SYS_ioctl, _IOC(_IOC_NONE, 'G', 5, 24)}, /* GNTALLOC_ALLOC_GREF */
    {SYS_ioctl, _IOC(_IOC_NONE, 'G', 6, 16)}, /* GNTALLOC_DEALLOC_GREF */
    {SYS_ioctl, _IOC(_IOC_NONE, 'G', 7, 16)}, /* GNTALLOC_SET_UNMAP_NOTIFY */
    {SYS_ioctl, _IOC(_IOC_NONE, 'E', 2, 4)},  /* EVTCHN_BIND_UNBOUND_PORT */
    {SYS_ioctl, _IOC(_IOC_NONE, 'E', 6, 2)},  /* EVTCHN_RESTRICT_DOMID */
};

const struct sandbox channel_sandbox = {
    SANDBOX_CALLS(calls),
    SANDBOX_ARGUMENTS(arguments),
    .limits =
	{
	    .files = CHANNEL_FDS,        /* of one ring */
	    .file_bytes = RLIM_INFINITY, /* it has none to write to */
	    .space_bytes = SANDBOX_GIB(1),
	    .oom = 0, /* rings that were offered stay */
	},
};
