/*
 * A pipe of records, in one direction: builder/ipc.h without descriptors.
 */
#ifndef ASSAY_BUILDER_IPC_PIPE_H
#define ASSAY_BUILDER_IPC_PIPE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/*
 * One direction that cannot carry descriptors at all, for a sender that is not
 * believed: a descriptor that is closed may make its holder wait (a socket that
 * lingers). A pipe of packets (pipe(2), O_DIRECT); neither end waits.
 * ret_fds[0] is read from. Errors: SYSTEM_FAILED.
 */
int ipc_pipe(int ret_fds[2], struct err *err);

/* Records are at most this long. */
#define IPC_PIPE_BYTES 4096 /* PIPE_BUF */

int ipc_pipe_send(int fd, const void *record, size_t size, bool *ret_is_full,
    struct err *err);

/* As ipc_receive(); called when poll(2) said that there is something. */
int ipc_pipe_receive(int fd, void *ret_record, size_t size, bool *ret_is_end,
    struct err *err);

/* A record of any length up to `max_bytes`, with zeros behind its end. Who
 * reads it checks *ret_size: builder/link_table.h. */
int ipc_pipe_receive_some(int fd, void *ret_record, size_t max_bytes,
    size_t *ret_size, bool *ret_is_end, struct err *err);

#endif
