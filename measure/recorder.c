#include "measure/recorder.h"

#include <string.h>

#include "base/scope.h"

static int record(struct recorder *recorder, struct bytes event,
    struct digest *ret_measurement, struct err *err);
static int extend(struct recorder *recorder, const struct pcr_digests *digests,
    const struct digest *measurement, struct err *err);

int
recorder_record(struct recorder *recorder, struct event *event,
    struct digest *ret_measurement, struct err *err)
{
	uint8_t bytes[EVENT_BYTES];
	size_t len;

	if (recorder->broken.code != ERR_NONE) {
		*err = recorder->broken;
		return (int)err->code;
	}
	event->sequence = recorder->sequence + 1;
	len = event_encode(event, bytes);
	if (record(recorder, bytes_of(bytes, len), ret_measurement, err) != 0) {
		recorder->broken = *err;
		return (int)err->code;
	}
	recorder->sequence = event->sequence;
	return 0;
}

static int
record(struct recorder *recorder, struct bytes event,
    struct digest *ret_measurement, struct err *err)
{
	struct pcr_digests digests;
	struct digest measurement;

	if (recorder->log != NULL)
		TRY(event_log_append(recorder->log, recorder->pcr, event,
		    &digests, err));
	else
		TRY(pcr_digests_of(event, &digests, err));
	memcpy(measurement.bytes, digests.bank[PCR_SHA256].bytes, DIGEST_BYTES);
	if (recorder->tpm != NULL)
		TRY(extend(recorder, &digests, &measurement, err));
	*ret_measurement = measurement;
	return 0;
}

static int
extend(struct recorder *recorder, const struct pcr_digests *digests,
    const struct digest *measurement, struct err *err)
{
	const struct tpm_port *tpm = recorder->tpm;

	TRY(tpm->ops->pcr_extend(tpm->tpm, recorder->pcr, digests, err));
	if (recorder->has_log_index)
		TRY(tpm->ops->log_extend(tpm->tpm, measurement, err));
	return 0;
}
