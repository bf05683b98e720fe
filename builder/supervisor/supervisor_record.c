/*
 * What the tpm role is asked, for build children and for callers, and what it
 * answers.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/record_link.h"
#include "builder/supervisor/supervisor_state.h"
#include "measure/recorder.h"

/* A slow TPM tests itself when it is first asked. At the end, what was logged
 * and not extended the next role makes up for. */
enum { START_SECONDS = 60, STOP_SECONDS = 10 };

static int await_start(struct supervisor *sup, struct err *err);
static void log_platform(const struct platform *platform);
static void take_answer(struct supervisor *sup,
    const struct record_answer *answer, struct ipc_fds *fds);
static uint64_t bytes_on_record(const struct event *event);
static int ask(struct supervisor *sup, struct record_call *call,
    struct err *err);
static void note_log(struct supervisor *sup,
    const struct record_answer *answer);
static void pass_on(struct supervisor *sup, const struct record_answer *answer,
    struct ipc_fds *fds);
static struct evidence_call *find_evidence(struct supervisor *sup, bool is_used,
    uint32_t tag);
static bool tell_child(struct supervisor *sup,
    const struct record_answer *answer);
static void adopt(struct supervisor *sup, struct job *job,
    enum record_kind kind);
static void stop_building(struct supervisor *sup, const struct outcome *why);
static void lose_recorder(struct supervisor *sup);
static void fail_everybody(struct supervisor *sup, const struct err *why);

int
supervisor_start_recorder(struct supervisor *sup, struct err *err)
{
	struct child child = CHILD_NONE;

	TRY(role_start_tpm(&sup->env, &child, err));
	sup->recorder_fd = child.link;
	outbox_attach(&sup->records, child.link);
	sup->recorder_pid = child.pid;
	close(child.pidfd);
	return await_start(sup, err);
}

static int
await_start(struct supervisor *sup, struct err *err)
{
	struct pollfd wait[2 + ROLE_LOG_FDS] = {
	    {.fd = sup->recorder_fd, .events = POLLIN},
	    {.fd = sup->signal_fd, .events = POLLIN},
	};
	struct record_answer answer;
	bool is_end;
	int ready = role_logs_wait(&sup->logs, wait, 2, START_SECONDS * 1000);

	if (ready > 0 && wait[1].revents != 0) {
		sup->stop_usec = timing_now_usec(); /* told to stop already */
		return 0;
	}
	if (ready <= 0)
		return err_set(err, TPM_FAILED,
		    "the tpm role was not ready after %d seconds",
		    START_SECONDS);
	TRY(ipc_receive(sup->recorder_fd, &answer, sizeof(answer), NULL,
	    &is_end, err));
	if (is_end)
		return err_set(err, TPM_FAILED, "the tpm role died at start");
	sup->platform = answer.platform;
	note_log(sup, &answer);
	sup->store.epoch = answer.platform.epoch_floor;
	log_platform(&sup->platform);
	return 0;
}

static void
log_platform(const struct platform *platform)
{
	struct err why = {0};
	int code = outcome_to(&platform->why, BUG, &why);

	log_line("platform trusted=%d development=%d tpm=%d release=%s code=%s "
		 "detail=\"%s\"",
	    code == 0, platform->is_development, platform->has_tpm,
	    platform->release, code == 0 ? "0" : err_name(why.code), why.text);
}

/* Under a new tag, which the answer repeats. */
static int
ask(struct supervisor *sup, struct record_call *call, struct err *err)
{
	struct err full;

	call->tag = ++sup->last_tag;
	if (call->tag == 0) /* none: jobs that ask nothing have it */
		call->tag = ++sup->last_tag;
	if (sup->recorder_fd < 0)
		return err_set(err, TPM_FAILED, "the tpm role is gone");
	TRY(outbox_put(&sup->records, call, NULL, err));
	if (outbox_flush(&sup->records, &full) != 0) {
		lose_recorder(sup);
		return err_set(err, TPM_FAILED, "the tpm role is gone");
	}
	return 0;
}

int
supervisor_record_evidence(struct supervisor *sup,
    const struct front_call *front_call, enum record_kind kind, struct err *err)
{
	struct evidence_call *place = find_evidence(sup, false, 0);
	struct record_call call = {
	    .kind = kind,
	    .quote_request = front_call->quote_request,
	    .log_offset = front_call->log_offset,
	};
	uint32_t uid = front_call->build.peer.uid;
	uint32_t of_user = 0;

	for (size_t i = 0; i < SUPERVISOR_EVIDENCE; i++)
		of_user +=
		    sup->evidence[i].is_used && sup->evidence[i].uid == uid;
	if (place == NULL || (sup->config->allow_uid_count > 1 &&
				 of_user >= SUPERVISOR_EVIDENCE * 3 / 4))
		return err_set(err, RPC_BUSY,
		    "%u calls for evidence are under way",
		    place == NULL ? SUPERVISOR_EVIDENCE : of_user);
	TRY(ask(sup, &call, err));
	*place =
	    (struct evidence_call){true, call.tag, front_call->connection, uid};
	return 0;
}

int
supervisor_record_build(struct supervisor *sup, struct job *job,
    const struct build_report *report, struct err *err)
{
	struct record_call call = {
	    .kind = RECORD_EVENT,
	    .event = {.kind = EVENT_BUILD, .as.build = report->build},
	    .basis = report->basis,
	};

	job->is_recorded = true;
	quota_add_log(&sup->quota, sup->config, job->uid,
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
    const struct verify_report *report, struct err *err)
{
	struct record_call call = {
	    .kind = RECORD_EPOCH,
	    .store = report->store,
	    .basis = report->basis,
	};

	job->store = report->store;
	TRY(ask(sup, &call, err));
	job->tag = call.tag;
	return 0;
}

int
supervisor_record_trust(struct supervisor *sup, struct job *job,
    const struct trust_mark *trust, struct err *err)
{
	struct record_call call = {
	    .kind = RECORD_TRUST,
	    .trust = *trust,
	};

	TRY(trust_mark_check(&sup->trust, trust, err));
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
	struct record_call call = {.kind = RECORD_EVENT};
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

void
supervisor_serve_recorder(struct supervisor *sup)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {0};
	struct record_answer answer;
	struct err failure;
	bool is_end;

	if (ipc_receive_fds(sup->recorder_fd, &answer, sizeof(answer), &fds,
		&is_end, &failure) != 0 ||
	    is_end)
		lose_recorder(sup);
	else
		take_answer(sup, &answer, &fds);
}

void
supervisor_flush_recorder(struct supervisor *sup)
{
	struct err failure;

	if (outbox_flush(&sup->records, &failure) != 0)
		lose_recorder(sup);
}

static void
take_answer(struct supervisor *sup, const struct record_answer *answer,
    struct ipc_fds *fds)
{
	struct err err = {0};
	int code;

	switch ((enum record_kind)answer->kind) {
	case RECORD_EVENT:
	case RECORD_EPOCH:
	case RECORD_TRUST:
		note_log(sup, answer);
		if (answer->recorded.is_broken)
			stop_building(sup, &answer->recorded.outcome);
		if (tell_child(sup, answer))
			return;
		code = outcome_to(&answer->recorded.outcome, TPM_FAILED, &err);
		/* In the log it gets into the TPM: once is enough. */
		(void)supervisor_end_record(sup, answer->tag,
		    answer->recorded.is_logged ? 0 : code, &err);
		return;
	case RECORD_QUOTE:
	case RECORD_LOG:
		pass_on(sup, answer, fds);
		return;
	case RECORD_START:
		break;
	}
	lose_recorder(sup);
}

static void
note_log(struct supervisor *sup, const struct record_answer *answer)
{
	sup->log_bytes = answer->log_used_bytes + answer->log_build_bytes_left;
}

/* Only to somebody who asked for evidence: the other callers wait for the
 * supervisor's own answer. */
static void
pass_on(struct supervisor *sup, const struct record_answer *answer,
    struct ipc_fds *fds)
{
	struct evidence_call *asked = find_evidence(sup, true, answer->tag);
	struct front_answer reply = {.outcome = answer->recorded.outcome};
	struct sealed *attached = NULL;
	struct err failure;

	if (asked == NULL) {
		lose_recorder(sup);
		return;
	}
	asked->is_used = false;
	reply.connection = asked->connection;
	if (fds->count > 0 &&
	    ipc_take_sealed(fds, sizeof(struct quote) + QUOTE_LOG_BYTES,
		"evidence", &attached, &failure) != 0)
		supervisor_answer(sup, asked->connection, (int)failure.code,
		    &failure);
	else
		supervisor_send(sup, &reply, attached);
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
tell_child(struct supervisor *sup, const struct record_answer *answer)
{
	struct err failure;

	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		struct job *job = &sup->jobs[i];
		bool is_full = false;

		if (job->state != JOB_RUNNING || job->tag == 0 ||
		    job->tag != answer->tag)
			continue;
		job->tag = 0;
		if (!answer->recorded.is_logged)
			job->is_recorded = false;
		if (answer->recorded.outcome.code == 0)
			adopt(sup, job, (enum record_kind)answer->kind);
		/* A child that died meanwhile is seen at the end of its link.
		 */
		if (job->child.link >= 0 &&
		    (ipc_send_now(job->child.link, &answer->recorded,
			 sizeof(answer->recorded), NULL, &is_full,
			 &failure) != 0 ||
			is_full))
			job_kill(job, BUILD_CRASHED);
		return true;
	}
	return false;
}

/* What is on record holds from now on. Two builds may bring the same policy; an
 * older one was refused. */
static void
adopt(struct supervisor *sup, struct job *job, enum record_kind kind)
{
	if (kind == RECORD_EPOCH)
		sup->store = job->store;
	if (kind != RECORD_TRUST)
		return;
	sup->trust = job->trust;
	log_line("trust version=%lld", (long long)sup->trust.version);
}

/* What is not on record does not run, and log and TPM may differ by now. */
static void
stop_building(struct supervisor *sup, const struct outcome *why)
{
	struct err err = {0};

	if (sup->platform.is_lost)
		return;
	sup->platform.is_lost = true;
	sup->platform.why = *why;
	log_line("platform trusted=0 code=%s",
	    err_name((enum err_code)outcome_to(why, BUG, &err)));
}

static void
lose_recorder(struct supervisor *sup)
{
	struct outcome outcome;
	struct err why;
	int code = err_set(&why, TPM_FAILED, "the tpm role died");

	if (sup->recorder_fd < 0)
		return;
	closep(&sup->recorder_fd);
	outbox_attach(&sup->records, -1);
	outcome_from(&outcome, code, &why);
	stop_building(sup, &outcome);
	fail_everybody(sup, &why);
}

/* Whoever waits for it would wait in vain. */
static void
fail_everybody(struct supervisor *sup, const struct err *why)
{
	/* Nobody knows what it had logged. */
	struct record_answer answer = {
	    .kind = RECORD_EVENT,
	    .recorded = {.is_logged = true, .is_broken = true},
	};

	outcome_from(&answer.recorded.outcome, (int)why->code, why);
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

void
supervisor_stop_recorder(struct supervisor *sup)
{
	CLEANUP(closep) int pidfd = -1;
	struct pollfd end[1 + ROLE_LOG_FDS] = {{.events = POLLIN}};

	/* It reads what is under way, writes its last event, and ends. */
	closep(&sup->recorder_fd);
	outbox_attach(&sup->records, -1);
	if (sup->recorder_pid <= 0)
		return;
	pidfd = pidfd_open(sup->recorder_pid, 0);
	end[0].fd = pidfd;
	if (pidfd < 0 ||
	    role_logs_wait(&sup->logs, end, 1, STOP_SECONDS * 1000) != 1) {
		log_line("killed role=tpm reason=\"it did not end\"");
		kill(sup->recorder_pid, SIGKILL);
	}
	waitpid(sup->recorder_pid, NULL, 0);
}
