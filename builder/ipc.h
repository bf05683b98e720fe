/*
 * Records between roles: plain structs of fixed size over SOCK_SEQPACKET, each
 * with at most one file descriptor, or those of sealed memory. A record of
 * another size is a broken protocol; what is in it the receiver checks.
 */
#ifndef ASSAY_BUILDER_IPC_H
#define ASSAY_BUILDER_IPC_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/sealed.h"

/*
 * Send one record, and a copy of `pass_fd` unless it is -1.
 * Errors: SYSTEM_FAILED, also when the other side is gone.
 */
int ipc_send(int fd, const void *record, size_t size, int pass_fd,
    struct err *err);

/* sendmsg(2) of all that, with its flags and its result; for builder/ipc_now.h.
 */
ssize_t ipc_send_message(int fd, const void *record, size_t size,
    const int *fds, size_t count, int flags);

/*
 * Receive one record of exactly `size` bytes. *ret_fd becomes the descriptor
 * that came with it, owned by the caller, or -1; NULL refuses descriptors.
 * *ret_is_end is set when the other side closed, or sent an empty record; the
 * record is then zero.
 * Errors: SYSTEM_FAILED; STAGE_FAILED for a record that breaks the protocol.
 */
int ipc_receive(int fd, void *ret_record, size_t size, int *ret_fd,
    bool *ret_is_end, struct err *err);

/* The same with all the memfds of sealed memory. */
struct ipc_fds {
	int fd[SEALED_PIECES];
	size_t count;
};

int ipc_send_sealed(int fd, const void *record, size_t size,
    const struct sealed *sealed, struct err *err);

/* There may be none. Free with ipc_fds_done(). */
int ipc_receive_fds(int fd, void *ret_record, size_t size,
    struct ipc_fds *ret_fds, bool *ret_is_end, struct err *err);

/* The same with a record of any length up to `max_bytes`, with zeros behind its
 * end. Who reads it checks *ret_size: builder/link_table.h. */
int ipc_receive_some(int fd, void *ret_record, size_t max_bytes,
    size_t *ret_size, struct ipc_fds *ret_fds, bool *ret_is_end,
    struct err *err);

/* Out of `fds`, which are none afterwards. Errors: those of
 * sealed_from_fds(). */
int ipc_take_sealed(struct ipc_fds *fds, size_t max_bytes, const char *what,
    struct sealed **ret_sealed, struct err *err);
void ipc_fds_done(struct ipc_fds *fds);
void ipc_fds_donep(struct ipc_fds **fds);

/* In a record from a role that is not believed: may this be read as a bool?
 * Any byte but 0 and 1 may not (C17 6.2.6.1). */
bool ipc_is_bool(const bool *member);

/* Does the text end in its `size` bytes, and is it printable? */
bool ipc_is_line(const char *text, size_t size);

#endif
