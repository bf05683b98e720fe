/*
 * Putting events on record: first in the log and on disk, then in the TPM. So
 * the log holds all that the TPM has, and no event can be denied afterwards.
 *
 * When a step fails, log and TPM may differ, and whoever reads them cannot
 * tell what happened after: the recorder then takes nothing any more. The next
 * one makes up for what the TPM missed: docs/decisions/0027.
 */
#ifndef ASSAY_MEASURE_RECORDER_H
#define ASSAY_MEASURE_RECORDER_H

#include "measure/event.h"
#include "measure/event_log.h"
#include "measure/tpm_port.h"

struct recorder {
	struct event_log *log;      /* NULL: none, without a TPM */
	const struct tpm_port *tpm; /* NULL: none, without a TPM */
	unsigned int pcr;
	bool has_log_index; /* the NV index is extended too */
	uint64_t sequence;  /* of the last event */
	struct err broken;  /* why nothing is taken any more, or no code */
};

/*
 * Before the first event: does the TPM hold what the log says? The register
 * has to be as the log leads to it, and so has the log index. Either may miss
 * the last event, which is extended then; *values, the registers as they were
 * read, become what they are after that.
 * Errors: LOG_REGISTER_CHANGED; EVENT_LOG_IO; EVENT_LOG_MALFORMED; those of the
 * TPM. Nothing is taken any more if the TPM fails here.
 */
int recorder_resume(struct recorder *recorder, struct pcr_values *values,
    struct err *err);

/*
 * Sets event->sequence. *ret_measurement is the SHA-256 of the event.
 * Errors: those of event_log_append and of the TPM; the first one again for
 * every later call.
 */
int recorder_record(struct recorder *recorder, struct event *event,
    struct digest *ret_measurement, struct err *err);

#endif
