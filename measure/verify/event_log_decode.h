/*
 * Reads crypto-agile event logs, ours and those of firmware: strictly,
 * bounded, one record after the other. What it reads is foreign.
 *
 * Refused as EVENT_LOG_MALFORMED, with the offset: a first event that is not
 * the Spec ID event of version 2.0; an algorithm with a wrong size, twice, or
 * not announced there; a register over 23 (but for EV_NO_ACTION, which extends
 * nothing); a record that does not end inside of the log. Over
 * LIMIT_EVENT_LOG_BYTES too.
 * Spec: TCG PC Client Platform Firmware Profile, "Event Logging".
 */
#ifndef ASSAY_MEASURE_VERIFY_EVENT_LOG_DECODE_H
#define ASSAY_MEASURE_VERIFY_EVENT_LOG_DECODE_H

#include "base/bytes.h"
#include "base/err.h"
#include "measure/pcr.h"

#define EVENT_LOG_NO_ACTION  3 /* EV_NO_ACTION: not extended */
#define EVENT_LOG_ALGORITHMS 8

/* Borrows the log. */
struct event_log_reader {
	struct bytes log;
	size_t at; /* offset of the next record */
	size_t algorithm_count;
	struct {
		uint16_t id;
		uint16_t bytes;
	} algorithms[EVENT_LOG_ALGORITHMS];
};

struct event_log_record {
	size_t offset;
	uint32_t pcr;
	uint32_t type;
	uint32_t banks; /* bit n: bank n has a digest */
	struct pcr_digests digests;
	struct bytes event; /* borrowed from the log */
};

/* Read the first event. Errors: EVENT_LOG_MALFORMED. */
int event_log_reader_init(struct bytes log, struct event_log_reader *ret_reader,
    struct err *err);

bool event_log_is_at_end(const struct event_log_reader *reader);

/* Errors: EVENT_LOG_MALFORMED. */
int event_log_next(struct event_log_reader *reader,
    struct event_log_record *ret_record, struct err *err);

/*
 * Does an event of assayd fit the digests beside it, in both banks, so that it
 * says what was extended? Events of others are passed over: of what their
 * digest is, their type says.
 * Errors: EVIDENCE_LOG_CHANGED, also for an event of assayd in a record of
 * another type or without a bank; NO_MEMORY.
 */
int event_log_check(const struct event_log_record *record, struct err *err);

/*
 * Before a log is shown to somebody who compares where it leads to: every event
 * of assayd fits its digests, and in a register that has one there is nothing
 * else, which a changed byte could have made of it.
 * Errors: EVENT_LOG_MALFORMED; those of event_log_check() and event_decode();
 * EVIDENCE_LOG_ADDED.
 */
int event_log_check_all(struct bytes log, struct err *err);

/*
 * What the registers of the log hold if they began with zero, or register 0
 * with the locality that the firmware says it started from. Registers without
 * an event are not known.
 * Not done: whether digests fit their events, which firmware does not promise.
 * Errors: EVENT_LOG_MALFORMED; NO_MEMORY.
 */
int event_log_registers(struct bytes log, struct pcr_values *ret_values,
    struct err *err);

/* Extend the register with what the record says. Errors: NO_MEMORY. */
int event_log_extend(const struct event_log_record *record,
    struct pcr_values *values, struct err *err);

#endif
