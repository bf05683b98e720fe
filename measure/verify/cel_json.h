/*
 * The log as systemd writes its own: CEL-JSON in a JSON text sequence, one
 * object a record: {"pcr", "digests": [{"hashAlg", "digest"}],
 * "content_type": "assay", "content": {...}}. Records of firmware have the
 * content type "pcclient_std" and their event as hex.
 * Spec: TCG Canonical Event Log Format; RFC 7464.
 */
#ifndef ASSAY_MEASURE_VERIFY_CEL_JSON_H
#define ASSAY_MEASURE_VERIFY_CEL_JSON_H

#include <stdio.h>

#include <jansson.h>

#include "measure/verify/event_log_decode.h"

/* One record. Returns owned; NULL if memory is short. */
json_t *cel_json_of(const struct event_log_record *record);

/*
 * The whole log, without records that no register received (EV_NO_ACTION).
 * Errors: EVENT_LOG_MALFORMED; those of event_log_check_all(); SYSTEM_FAILED if
 * the stream takes nothing.
 */
int cel_json_write(struct bytes log, FILE *out, struct err *err);

#endif
