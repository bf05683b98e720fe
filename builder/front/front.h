/*
 * The front: callers' connections. It parses RPC, knows who asks, and hands
 * decoded calls to the supervisor. It holds no Xen handle and no store; taken
 * over, it may ask what its callers may ask.
 */
#ifndef ASSAY_BUILDER_FRONT_FRONT_H
#define ASSAY_BUILDER_FRONT_FRONT_H

#include "builder/channel_link.h"
#include "builder/daemon_config.h"
#include "builder/link_table.h"

/* The front's ends of what leads to the supervisor: builder/front_link.h. */
struct front_link {
	int calls_fd;   /* ipc_pipe(), written to */
	int answers_fd; /* a socket, read from */
};

/* In which state it is answered, and what that may be. */
enum front_wait_state { FRONT_WAITS };

extern const struct link_table front_answers;

/* The same for the one domain at the other end of a ring, and for one session:
 * CHANNEL_FDS devices, of which none is left open but that of events. */
void front_run_ring(const struct daemon_config *config,
    const struct channel_offer *offer, const int *devices,
    const struct front_link *link, int parent_pid) __attribute__((noreturn));

/* Run in a process of its own. Takes the descriptors; never returns. */
void front_run(const struct daemon_config *config, int listen_fd,
    const struct front_link *link, int parent_pid) __attribute__((noreturn));

#endif
