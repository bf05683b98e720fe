/*
 * Putting events on record: first in the log and on disk, then in the TPM. So
 * the log holds all that the TPM has, and no event can be denied afterwards.
 *
 * What fails is known precisely. A log that could not be written is as it was,
 * and takes the next event. If the TPM fails after that, it is asked what it
 * holds: the event is there, and only the answer was lost; or it is not, and is
 * extended again, a few times. If that fails too, the event is refused and
 * pending: before anything else is logged it is brought to the TPM. So at most
 * one event is missing there, and whoever was told that an event is on record
 * finds it in both. A register that holds anything else ends all recording, as
 * do a TPM that is not the pinned one and a launch that is another one:
 * docs/decisions/0028.
 *
 * A part of the log is kept for ends: a build is refused as long as there is
 * still room for the abandon or destroy of every build that the log holds
 * without one, for changes of policy, and for the stop.
 *
 * What the log says of earlier runs in this boot is kept: an assayd that starts
 * again must not fall behind that.
 *
 * Not done: no time is limited here (see time_limit in measure/tpm_port.h).
 */
#ifndef ASSAY_MEASURE_RECORDER_H
#define ASSAY_MEASURE_RECORDER_H

#include "measure/event.h"
#include "measure/event_log.h"
#include "measure/open_builds.h"
#include "measure/tpm_port.h"

/* What the TPM holds of a log. */
struct recorder_state {
	struct pcr_digests value;
	struct pcr_digest index;
};

/* How sure it is that the TPM holds all of the log. */
enum recorder_doubt {
	RECORDER_SURE,
	RECORDER_UNSURE, /* something else failed: look before the next event */
	RECORDER_PENDING, /* the last event may be missing there */
};

/* What held in this boot, by the log. Of the trust policy the last one; of
 * store indexes the last that there was, also if no run used one since. */
struct recorder_past {
	bool has_rules;
	struct event_rules rules;
};

struct recorder {
	struct event_log *log;      /* NULL: none, without a TPM */
	const struct tpm_port *tpm; /* NULL: none, without a TPM */
	unsigned int pcr;
	bool has_log_index; /* the NV index is extended too */
	uint64_t sequence;  /* of the last event that is in the log */
	struct err broken;  /* why nothing is taken any more, or no code */
	enum recorder_doubt doubt;
	struct recorder_state now; /* with the last event */
	struct recorder_state before;
	struct pcr_digests last; /* of that event */
	struct open_builds builds;
	struct recorder_past past;
};

void recorder_done(struct recorder *recorder);

/*
 * Before the first event: does the TPM hold what the log says? The register
 * has to be as the log leads to it, and so has the log index. Either may miss
 * the last event, which is extended then; *values, the registers as they were
 * read, become what they are after that.
 * Errors: LOG_REGISTER_CHANGED, EVENT_LOG_IO and EVENT_LOG_MALFORMED: what is
 * recorded nevertheless goes on from what was found; those of the TPM, after
 * which nothing is taken any more until this worked.
 */
int recorder_resume(struct recorder *recorder, struct pcr_values *values,
    struct err *err);

/*
 * Sets event->sequence: to 0 if the event is not in the log, else to its
 * number, also if the TPM did not take it yet. *ret_measurement is the SHA-256
 * of the event. The first event is a start, or none is taken.
 * Errors: EVENT_LOG_IO, EVENT_LOG_FULL, NO_MEMORY, TPM_UNREACHABLE, TPM_FAILED,
 * TPM_BUSY and the like: may work later. LOG_REGISTER_CHANGED,
 * TPM_RESPONSE_FORGED, TPM_POLICY_UNMET, and EVENT_LOG_IO of a log that is
 * broken: the same error again for every later call, see recorder_is_broken().
 */
int recorder_record(struct recorder *recorder, struct event *event,
    struct digest *ret_measurement, struct err *err);

/* Bring to the TPM what it may miss. Errors: those of the TPM, and
 * LOG_REGISTER_CHANGED, as above. */
int recorder_settle(struct recorder *recorder, struct err *err);

/* Something else that was asked of the TPM failed. It may have been reset: look
 * at its registers before the next event. */
void recorder_doubt(struct recorder *recorder);

bool recorder_is_broken(const struct recorder *recorder);

/* May the TPM miss what the log has? It is looked at before the next event. */
bool recorder_is_unsure(const struct recorder *recorder);

/* What the log has still for builds. Each takes its record, and keeps
 * RECORDER_END_BYTES until its end is there. 0 without a log. */
#define RECORDER_END_BYTES (event_log_record_bytes(EVENT_END_BYTES))
uint64_t recorder_build_bytes_left(const struct recorder *recorder);

#endif
