/*
 * What the tpm role is asked, for build children and for callers, and what
 * becomes of its answers.
 */
#include <string.h>

#include "base/err_meaning.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/supervisor/supervisor_state.h"
#include "builder/tpm_link.h"
#include "builder/trust_id.h"
#include "measure/recorder.h"

static uint64_t bytes_on_record(const struct event *event);
static int ask(struct supervisor *sup, struct tpm_request *call,
    struct err *err);
static int check_asked(struct supervisor *sup, const struct tpm_answer *answer,
    struct err *err);
static void note_doubt(struct supervisor *sup, const struct recorded *recorded);
static bool is_of_the_tpm(const struct err_wire *outcome);
static struct evidence_call *find_evidence(struct supervisor *sup, bool is_used,
    uint32_t tag);
static bool tell_child(struct supervisor *sup, const struct tpm_answer *answer);
static int send_recorded(const struct job *job, const struct recorded *recorded,
    struct err *err);
static void adopt(struct supervisor *sup, struct job *job,
    enum tpm_request_kind kind);

int
supervisor_record_evidence(struct supervisor *sup,
    const struct front_call *front_call, struct tpm_request *asked,
    struct err *err)
{
	struct evidence_call *place = find_evidence(sup, false, 0);
	const struct caller *caller = &front_call->caller;
	uint32_t of_user = 0;

	for (size_t i = 0; i < SUPERVISOR_EVIDENCE; i++)
		of_user +=
		    sup->evidence[i].is_used &&
		    supervisor_are_one(sup, &sup->evidence[i].caller, caller);
	if (place == NULL || (caller_rule_count(sup->config) > 1 &&
				 of_user >= SUPERVISOR_EVIDENCE * 3 / 4))
		return err_set(err, RPC_BUSY,
		    "%u calls for evidence are under way",
		    place == NULL ? SUPERVISOR_EVIDENCE : of_user);
	TRY(ask(sup, asked, err));
	*place = (struct evidence_call){true, asked->tag,
	    front_call->connection, *caller};
	return 0;
}

int
supervisor_record_build(struct supervisor *sup, struct job *job,
    const struct record_report *report, struct err *err)
{
	struct tpm_request call = {
	    .kind = TPM_REQUEST_EVENT,
	    .event = {.kind = EVENT_BUILD, .as.build = report->build},
	    .decided_by = report->decided_by,
	};

	/* Who builds knows neither. */
	call.event.as.build.by = job->caller;
	call.event.as.build.after = job->lineage.after;
	job->is_recorded = true;
	quota_add_log(&sup->quota, sup->config, &job->caller,
	    bytes_on_record(&call.event));
	TRY(ask(sup, &call, err));
	job->tag = call.tag;
	return 0;
}

/* Of a build, and of the end that it will have. */
static uint64_t
bytes_on_record(const struct event *event)
{
	uint8_t bytes[EVENT_BYTES];

	return event_log_record_bytes(event_encode(event, bytes)) +
	       RECORDER_END_BYTES;
}

int
supervisor_record_store(struct supervisor *sup, struct job *job,
    const struct epoch_report *report, struct err *err)
{
	struct tpm_request call = {
	    .kind = TPM_REQUEST_EPOCH,
	    .store = report->store,
	    .decided_by = report->decided_by,
	};

	job->store = report->store;
	TRY(ask(sup, &call, err));
	job->tag = call.tag;
	return 0;
}

int
supervisor_record_trust(struct supervisor *sup, struct job *job,
    const struct trust_id *trust, struct err *err)
{
	struct tpm_request call = {
	    .kind = TPM_REQUEST_TRUST,
	    .trust = *trust,
	};

	TRY(trust_id_check(&sup->trust, trust, err));
	job->trust = *trust;
	TRY(ask(sup, &call, err));
	job->tag = call.tag;
	return 0;
}

int
supervisor_record_end(struct supervisor *sup,
    const struct journal_pending *entry, enum err_code why, uint32_t *ret_tag,
    struct err *err)
{
	struct tpm_request call = {.kind = TPM_REQUEST_EVENT};
	struct event *event = &call.event;

	if (entry->state == JOURNAL_BUILT) {
		event->kind = EVENT_DESTROY;
		memcpy(event->as.destroy.uuid, entry->uuid, UUID_BYTES);
		event->as.destroy.domid = entry->domid;
	} else {
		event->kind = EVENT_ABANDON;
		memcpy(event->as.abandon.uuid, entry->uuid, UUID_BYTES);
		event->as.abandon.domid = entry->domid;
		event->as.abandon.why = why;
	}
	TRY(ask(sup, &call, err));
	*ret_tag = call.tag;
	return 0;
}

/* Under a new tag, which the answer repeats. */
static int
ask(struct supervisor *sup, struct tpm_request *call, struct err *err)
{
	struct asked *asked =
	    &sup->asked[(sup->asked_first + sup->asked_count) % ASKED];
	struct err full;

	call->tag = ++sup->last_tag;
	if (call->tag == 0) /* none: jobs that ask nothing have it */
		call->tag = ++sup->last_tag;
	if (sup->tpm_fd < 0)
		return err_set(err, TPM_FAILED, "the tpm role is gone");
	if (sup->asked_count == ASKED)
		return err_set(err, RPC_BUSY, "the tpm role is busy");
	TRY(outbox_put(&sup->records, call, tpm_request_bytes(call->kind), NULL,
	    err));
	*asked = (struct asked){call->kind, call->tag};
	sup->asked_count++;
	if (outbox_flush(&sup->records, &full) != 0) {
		supervisor_lose_tpm_role(sup);
		return err_set(err, TPM_FAILED, "the tpm role is gone");
	}
	return 0;
}

int
supervisor_take_recorded(void *supervisor, const void *record,
    struct ipc_fds *fds, struct err *err)
{
	struct supervisor *sup = supervisor;
	const struct tpm_answer *answer = record;
	const struct recorded *recorded = &answer->recorded;
	struct err why = {0};
	int code;

	(void)fds;
	TRY(check_asked(sup, answer, err));
	note_doubt(sup, recorded);
	supervisor_note_log(sup, answer);
	if (recorded->is_broken)
		supervisor_stop_building(sup, &recorded->outcome);
	if (tell_child(sup, answer))
		return 0;
	code = err_wire_to(&recorded->outcome, TPM_FAILED, &why);
	/* In the log it gets into the TPM: once is enough. */
	(void)supervisor_end_record(sup, answer->tag,
	    recorded->is_logged ? 0 : code, &why);
	return 0;
}

/* Is this what was asked first of all that it did not answer? */
static int
check_asked(struct supervisor *sup, const struct tpm_answer *answer,
    struct err *err)
{
	const struct asked *asked = &sup->asked[sup->asked_first];
	const struct recorded *recorded = &answer->recorded;

	if (sup->asked_count == 0 || asked->kind != answer->kind ||
	    asked->tag != answer->tag)
		return err_set(err, BUG, "an answer that nobody asked for");
	if (!ipc_is_bool(&recorded->is_outdated) ||
	    !ipc_is_bool(&recorded->is_logged) ||
	    !ipc_is_bool(&recorded->is_broken) ||
	    !ipc_is_bool(&recorded->is_unsure))
		return err_set(err, BUG, "an answer with no bool");
	sup->asked_first = (sup->asked_first + 1) % ASKED;
	sup->asked_count--;
	return 0;
}

void
supervisor_note_log(struct supervisor *sup, const struct tpm_answer *answer)
{
	sup->log_bytes = answer->log_used_bytes + answer->log_build_bytes_left;
}

/* Nothing is built while the TPM does not answer, and then it goes on: an
 * operator is told both. */
static void
note_doubt(struct supervisor *sup, const struct recorded *recorded)
{
	struct err err = {0};

	if (sup->platform.why.code != 0)
		return;
	if (!recorded->is_unsure) {
		if (sup->doubt.code != 0)
			log_line("platform trusted=1 reason=\"the TPM answers "
				 "again\"");
		sup->doubt = (struct err_wire){0};
	} else if (sup->doubt.code == 0 && recorded->outcome.code != 0) {
		err_wire_from(&sup->doubt,
		    err_set(&err, TPM_UNREACHABLE,
			"the TPM may miss what is in the log"),
		    &err);
		if (is_of_the_tpm(&recorded->outcome))
			sup->doubt = recorded->outcome;
		log_line("platform trusted=0 code=%s",
		    err_name(
			(enum err_code)err_wire_to(&sup->doubt, BUG, &err)));
	}
}

/* A refusal can come at the same time, and is no reason. */
static bool
is_of_the_tpm(const struct err_wire *outcome)
{
	struct err err;

	return err_class_of((enum err_code)err_wire_to(outcome, BUG, &err)) ==
	       ERR_CLASS_ENVIRONMENT;
}

/* Only to somebody who asked for evidence: the other callers wait for the
 * supervisor's own answer. */
int
supervisor_take_evidence(void *supervisor, const void *record,
    struct ipc_fds *fds, struct err *err)
{
	struct supervisor *sup = supervisor;
	const struct tpm_answer *answer = record;
	struct evidence_call *caller = find_evidence(sup, true, answer->tag);
	struct front_answer reply = {
	    .kind = fds->count > 0 ? ANSWER_MEMORY : ANSWER_OUTCOME,
	    .outcome = answer->recorded.outcome,
	};
	struct sealed *attached = NULL;
	struct err failure;

	TRY(check_asked(sup, answer, err));
	if (caller == NULL ||
	    (fds->count > 0) != (answer->recorded.outcome.code == 0))
		return err_set(err, BUG, "evidence for nobody, or none");
	note_doubt(sup, &answer->recorded);
	if (answer->recorded.is_broken)
		supervisor_stop_building(sup, &answer->recorded.outcome);
	caller->is_used = false;
	reply.connection = caller->connection;
	if (fds->count > 0 &&
	    ipc_take_sealed(fds, sizeof(struct attest_reply) + ATTEST_LOG_BYTES,
		"evidence", &attached, &failure) != 0)
		supervisor_answer(sup, caller->connection, (int)failure.code,
		    &failure);
	else
		supervisor_send(sup, &reply, attached);
	return 0;
}

/* One that is free, or that has this tag; NULL if there is none. */
static struct evidence_call *
find_evidence(struct supervisor *sup, bool is_used, uint32_t tag)
{
	for (size_t i = 0; i < SUPERVISOR_EVIDENCE; i++) {
		struct evidence_call *call = &sup->evidence[i];

		if (call->is_used == is_used && (!is_used || call->tag == tag))
			return call;
	}
	return NULL;
}

/* False: no child waits for it. If it is gone, so will be its domain, and that
 * is put on record too. */
static bool
tell_child(struct supervisor *sup, const struct tpm_answer *answer)
{
	struct err failure;

	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		struct job *job = &sup->jobs[i];

		if (job->state != JOB_RUNNING || job->tag == 0 ||
		    job->tag != answer->tag)
			continue;
		job->tag = 0;
		if (!answer->recorded.is_logged)
			job->is_recorded = false;
		if (answer->recorded.outcome.code == 0)
			adopt(sup, job, (enum tpm_request_kind)answer->kind);
		/* A child that died meanwhile is seen at the end of its link.
		 */
		if (job->child.link >= 0 &&
		    send_recorded(job, &answer->recorded, &failure) != 0)
			job_kill(job, BUILD_CRASHED);
		return true;
	}
	return false;
}

int
supervisor_refuse_record(struct job *job, const struct err *why,
    struct err *err)
{
	struct recorded recorded = {.is_logged = false};

	err_wire_from(&recorded.outcome, (int)why->code, why);
	return send_recorded(job, &recorded, err);
}

static int
send_recorded(const struct job *job, const struct recorded *recorded,
    struct err *err)
{
	const struct rules_answer answer = {
	    .kind = RULES_RECORDED,
	    .recorded = *recorded,
	};
	bool is_full = false;

	TRY(ipc_send_now(job->child.link, &answer, sizeof(answer), NULL,
	    &is_full, err));
	if (is_full)
		return err_set(err, SYSTEM_FAILED, "the child takes no answer");
	return 0;
}

/* What is on record holds from now on. Two builds may bring the same policy; an
 * older one was refused. */
static void
adopt(struct supervisor *sup, struct job *job, enum tpm_request_kind kind)
{
	if (kind == TPM_REQUEST_EPOCH)
		sup->store = job->store;
	if (kind != TPM_REQUEST_TRUST)
		return;
	sup->trust = job->trust;
	log_line("trust version=%lld", (long long)sup->trust.version);
}

/* Whoever waits for it would wait in vain. */
void
supervisor_fail_records(struct supervisor *sup, const struct err *why)
{
	/* Nobody knows what it had logged. */
	struct tpm_answer answer = {
	    .kind = TPM_REQUEST_EVENT,
	    .recorded = {.is_logged = true, .is_broken = true},
	};

	err_wire_from(&answer.recorded.outcome, (int)why->code, why);
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		answer.tag = sup->jobs[i].tag;
		tell_child(sup, &answer);
	}
	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		if (sup->removals[i].tag != 0)
			supervisor_end_record(sup, sup->removals[i].tag,
			    (int)why->code, why);
	}
	for (size_t i = 0; i < SUPERVISOR_EVIDENCE; i++) {
		struct evidence_call *call = &sup->evidence[i];

		if (call->is_used)
			supervisor_answer(sup, call->connection, (int)why->code,
			    why);
		call->is_used = false;
	}
}
