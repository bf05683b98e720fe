/*
 * The event log of this boot: a TCG crypto-agile log, only ever appended to.
 *
 * A record is on disk before event_log_append() returns, and only then may its
 * digests be extended: so a log holds every event that the TPM has, and maybe
 * one more. Appending is all or nothing, and costs the same for the first
 * record as for the last. After an append that failed the log is as it was, and
 * takes the next one.
 *
 * The file must not outlive the boot: it belongs below /run. The path is opened
 * once. System calls after event_log_open(): pread, pwrite, fdatasync,
 * ftruncate, fstat, close.
 *
 * Not done: events are not looked at, and no register is compared.
 * Spec: TCG PC Client Platform Firmware Profile, "Event Logging"
 * (TCG_PCR_EVENT2, TCG_EfiSpecIDEvent); assay-event-log(5).
 */
#ifndef ASSAY_MEASURE_EVENT_LOG_H
#define ASSAY_MEASURE_EVENT_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "measure/pcr.h"

#define EVENT_LOG_TYPE 6 /* EV_EVENT_TAG, of all records */

struct event_log;

/*
 * Make the log, mode 0600, or go on with one that is there. What is there must
 * be a file of this user alone and a log as written here, record for record, of
 * at most `limit` bytes; half a record at its end, from a crash, is cut off.
 * Nobody else may use it at the same time. Returns owned.
 * Errors: EVENT_LOG_IO; EVENT_LOG_MALFORMED; EVENT_LOG_FULL; NO_MEMORY.
 */
int event_log_open(const char *path, uint64_t limit, struct event_log **ret_log,
    struct err *err);

void event_log_closep(struct event_log **log);

/*
 * Append one event for a register, at most EVENT_BYTES long, and give the
 * digests that are to be extended. On failure the log is cut back to what it
 * was, on disk too. If that cannot be made sure of, the log is broken and takes
 * nothing any more.
 * Errors: EVENT_LOG_IO; EVENT_LOG_FULL; NO_MEMORY.
 */
int event_log_append(struct event_log *log, unsigned pcr, struct bytes event,
    struct pcr_digests *ret_digests, struct err *err);

bool event_log_is_broken(const struct event_log *log);

/* What an event of this length takes of the log. */
uint64_t event_log_record_bytes(size_t event_bytes);

/* What is left of the limit. */
uint64_t event_log_left(const struct event_log *log);

/* Records, without the header. */
uint64_t event_log_count(const struct event_log *log);

/* Its size, with the header. */
uint64_t event_log_bytes(const struct event_log *log);

/* What a register holds if nothing but the log's events went into it: zeros,
 * extended with each of its records. */
struct event_log_replay {
	struct pcr_digests value;
	bool has_last; /* the last record of all is the register's */
	struct pcr_digests before_last; /* the value without it */
	struct pcr_digests last;        /* the digests of its event */
};

/*
 * Walks the whole log. Errors: EVENT_LOG_IO; EVENT_LOG_MALFORMED, also if the
 * last record has the digests of another event; NO_MEMORY.
 */
int event_log_replay(const struct event_log *log, unsigned pcr,
    struct event_log_replay *ret_replay, struct err *err);

/* Show each event to `visit`, from the first one on, until that fails.
 * Errors: EVENT_LOG_IO; EVENT_LOG_MALFORMED; those of `visit`. */
int event_log_each(const struct event_log *log,
    int (*visit)(void *context, struct bytes event, struct err *err),
    void *context, struct err *err);

/*
 * Read at most `size` bytes from `offset` on, for export; none at the end.
 * Errors: EVENT_LOG_IO.
 */
int event_log_read(const struct event_log *log, uint64_t offset, void *buffer,
    size_t size, size_t *ret_len, struct err *err);

#endif
