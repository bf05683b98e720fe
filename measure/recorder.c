#include "measure/recorder.h"

#include <string.h>

#include "base/scope.h"

static int resume_register(const struct recorder *recorder,
    const struct event_log_replay *replay, struct pcr_values *values,
    struct err *err);
static int resume_index(const struct recorder *recorder,
    const struct event_log_replay *replay, struct err *err);
static int check_register(const struct recorder *recorder,
    const struct pcr_digests *expected, const struct pcr_values *values,
    struct err *err);
static int record(struct recorder *recorder, struct bytes event,
    struct digest *ret_measurement, struct err *err);
static int extend(struct recorder *recorder, const struct pcr_digests *digests,
    const struct digest *measurement, struct err *err);

int
recorder_resume(struct recorder *recorder, struct pcr_values *values,
    struct err *err)
{
	struct event_log_replay replay;

	TRY(event_log_replay(recorder->log, recorder->pcr, &replay, err));
	if (resume_register(recorder, &replay, values, err) != 0 ||
	    (recorder->has_log_index &&
		resume_index(recorder, &replay, err) != 0)) {
		if (err->code != LOG_REGISTER_CHANGED)
			recorder->broken = *err;
		return (int)err->code;
	}
	return 0;
}

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
resume_register(const struct recorder *recorder,
    const struct event_log_replay *replay, struct pcr_values *values,
    struct err *err)
{
	const struct tpm_port *tpm = recorder->tpm;
	struct err ignored;

	if (replay->has_last && check_register(recorder, &replay->before_last,
				    values, &ignored) == 0) {
		TRY(tpm->ops->pcr_extend(tpm->tpm, recorder->pcr, &replay->last,
		    err));
		TRY(tpm->ops->pcr_read(tpm->tpm, values, err));
	}
	return check_register(recorder, &replay->value, values, err);
}

/* What was extended by somebody else would be taken for ours. */
static int
check_register(const struct recorder *recorder,
    const struct pcr_digests *expected, const struct pcr_values *values,
    struct err *err)
{
	unsigned int pcr = recorder->pcr;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if ((values->known[bank] >> pcr & 1) == 0 ||
		    pcr_digest_equal(bank, &expected->bank[bank],
			&values->value[bank][pcr]))
			continue;
		return err_set(err, LOG_REGISTER_CHANGED,
		    "register %u, %s: it does not hold what the log says: "
		    "somebody else extended it",
		    pcr, pcr_bank_name(bank));
	}
	return 0;
}

/* It holds what the register holds in the bank of SHA-256. */
static int
resume_index(const struct recorder *recorder,
    const struct event_log_replay *replay, struct err *err)
{
	const struct tpm_port *tpm = recorder->tpm;
	struct pcr_digest value;
	struct digest last;

	TRY(tpm->ops->log_read(tpm->tpm, &value, err));
	if (replay->has_last && pcr_digest_equal(PCR_SHA256, &value,
				    &replay->before_last.bank[PCR_SHA256])) {
		memcpy(last.bytes, replay->last.bank[PCR_SHA256].bytes,
		    DIGEST_BYTES);
		TRY(tpm->ops->log_extend(tpm->tpm, &last, err));
		TRY(tpm->ops->log_read(tpm->tpm, &value, err));
	}
	if (!pcr_digest_equal(PCR_SHA256, &value,
		&replay->value.bank[PCR_SHA256]))
		return err_set(err, LOG_REGISTER_CHANGED,
		    "log index: it does not hold what the log says: somebody "
		    "else extended it, or an event was logged without it");
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
