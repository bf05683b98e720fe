/*
 * Who asked for a build, as a verdict says it: what assayd wrote into the
 * event. A client domain has to be one that an earlier event has; that it is
 * not, is said.
 */
#ifndef ASSAY_CLI_EVIDENCE_VERDICT_CALLER_H
#define ASSAY_CLI_EVIDENCE_VERDICT_CALLER_H

#include <jansson.h>

#include "measure/verify/evidence_log.h"

/* ", asked for by user 1000, group 100", or "" if the event does not say. */
#define VERDICT_CALLER_SIZE 320
const char *verdict_caller_text(const struct evidence_domain *built,
    char ret_text[static VERDICT_CALLER_SIZE]);

/* The "Caller" of assay-rpc(7), of a domain with `in_log`; or null. Returns
 * owned. */
json_t *verdict_caller_encode(const struct evidence_domain *built);

/* ", after domain 3 (reboot)", or nothing; the same for JSON, or null. */
#define VERDICT_AFTER_SIZE 64
const char *verdict_after_text(const struct event_after *after,
    char ret_text[static VERDICT_AFTER_SIZE]);
json_t *verdict_after_encode(const struct event_after *after);

#endif
