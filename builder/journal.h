/*
 * What assayd must remember over a crash, as files in its state directory:
 *
 *	pending/<uuid>       a build is under way; holds its domid once known
 *	domains/<uuid>       the receipt of a domain that assayd built
 *
 * A build is pending before its child starts, and its receipt is written
 * before it stops being pending: after a crash whatever is pending is removed.
 */
#ifndef ASSAY_BUILDER_JOURNAL_H
#define ASSAY_BUILDER_JOURNAL_H

#include "base/err.h"
#include "builder/receipt.h"

struct journal {
	const char *state_dir; /* borrowed */
	int lock_fd;           /* held for as long as the journal is open */
};

/*
 * Make the directories and take the lock: two daemons with one journal would
 * undo each other's builds.
 * Errors: STORE_IO; SYSTEM_FAILED if another assayd has it.
 */
int journal_open(const char *state_dir, struct journal *ret_journal,
    struct err *err);

void journal_close(struct journal *journal);

int journal_begin(const struct journal *journal, const uint8_t uuid[UUID_BYTES],
    struct err *err);
int journal_domid(const struct journal *journal, const uint8_t uuid[UUID_BYTES],
    uint32_t domid, struct err *err);
int journal_commit(const struct journal *journal, const struct receipt *receipt,
    struct err *err);

/* Neither pending nor built any more. Succeeds if it never was. */
int journal_forget(const struct journal *journal,
    const uint8_t uuid[UUID_BYTES], struct err *err);

struct journal_pending {
	uint8_t uuid[UUID_BYTES];
	uint32_t domid; /* 0: not known */
};

/* Read at start; at most `max`, more is an error. Errors: STORE_IO,
 * CONFIG_BAD for a file that is not ours. */
int journal_read_pending(const struct journal *journal,
    struct journal_pending *ret_pending, uint32_t max, uint32_t *ret_count,
    struct err *err);
int journal_read_receipts(const struct journal *journal,
    struct receipt *ret_receipts, uint32_t max, uint32_t *ret_count,
    struct err *err);

#endif
