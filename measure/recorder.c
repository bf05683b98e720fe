#include "measure/recorder.h"

#include <poll.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "measure/event_decode.h"

/* What passes while a command runs has passed after these; what takes longer,
 * the next event waits for. */
enum { TRIES = 3, PAUSE_MS = 20 };

static int refuse(struct recorder *recorder, const struct event *event,
    const struct err *err);
static int settle_earlier(struct recorder *recorder, struct err *err);
static int read_log(struct recorder *recorder, struct err *err);
static int look_back(void *context, struct bytes raw, struct err *err);
static void note(struct recorder *recorder, const struct event *event);
static void note_rules(struct recorder_past *past,
    const struct event_rules *rules);
static int go_on_from(struct recorder *recorder,
    const struct pcr_values *values, struct err *err);
static int settle_from(struct recorder *recorder, struct pcr_values *values,
    struct err *err);
static int settle_once(struct recorder *recorder, struct err *err);
static int settle_register(const struct recorder *recorder,
    struct pcr_values *values, struct err *err);
static int check_register(const struct recorder *recorder,
    const struct pcr_digests *expected, const struct pcr_values *values,
    struct err *err);
static int settle_index(const struct recorder *recorder, struct err *err);
static int put_in_log(struct recorder *recorder, struct event *event,
    struct pcr_digests *ret_digests, struct err *err);
static int next_state(const struct recorder *recorder,
    const struct pcr_digests *digests, struct recorder_state *ret_next,
    struct err *err);
static int append(struct recorder *recorder, const struct event *event,
    struct bytes bytes, struct err *err);
static int check_room(const struct recorder *recorder,
    const struct event *event, size_t len, struct err *err);
static uint64_t kept_after(const struct recorder *recorder,
    const struct event *event);
static const uint8_t *ended_by(const struct event *event);
static int put_in_tpm(struct recorder *recorder,
    const struct pcr_digests *digests, struct err *err);
static int extend(const struct recorder *recorder,
    const struct pcr_digests *digests, struct err *err);
static struct digest sha256_of(const struct pcr_digests *digests);
static bool failed(struct recorder *recorder, const struct err *err);

void
recorder_done(struct recorder *recorder)
{
	open_builds_done(&recorder->builds);
}

int
recorder_resume(struct recorder *recorder, struct pcr_values *values,
    struct err *err)
{
	struct err failure;

	recorder->broken = (struct err){0};
	if (read_log(recorder, err) == 0 &&
	    settle_from(recorder, values, err) == 0)
		return 0;
	if (err->code != LOG_REGISTER_CHANGED &&
	    err->code != EVENT_LOG_MALFORMED && err->code != EVENT_LOG_IO)
		recorder->broken = *err;
	else if (go_on_from(recorder, values, &failure) != 0)
		recorder->broken = failure;
	return (int)err->code;
}

int
recorder_record(struct recorder *recorder, struct event *event,
    struct digest *ret_measurement, struct err *err)
{
	struct pcr_digests digests;

	event->sequence = 0;
	if (settle_earlier(recorder, err) != 0 ||
	    put_in_log(recorder, event, &digests, err) != 0)
		return refuse(recorder, event, err);
	if (recorder->tpm != NULL)
		TRY(put_in_tpm(recorder, &digests, err));
	*ret_measurement = sha256_of(&digests);
	return 0;
}

/* The numbers of a run begin with its start: without it nothing follows. */
static int
refuse(struct recorder *recorder, const struct event *event,
    const struct err *err)
{
	if (event->kind == EVENT_START ||
	    (recorder->log != NULL && event_log_is_broken(recorder->log)))
		recorder->broken = *err;
	return (int)err->code;
}

static int
settle_earlier(struct recorder *recorder, struct err *err)
{
	if (recorder_settle(recorder, err) == 0)
		return 0;
	if (recorder_is_broken(recorder))
		return (int)err->code;
	return err_prefix(err, "what was logged before");
}

int
recorder_settle(struct recorder *recorder, struct err *err)
{
	if (recorder_is_broken(recorder)) {
		*err = recorder->broken;
		return (int)err->code;
	}
	if (recorder->doubt == RECORDER_SURE)
		return 0;
	for (int tries = 1, pause = PAUSE_MS;; tries++, pause *= 4) {
		if (settle_once(recorder, err) == 0)
			return 0;
		if (failed(recorder, err) || tries == TRIES)
			return (int)err->code;
		poll(NULL, 0, pause);
	}
}

void
recorder_doubt(struct recorder *recorder)
{
	if (recorder->tpm != NULL && recorder->doubt == RECORDER_SURE)
		recorder->doubt = RECORDER_UNSURE;
}

bool
recorder_is_broken(const struct recorder *recorder)
{
	return recorder->broken.code != ERR_NONE;
}

bool
recorder_is_unsure(const struct recorder *recorder)
{
	return recorder->doubt != RECORDER_SURE;
}

uint64_t
recorder_build_bytes_left(const struct recorder *recorder)
{
	uint64_t kept = recorder->builds.count * RECORDER_END_BYTES +
	                LIMIT_EVENT_LOG_KEPT_BYTES;
	uint64_t left =
	    recorder->log != NULL ? event_log_left(recorder->log) : 0;

	return left > kept ? left - kept : 0;
}

/* Resuming */

static int
read_log(struct recorder *recorder, struct err *err)
{
	struct event_log_replay replay;

	open_builds_done(&recorder->builds);
	recorder->past = (struct recorder_past){.has_rules = false};
	TRY(event_log_each(recorder->log, look_back, recorder, err));
	TRY(event_log_replay(recorder->log, recorder->pcr, &replay, err));
	recorder->now = (struct recorder_state){
	    .value = replay.value,
	    .index = replay.value.bank[PCR_SHA256],
	};
	recorder->before = (struct recorder_state){
	    .value = replay.before_last,
	    .index = replay.before_last.bank[PCR_SHA256],
	};
	recorder->last = replay.last;
	recorder->doubt = replay.has_last ? RECORDER_PENDING : RECORDER_UNSURE;
	return 0;
}

/* What is no event of ours needs no end. */
static int
look_back(void *context, struct bytes raw, struct err *err)
{
	struct recorder *recorder = context;
	struct event event;
	struct err ignored;

	if (event_decode(raw, &event, &ignored) != 0)
		return 0;
	if (event.kind == EVENT_BUILD)
		TRY(open_builds_reserve(&recorder->builds, err));
	note(recorder, &event);
	return 0;
}

/* There is room for one more build. */
static void
note(struct recorder *recorder, const struct event *event)
{
	const uint8_t *ended = ended_by(event);

	if (event->kind == EVENT_BUILD)
		open_builds_add(&recorder->builds, event->as.build.uuid);
	if (ended != NULL)
		open_builds_end(&recorder->builds, ended);
	if (event->kind == EVENT_START)
		note_rules(&recorder->past, &event->as.start.rules);
	if (event->kind == EVENT_POLICY)
		note_rules(&recorder->past, &event->as.policy);
}

static void
note_rules(struct recorder_past *past, const struct event_rules *rules)
{
	struct event_rules before = past->rules;

	past->has_rules = true;
	past->rules = *rules;
	if (rules->has_store)
		return;
	past->rules.has_store = before.has_store;
	past->rules.store = before.store;
	past->rules.epoch = before.epoch;
}

/* What was found is no state of our log, but where all that follows begins. */
static int
go_on_from(struct recorder *recorder, const struct pcr_values *values,
    struct err *err)
{
	const struct tpm_port *tpm = recorder->tpm;
	struct recorder_state found = {.index = {{0}}};

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		found.value.bank[bank] = values->value[bank][recorder->pcr];
	if (recorder->has_log_index)
		TRY(tpm->ops->log_read(tpm->tpm, &found.index, err));
	recorder->now = found;
	recorder->doubt = RECORDER_SURE;
	return 0;
}

/* What the TPM holds */

static int
settle_once(struct recorder *recorder, struct err *err)
{
	const struct tpm_port *tpm = recorder->tpm;
	struct pcr_values values;

	TRY(tpm->ops->pcr_read(tpm->tpm, &values, err));
	return settle_from(recorder, &values, err);
}

static int
settle_from(struct recorder *recorder, struct pcr_values *values,
    struct err *err)
{
	TRY(settle_register(recorder, values, err));
	if (recorder->has_log_index)
		TRY(settle_index(recorder, err));
	recorder->doubt = RECORDER_SURE;
	return 0;
}

static int
settle_register(const struct recorder *recorder, struct pcr_values *values,
    struct err *err)
{
	const struct tpm_port *tpm = recorder->tpm;
	struct err ignored;

	if (recorder->doubt == RECORDER_PENDING &&
	    check_register(recorder, &recorder->before.value, values,
		&ignored) == 0) {
		TRY(tpm->ops->pcr_extend(tpm->tpm, recorder->pcr,
		    &recorder->last, err));
		TRY(tpm->ops->pcr_read(tpm->tpm, values, err));
	}
	return check_register(recorder, &recorder->now.value, values, err);
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
settle_index(const struct recorder *recorder, struct err *err)
{
	const struct tpm_port *tpm = recorder->tpm;
	struct pcr_digest value;

	TRY(tpm->ops->log_read(tpm->tpm, &value, err));
	if (recorder->doubt == RECORDER_PENDING &&
	    pcr_digest_equal(PCR_SHA256, &value, &recorder->before.index)) {
		struct digest last = sha256_of(&recorder->last);

		TRY(tpm->ops->log_extend(tpm->tpm, &last, err));
		TRY(tpm->ops->log_read(tpm->tpm, &value, err));
	}
	if (!pcr_digest_equal(PCR_SHA256, &value, &recorder->now.index))
		return err_set(err, LOG_REGISTER_CHANGED,
		    "log index: it does not hold what the log says: somebody "
		    "else extended it, or an event was logged without it");
	return 0;
}

/* The log */

/* All of it, or nothing. */
static int
put_in_log(struct recorder *recorder, struct event *event,
    struct pcr_digests *ret_digests, struct err *err)
{
	struct event numbered = *event;
	struct recorder_state next;
	uint8_t bytes[EVENT_BYTES];
	size_t len;

	numbered.sequence = recorder->sequence + 1;
	len = event_encode(&numbered, bytes);
	TRY(pcr_digests_of(bytes_of(bytes, len), ret_digests, err));
	TRY(next_state(recorder, ret_digests, &next, err));
	TRY(open_builds_reserve(&recorder->builds, err));
	if (recorder->log != NULL)
		TRY(append(recorder, event, bytes_of(bytes, len), err));
	note(recorder, event);
	recorder->sequence = event->sequence = numbered.sequence;
	if (recorder->tpm == NULL)
		return 0;
	recorder->before = recorder->now;
	recorder->now = next;
	recorder->last = *ret_digests;
	recorder->doubt = RECORDER_PENDING;
	return 0;
}

static int
next_state(const struct recorder *recorder, const struct pcr_digests *digests,
    struct recorder_state *ret_next, struct err *err)
{
	*ret_next = recorder->now;
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		TRY(pcr_extend(bank, &digests->bank[bank],
		    &ret_next->value.bank[bank], err));
	return pcr_extend(PCR_SHA256, &digests->bank[PCR_SHA256],
	    &ret_next->index, err);
}

static int
append(struct recorder *recorder, const struct event *event, struct bytes bytes,
    struct err *err)
{
	struct pcr_digests ignored;

	TRY(check_room(recorder, event, bytes.len, err));
	return event_log_append(recorder->log, recorder->pcr, bytes, &ignored,
	    err);
}

static int
check_room(const struct recorder *recorder, const struct event *event,
    size_t len, struct err *err)
{
	uint64_t kept = kept_after(recorder, event);
	uint64_t left = event_log_left(recorder->log);

	if (event_log_record_bytes(len) + kept > left)
		return err_set(err, EVENT_LOG_FULL,
		    "%llu bytes are left, of which %llu are kept, also for the "
		    "ends of %zu domains",
		    (unsigned long long)left, (unsigned long long)kept,
		    recorder->builds.count);
	return 0;
}

/*
 * What has to be left for others: the stop, and an end for each open build. A
 * build leaves more, which starts and changes of policy may use.
 */
static uint64_t
kept_after(const struct recorder *recorder, const struct event *event)
{
	const uint8_t *ended = ended_by(event);
	uint64_t ends = recorder->builds.count;

	if (event->kind == EVENT_BUILD)
		return (ends + 1) * RECORDER_END_BYTES +
		       LIMIT_EVENT_LOG_KEPT_BYTES;
	if (event->kind == EVENT_STOP ||
	    (ended != NULL && open_builds_has(&recorder->builds, ended)))
		return ends * RECORDER_END_BYTES;
	return (ends + 1) * RECORDER_END_BYTES;
}

/* The uuid, or NULL. */
static const uint8_t *
ended_by(const struct event *event)
{
	if (event->kind == EVENT_ABANDON)
		return event->as.abandon.uuid;
	return event->kind == EVENT_DESTROY ? event->as.destroy.uuid : NULL;
}

/* The TPM */

static int
put_in_tpm(struct recorder *recorder, const struct pcr_digests *digests,
    struct err *err)
{
	if (extend(recorder, digests, err) == 0) {
		recorder->doubt = RECORDER_SURE;
		return 0;
	}
	if (failed(recorder, err))
		return (int)err->code;
	return recorder_settle(recorder, err);
}

static int
extend(const struct recorder *recorder, const struct pcr_digests *digests,
    struct err *err)
{
	const struct tpm_port *tpm = recorder->tpm;
	struct digest measurement = sha256_of(digests);

	TRY(tpm->ops->pcr_extend(tpm->tpm, recorder->pcr, digests, err));
	if (recorder->has_log_index)
		TRY(tpm->ops->log_extend(tpm->tpm, &measurement, err));
	return 0;
}

static struct digest
sha256_of(const struct pcr_digests *digests)
{
	struct digest digest;

	memcpy(digest.bytes, digests->bank[PCR_SHA256].bytes, DIGEST_BYTES);
	return digest;
}

/*
 * True if nothing is taken any more: what the TPM holds is not ours, or it is
 * not our TPM that answers, or another launch ran meanwhile. None of these
 * passes, and a human has to know of it.
 */
static bool
failed(struct recorder *recorder, const struct err *err)
{
	if (err->code != LOG_REGISTER_CHANGED &&
	    err->code != TPM_RESPONSE_FORGED && err->code != TPM_POLICY_UNMET &&
	    err->code != TPM_KEY_NOT_PINNED)
		return false;
	recorder->broken = *err;
	return true;
}
