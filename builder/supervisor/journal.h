/*
 * What assayd must remember over a crash, as files in its state directory:
 *
 *	boot                 the boot of the host that the rest is about
 *	pending/<handle>     a domain that is being built, or has to go
 *	domains/<uuid>       a domain that assayd built: receipt and request
 *	again/<uuid>         one that is to be built again, in its place
 *
 * A build is pending before its child starts, and its receipt is written
 * before it stops being pending: after a crash whatever is pending is removed.
 * Its name is the random handle under which the domain is created, and no
 * caller knows or chooses that.
 *
 * Domains do not outlive the host's boot, and the next one gives their ids to
 * others: what an earlier boot left here is about nothing that exists.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_JOURNAL_H
#define ASSAY_BUILDER_SUPERVISOR_JOURNAL_H

#include "base/err.h"
#include "builder/supervisor/built.h"

struct journal {
	const char *state_dir; /* borrowed */
	int lock_fd;           /* held for as long as the journal is open */
};

/* How far a domain got that is pending. */
enum journal_state {
	JOURNAL_MADE,     /* at most: it has its handle, if it exists */
	JOURNAL_RECORDED, /* its build may be on record; it may have its uuid */
	JOURNAL_BUILT,    /* it was built and has to go */
};

struct journal_pending {
	uint8_t handle[UUID_BYTES];
	uint8_t uuid[UUID_BYTES];
	uint32_t domid; /* 0: not known */
	enum journal_state state;
};

/* At most so many are pending at once: more files are none of ours. */
#define JOURNAL_PENDING 128

/*
 * Make the directories and take the lock: two daemons with one journal would
 * undo each other's builds. What an earlier boot left, and half-written files,
 * are removed.
 * Errors: STORE_IO; SYSTEM_FAILED if another assayd has it.
 */
int journal_open(const char *state_dir, struct journal *ret_journal,
    struct err *err);

void journal_close(struct journal *journal);

/* The first entry under its handle, and each later one. Errors: STORE_IO;
 * FILE_EXISTS if there is one already. */
int journal_begin(const struct journal *journal,
    const struct journal_pending *pending, struct err *err);
int journal_update(const struct journal *journal,
    const struct journal_pending *pending, struct err *err);

/* Built, and no longer pending. */
int journal_commit(const struct journal *journal,
    const uint8_t handle[UUID_BYTES], const struct built *built,
    struct err *err);

/* Not pending any more; not built any more. Succeed if it never was. */
int journal_forget_pending(const struct journal *journal,
    const uint8_t handle[UUID_BYTES], struct err *err);
int journal_forget_receipt(const struct journal *journal,
    const uint8_t uuid[UUID_BYTES], struct err *err);

/* Read at start; at most `max`, more is an error. Errors: STORE_IO,
 * CONFIG_BAD for a file that is not ours. */
int journal_read_pending(const struct journal *journal,
    struct journal_pending *ret_pending, uint32_t max, uint32_t *ret_count,
    struct err *err);
int journal_read_built(const struct journal *journal, struct built *ret_built,
    uint32_t max, uint32_t *ret_count, struct err *err);

/* To be built again: with the lineage of the one to come. Succeed, forgotten,
 * if it never was; read, at most `max`. Errors: as above. */
int journal_keep_again(const struct journal *journal, const struct built *built,
    struct err *err);
int journal_forget_again(const struct journal *journal,
    const uint8_t uuid[UUID_BYTES], struct err *err);
int journal_read_again(const struct journal *journal, struct built *ret_built,
    uint32_t max, uint32_t *ret_count, struct err *err);

#endif
