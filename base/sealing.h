/*
 * Memory to be filled by its maker and then sealed: sealing_new; sealing_write
 * or sealing_copy until it is full; sealing_seal.
 *
 * Each piece is sealed as soon as it is full (see base/sealed.h), and whoever
 * watches the sealing gets it then. Bytes are written by write(2), never
 * through a mapping: that neither zeroes pages first nor maps them, which
 * together cost more than a second copy.
 */
#ifndef ASSAY_BASE_SEALING_H
#define ASSAY_BASE_SEALING_H

#include "base/sealed.h"

struct sealing;

/* Gets each piece when it is sealed, in order; borrows `fd`. What it returns
 * ends the write that filled the piece. */
struct piece_watcher {
	int (*piece_sealed)(void *context, int fd, struct err *err);
	void *context;
};

/* Errors: NO_MEMORY. The caller has checked `size_bytes` against a limit. */
int sealing_new(const char *name, size_t size_bytes,
    struct sealing **ret_sealing, struct err *err);
/* Before anything is written. Borrows `watcher`; NULL: nobody watches. */
void sealing_watch(struct sealing *sealing,
    const struct piece_watcher *watcher);
/* Append. Errors: IMAGE_SIZE_MISMATCH beyond the size; NO_MEMORY. */
int sealing_write(struct sealing *sealing, struct bytes data, struct err *err);
/*
 * Append a file, once, from its beginning, by reading (never by mapping).
 * `what` names it in error texts.
 * Errors: IMAGE_SIZE_MISMATCH if it is not exactly what is missing; STORE_IO;
 * NO_MEMORY.
 */
int sealing_copy(struct sealing *sealing, int fd, const char *what,
    struct err *err);
size_t sealing_size(const struct sealing *sealing);
/* Takes the sealing, also on failure. Errors: IMAGE_SIZE_MISMATCH if it is not
 * full; SYSTEM_FAILED; NO_MEMORY. */
int sealing_seal(struct sealing *sealing, struct sealed **ret_sealed,
    struct err *err);
void sealing_freep(struct sealing **sealing);

/* The above in one call. */

/* Copy bytes of our own. Errors: NO_MEMORY. */
int sealed_from_bytes(const char *name, struct bytes data,
    struct sealed **ret_sealed, struct err *err);

/*
 * Copy a file of exactly this size.
 * Errors: those of sealing_copy(). The caller has checked `exact_bytes` against
 * a limit.
 */
int sealed_copy_exact(int fd, size_t exact_bytes, const char *what,
    struct sealed **ret_sealed, struct err *err);

/* The same for a file of unknown size. Errors: IMAGE_TOO_LARGE over `max`. */
int sealed_copy_max(int fd, size_t max_bytes, const char *what,
    struct sealed **ret_sealed, struct err *err);

/* The seals that make a memfd sealed memory. Waits up to three seconds for
 * pages that somebody else holds; SYSTEM_FAILED after that. */
int sealed_add_seals(int fd, struct err *err);

#endif
