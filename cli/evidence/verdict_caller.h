/*
 * Who asked for a build, as a verdict says it: what assayd wrote into the
 * event. A client domain is one that an earlier event has.
 */
#ifndef ASSAY_CLI_EVIDENCE_VERDICT_CALLER_H
#define ASSAY_CLI_EVIDENCE_VERDICT_CALLER_H

#include <jansson.h>

#include "measure/event.h"

/* ", by user 1000", or "" if the event does not say. */
#define VERDICT_CALLER_SIZE 256
const char *verdict_caller_text(const struct caller *caller,
    char ret_text[static VERDICT_CALLER_SIZE]);

/* The "Caller" of assay-rpc(7), or null. Returns owned. */
json_t *verdict_caller_encode(const struct caller *caller);

/* ", after domain 3 (reboot)", or nothing; the same for JSON, or null. */
#define VERDICT_AFTER_SIZE 64
const char *verdict_after_text(const struct event_after *after,
    char ret_text[static VERDICT_AFTER_SIZE]);
json_t *verdict_after_encode(const struct event_after *after);

#endif
