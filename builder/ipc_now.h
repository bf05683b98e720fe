/*
 * Links as the supervisor uses them: it makes them, and never waits.
 */
#ifndef ASSAY_BUILDER_IPC_NOW_H
#define ASSAY_BUILDER_IPC_NOW_H

#include "builder/ipc.h"

/* A connected pair; both ends close on exec. Errors: SYSTEM_FAILED. */
int ipc_pair(int ret_fds[2], struct err *err);

/*
 * As ipc_send(), without waiting, with sealed memory or NULL: *ret_is_full is
 * set, and nothing was sent, if the other side has to read first. Errors:
 * SYSTEM_FAILED.
 */
int ipc_send_now(int fd, const void *record, size_t size,
    const struct sealed *attached, bool *ret_is_full, struct err *err);

/* The same with descriptors, of which the caller keeps its own. */
int ipc_send_fds_now(int fd, const void *record, size_t size, const int *fds,
    size_t count, bool *ret_is_full, struct err *err);

#endif
