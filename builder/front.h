/*
 * The front: callers' connections. It parses RPC, knows who asks, and hands
 * decoded calls to the supervisor. It holds no Xen handle and no store; taken
 * over, it may ask what its callers may ask.
 */
#ifndef ASSAY_BUILDER_FRONT_H
#define ASSAY_BUILDER_FRONT_H

#include "builder/config.h"

/*
 * Make the listening socket: an old socket file is replaced, the new one can be
 * connected to by everybody; who may call is decided by SO_PEERCRED.
 * Errors: SYSTEM_FAILED.
 */
int front_listen(const char *path, int *ret_listen_fd, struct err *err);

/* Run in the child, after fork. `link` goes to the supervisor. */
void front_run(const struct config *config, int listen_fd, int link,
    int parent_pid) __attribute__((noreturn));

#endif
