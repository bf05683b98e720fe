/*
 * Sealed memory: bytes in a memfd that nobody can change any more.
 *
 * Foreign bytes are copied in once; then the memfd is sealed against writing,
 * growing and shrinking, and only then may anybody look at it. Whatever is
 * verified is thereby exactly what is used, and it can be handed to another
 * process as a file descriptor without losing that property.
 *
 * Not done: secrecy. Sealed bytes are not secret.
 * Spec: memfd_create(2), fcntl(2) F_ADD_SEALS.
 */
#ifndef ASSAY_BASE_SEALED_H
#define ASSAY_BASE_SEALED_H

#include "base/bytes.h"
#include "base/err.h"

struct sealed;

/* The bytes, mapped read-only for as long as the object lives. */
struct bytes sealed_bytes(const struct sealed *sealed);

/* The memfd; borrowed. */
int sealed_fd(const struct sealed *sealed);

/* Map all its pages in this process now, instead of at first use. */
void sealed_touch(const struct sealed *sealed);

/* Another owner of the same memory, with the mapping that is there: for
 * handing out what stays in a cache. The original must outlive it. */
int sealed_share(const struct sealed *original, struct sealed **ret_sealed,
    struct err *err);

/* Both do nothing for NULL. */
void sealed_free(struct sealed *sealed);
void sealed_freep(struct sealed **sealed);

/* Copy bytes of our own. Errors: NO_MEMORY. */
int sealed_from_bytes(const char *name, struct bytes data,
    struct sealed **ret_sealed, struct err *err);

/*
 * Copy a file once, from its beginning, by reading (never by mapping).
 * `what` names it in error texts.
 * Errors: IMAGE_SIZE_MISMATCH if it does not have exactly `exact_bytes`;
 * STORE_IO; NO_MEMORY. The caller has checked `exact_bytes` against a limit.
 */
int sealed_copy_exact(int fd, size_t exact_bytes, const char *what,
    struct sealed **ret_sealed, struct err *err);

/* The same for a file of unknown size. Errors: IMAGE_TOO_LARGE over `max`. */
int sealed_copy_max(int fd, size_t max_bytes, const char *what,
    struct sealed **ret_sealed, struct err *err);

/*
 * Take a memfd that came from another process. It is used only if the seals
 * are there, so that the sender cannot change it later.
 * Takes `fd`: it belongs to the object on success and is closed on failure.
 * Errors: STAGE_FAILED if a seal is missing; IMAGE_TOO_LARGE over `max_bytes`;
 * NO_MEMORY.
 */
int sealed_from_fd(int fd, size_t max_bytes, const char *what,
    struct sealed **ret_sealed, struct err *err);

/*
 * Memory to be filled by its maker and then sealed: draft_new; then draft_write
 * piece by piece, or draft_map for random access (zeroed, dearer: its pages are
 * cleared and mapped first); then draft_seal, which ends the writable mapping.
 */
struct draft;

int draft_new(const char *name, size_t size_bytes, struct draft **ret_draft,
    struct err *err);
/* Append. Errors: IMAGE_SIZE_MISMATCH beyond the size; NO_MEMORY. */
int draft_write(struct draft *draft, struct bytes data, struct err *err);
/* The whole, borrowed from the draft; NULL if it is empty. */
int draft_map(struct draft *draft, uint8_t **ret_data, struct err *err);
size_t draft_size(const struct draft *draft);
/* Takes the draft, also on failure. */
int draft_seal(struct draft *draft, struct sealed **ret_sealed,
    struct err *err);
void draft_freep(struct draft **draft);

#endif
