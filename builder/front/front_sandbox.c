#include "builder/front/front_sandbox.h"

#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/scope.h"

/* Connections of callers. */
static const int calls[] = {
    SYS_poll,
    SYS_ppoll,
    SYS_accept4,
    SYS_getsockopt,
    SYS_recvfrom,
    SYS_sendto,
};

/* The listening socket is the supervisor's and systemd's, too: to shut it down
 * for reading would close it for all who call later. For writing it does
 * nothing to it. */
static const struct sandbox_argument arguments[] = {
    {SYS_shutdown, SHUT_WR},
};

const struct sandbox front_sandbox = {
    SANDBOX_CALLS(calls),
    SANDBOX_ARGUMENTS(arguments),
    .limits =
	{
	    /* Connections, and an answer in sealed memory. */
	    .files = LIMIT_RPC_CONNECTIONS + SEALED_PIECES,
	    .file_bytes = RLIM_INFINITY, /* it has none to write to */
	    /* Replies of 8 MiB and more for each connection. */
	    .space_bytes = SANDBOX_GIB(2),
	    .oom = 500,
	},
};
