/*
 * Sealed memory: bytes in memfds that nobody can change any more.
 *
 * Foreign bytes are copied in once; then the memfd is sealed against writing,
 * growing and shrinking, and only then may anybody look at it. Whatever is
 * verified is thereby exactly what is used, and it can be handed to another
 * process as a file descriptor without losing that property.
 *
 * Pieces: a seal holds for a whole memfd, so larger memory consists of several,
 * each sealed as soon as it is full, and mapped one behind the other. So a
 * reader can hash the first bytes while the last are still being written.
 *
 * Not done: secrecy. Sealed bytes are not secret.
 * Spec: memfd_create(2), fcntl(2) F_ADD_SEALS.
 */
#ifndef ASSAY_BASE_SEALED_H
#define ASSAY_BASE_SEALED_H

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

struct sealed;

/* The bytes, mapped read-only for as long as the object lives. */
struct bytes sealed_bytes(const struct sealed *sealed);

/*
 * The size alone decides how memory is divided: pieces of SEALED_PIECE_BYTES,
 * or of as much more as it takes to need no more than SEALED_PIECES; the last
 * one is shorter. No bytes at all are one empty piece.
 */
#define SEALED_PIECES      128
#define SEALED_PIECE_BYTES LIMIT_MIB(2)

/* The memfds of the pieces, in order; borrowed. */
const int *sealed_fds(const struct sealed *sealed, size_t *ret_count);

/* Map all its pages in this process now, instead of at first use. */
void sealed_touch(const struct sealed *sealed);

/* Both do nothing for NULL. */
void sealed_free(struct sealed *sealed);
void sealed_freep(struct sealed **sealed);

/*
 * Memory that comes from another process. A memfd is used only if the seals are
 * there, so that the sender cannot change it later.
 *
 * sealed_receiver_add() maps the next piece behind the ones before and tells
 * where (NULL: not wanted); it takes `fd`, also on failure.
 * sealed_receiver_finish() takes the receiver, also on failure, and refuses an
 * incomplete one. `what` names it in error texts and is borrowed. The caller
 * has checked `size_bytes` against a limit. Errors: STAGE_FAILED for a piece
 * that is not sealed, not as large as it has to be, missing, or too many;
 * NO_MEMORY.
 */
struct sealed_receiver;

int sealed_receiver_new(size_t size_bytes, const char *what,
    struct sealed_receiver **ret_receiver, struct err *err);
int sealed_receiver_add(struct sealed_receiver *receiver, int fd,
    struct bytes *ret_piece, struct err *err);
int sealed_receiver_finish(struct sealed_receiver *receiver,
    struct sealed **ret_sealed, struct err *err);
void sealed_receiver_freep(struct sealed_receiver **receiver);

/*
 * All pieces of such memory at once. Takes the descriptors, also on failure.
 * Errors: as above; IMAGE_TOO_LARGE over `max_bytes`.
 */
int sealed_from_fds(const int *fds, size_t count, size_t max_bytes,
    const char *what, struct sealed **ret_sealed, struct err *err);

/* How large the pieces of memory of this size are, and how many. */
size_t sealed_piece_bytes(size_t size_bytes);
size_t sealed_piece_count(size_t size_bytes);

/* What makes a memfd sealed memory (fcntl.h). */
#define SEALED_SEALS (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)

#endif
