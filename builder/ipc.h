/*
 * Records between roles: plain structs of fixed size over SOCK_SEQPACKET, each
 * with at most one file descriptor. A record of another size is a broken
 * protocol; what is in it the receiver checks.
 */
#ifndef ASSAY_BUILDER_IPC_H
#define ASSAY_BUILDER_IPC_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* A connected pair; both ends close on exec. Errors: SYSTEM_FAILED. */
int ipc_pair(int ret_fds[2], struct err *err);

/*
 * Send one record, and a copy of `pass_fd` unless it is -1.
 * Errors: SYSTEM_FAILED, also when the other side is gone.
 */
int ipc_send(int fd, const void *record, size_t size, int pass_fd,
    struct err *err);

/*
 * Receive one record of exactly `size` bytes. *ret_fd becomes the descriptor
 * that came with it, owned by the caller, or -1; NULL refuses descriptors.
 * *ret_is_end is set when the other side closed; the record is then zero.
 * Errors: SYSTEM_FAILED; STAGE_FAILED for a record that breaks the protocol.
 */
int ipc_receive(int fd, void *ret_record, size_t size, int *ret_fd,
    bool *ret_is_end, struct err *err);

#endif
