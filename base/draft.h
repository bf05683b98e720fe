/*
 * Memory to be filled by its maker and then sealed: draft_new; draft_write or
 * draft_copy until it is full; draft_seal.
 *
 * Each piece is sealed as soon as it is full (see base/sealed.h), and whoever
 * watches the draft gets it then. Bytes are written by write(2), never through
 * a mapping: that neither zeroes pages first nor maps them, which together cost
 * more than a second copy.
 */
#ifndef ASSAY_BASE_DRAFT_H
#define ASSAY_BASE_DRAFT_H

#include "base/sealed.h"

struct draft;

/* Gets each piece when it is sealed, in order; borrows `fd`. What it returns
 * ends the write that filled the piece. */
struct piece_watcher {
	int (*piece_sealed)(void *context, int fd, struct err *err);
	void *context;
};

/* Errors: NO_MEMORY. The caller has checked `size_bytes` against a limit. */
int draft_new(const char *name, size_t size_bytes, struct draft **ret_draft,
    struct err *err);
/* Before anything is written. Borrows `watcher`; NULL: nobody watches. */
void draft_watch(struct draft *draft, const struct piece_watcher *watcher);
/* Append. Errors: IMAGE_SIZE_MISMATCH beyond the size; NO_MEMORY. */
int draft_write(struct draft *draft, struct bytes data, struct err *err);
/*
 * Append a file, once, from its beginning, by reading (never by mapping).
 * `what` names it in error texts.
 * Errors: IMAGE_SIZE_MISMATCH if it is not exactly what is missing; STORE_IO;
 * NO_MEMORY.
 */
int draft_copy(struct draft *draft, int fd, const char *what, struct err *err);
size_t draft_size(const struct draft *draft);
/* Takes the draft, also on failure. Errors: IMAGE_SIZE_MISMATCH if it is not
 * full; SYSTEM_FAILED; NO_MEMORY. */
int draft_seal(struct draft *draft, struct sealed **ret_sealed,
    struct err *err);
void draft_freep(struct draft **draft);

/* The above in one call. */

/* Copy bytes of our own. Errors: NO_MEMORY. */
int sealed_from_bytes(const char *name, struct bytes data,
    struct sealed **ret_sealed, struct err *err);

/*
 * Copy a file of exactly this size.
 * Errors: those of draft_copy(). The caller has checked `exact_bytes` against a
 * limit.
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
