/*
 * Reads events that assayd wrote: exactly those bytes that event_encode()
 * makes of some event, and nothing else. For verifiers, and for assayd, which
 * goes on with the log of an earlier run.
 * Format: assay-event-log(5).
 */
#ifndef ASSAY_MEASURE_EVENT_DECODE_H
#define ASSAY_MEASURE_EVENT_DECODE_H

#include "base/bytes.h"
#include "measure/event.h"

/* Is it tagged as an event of assayd? */
bool event_is_ours(struct bytes raw);

/* The data, without the tag; only if event_is_ours(). */
struct bytes event_data(struct bytes raw);

/* Errors: EVENT_MALFORMED. */
int event_decode(struct bytes raw, struct event *ret_event, struct err *err);

#endif
