/*
 * What the tpm role is asked, for build children and for callers, and what it
 * answers.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/record_link.h"
#include "builder/supervisor_state.h"
#include "builder/tpm_role.h"

/* A slow TPM tests itself when it is first asked. At the end, what was logged
 * and not extended the next role makes up for. */
enum { START_SECONDS = 60, SEND_SECONDS = 5, STOP_SECONDS = 10 };

static int await_start(struct supervisor *sup, struct err *err);
static void log_platform(const struct platform *platform);
static int take_answer(struct supervisor *sup,
    const struct record_answer *answer, struct ipc_fds *fds, struct err *err);
static int pass_on(struct supervisor *sup, const struct record_answer *answer,
    struct ipc_fds *fds, struct err *err);
static struct evidence_call *find_evidence(struct supervisor *sup, bool is_used,
    uint32_t connection);
static bool has_broken(const struct record_answer *answer);
static int tell_child(struct supervisor *sup,
    const struct record_answer *answer, struct err *err);
static void adopt(struct supervisor *sup, struct job *job,
    enum record_kind kind);
static void stop_building(struct supervisor *sup, const struct outcome *why);
static void lose_recorder(struct supervisor *sup);

int
supervisor_start_recorder(struct supervisor *sup, struct err *err)
{
	struct timeval patience = {.tv_sec = SEND_SECONDS};
	int link;
	pid_t pid;

	TRY(ipc_fork(&link, &pid, err));
	if (pid == 0)
		tpm_role_run(sup->config,
		    trust_in_force_policy(&sup->env.trust), sup->is_development,
		    link);
	setsockopt(link, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	sup->recorder_fd = link;
	sup->recorder_pid = pid;
	return await_start(sup, err);
}

static int
await_start(struct supervisor *sup, struct err *err)
{
	struct pollfd wait = {.fd = sup->recorder_fd, .events = POLLIN};
	struct record_answer answer;
	bool is_end;

	if (poll(&wait, 1, START_SECONDS * 1000) != 1)
		return err_set(err, TPM_FAILED,
		    "the tpm role was not ready after %d seconds",
		    START_SECONDS);
	TRY(ipc_receive(sup->recorder_fd, &answer, sizeof(answer), NULL,
	    &is_end, err));
	if (is_end)
		return err_set(err, TPM_FAILED, "the tpm role died at start");
	sup->platform = answer.platform;
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

int
supervisor_record(struct supervisor *sup, struct record_call *call,
    struct err *err)
{
	if (sup->recorder_fd < 0 ||
	    ipc_send(sup->recorder_fd, call, sizeof(*call), -1, err) != 0)
		return err_set(err, TPM_FAILED, "the tpm role is gone");
	return 0;
}

int
supervisor_record_evidence(struct supervisor *sup, struct record_call *call,
    struct err *err)
{
	struct evidence_call *place = find_evidence(sup, false, 0);

	if (place == NULL)
		return err_set(err, RPC_BUSY,
		    "%d calls for evidence are under way", SUPERVISOR_EVIDENCE);
	TRY(supervisor_record(sup, call, err));
	*place = (struct evidence_call){true, call->tag};
	return 0;
}

int
supervisor_record_build(struct supervisor *sup, struct job *job,
    const struct report *report, struct err *err)
{
	struct record_call call = {
	    .kind = RECORD_EVENT,
	    .tag = ++sup->last_tag,
	    .event = {.kind = EVENT_BUILD, .as.build = report->build},
	    .basis = report->basis,
	};

	job->tag = call.tag;
	job->is_recorded = true;
	return supervisor_record(sup, &call, err);
}

int
supervisor_record_store(struct supervisor *sup, struct job *job,
    const struct report *report, struct err *err)
{
	struct record_call call = {
	    .kind = RECORD_EPOCH,
	    .tag = ++sup->last_tag,
	    .store = report->store,
	    .basis = report->basis,
	};

	job->tag = call.tag;
	job->store = report->store;
	return supervisor_record(sup, &call, err);
}

/* The child has verified the chain. Here it is followed again, because here its
 * end is kept, for the builds that come. */
int
supervisor_record_trust(struct supervisor *sup, struct job *job,
    const struct sealed *chain, struct err *err)
{
	struct record_call call = {
	    .kind = RECORD_TRUST,
	    .tag = ++sup->last_tag,
	};

	trust_in_force_done(&job->trust);
	TRY(trust_in_force_follow(sup->env.trust.root, sealed_bytes(chain),
	    &job->trust, err));
	call.trust = trust_in_force_mark(&job->trust);
	job->tag = call.tag;
	return supervisor_record(sup, &call, err);
}

void
supervisor_record_end(struct supervisor *sup, enum event_kind kind,
    const uint8_t uuid[UUID_BYTES], uint32_t domid, enum err_code why)
{
	struct record_call call = {
	    .kind = RECORD_EVENT,
	    .event = {.kind = kind},
	};
	struct err err;

	if (kind == EVENT_ABANDON) {
		memcpy(call.event.as.abandon.uuid, uuid, UUID_BYTES);
		call.event.as.abandon.domid = domid;
		call.event.as.abandon.why = why;
	} else {
		memcpy(call.event.as.destroy.uuid, uuid, UUID_BYTES);
		call.event.as.destroy.domid = domid;
	}
	if (supervisor_record(sup, &call, &err) != 0)
		lose_recorder(sup);
}

int
supervisor_serve_recorder(struct supervisor *sup, struct err *err)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {0};
	struct record_answer answer;
	struct err failure;
	bool is_end;

	if (ipc_receive_fds(sup->recorder_fd, &answer, sizeof(answer), &fds,
		&is_end, &failure) != 0 ||
	    is_end) {
		lose_recorder(sup);
		return 0;
	}
	return take_answer(sup, &answer, &fds, err);
}

static int
take_answer(struct supervisor *sup, const struct record_answer *answer,
    struct ipc_fds *fds, struct err *err)
{
	switch ((enum record_kind)answer->kind) {
	case RECORD_EVENT:
	case RECORD_EPOCH:
	case RECORD_TRUST:
		if (has_broken(answer))
			stop_building(sup, &answer->recorded.outcome);
		return tell_child(sup, answer, err);
	case RECORD_QUOTE:
	case RECORD_LOG:
		return pass_on(sup, answer, fds, err);
	case RECORD_START:
		break;
	}
	lose_recorder(sup);
	return 0;
}

/* Only to somebody who asked for evidence: the other callers wait for the
 * supervisor's own answer. */
static int
pass_on(struct supervisor *sup, const struct record_answer *answer,
    struct ipc_fds *fds, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *attached = NULL;
	struct evidence_call *asked = find_evidence(sup, true, answer->tag);
	struct front_answer reply = {
	    .connection = answer->tag,
	    .is_last = true,
	    .outcome = answer->recorded.outcome,
	};
	struct err failure;

	if (asked == NULL) {
		lose_recorder(sup);
		return 0;
	}
	asked->is_used = false;
	if (fds->count == 0)
		return supervisor_send(sup, &reply, err);
	if (ipc_take_sealed(fds, sizeof(struct quote) + QUOTE_LOG_BYTES,
		"evidence", &attached, &failure) != 0)
		return supervisor_answer(sup, answer->tag, (int)failure.code,
		    &failure, err);
	return ipc_send_sealed(sup->front_fd, &reply, sizeof(reply), attached,
	    err);
}

/* One that is free, or that of this connection; NULL if there is none. */
static struct evidence_call *
find_evidence(struct supervisor *sup, bool is_used, uint32_t connection)
{
	for (size_t i = 0; i < SUPERVISOR_EVIDENCE; i++) {
		struct evidence_call *call = &sup->evidence[i];

		if (call->is_used == is_used &&
		    (!is_used || call->connection == connection))
			return call;
	}
	return NULL;
}

/* An index that was refused is no failure of log or TPM. */
static bool
has_broken(const struct record_answer *answer)
{
	struct err err;

	if (outcome_to(&answer->recorded.outcome, TPM_FAILED, &err) == 0)
		return false;
	return (answer->kind == RECORD_EVENT &&
		   !answer->recorded.is_outdated) ||
	       err_class_of(err.code) != ERR_CLASS_REFUSAL;
}

/* If the child is gone, so is its domain, and that was put on record too. */
static int
tell_child(struct supervisor *sup, const struct record_answer *answer,
    struct err *err)
{
	struct err ignored;

	(void)err;
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		struct job *job = &sup->jobs[i];

		if (job->state != JOB_RUNNING || answer->tag == 0 ||
		    job->tag != answer->tag)
			continue;
		job->tag = 0;
		if (answer->recorded.is_outdated)
			job->is_recorded = false;
		if (answer->recorded.outcome.code == 0)
			adopt(sup, job, (enum record_kind)answer->kind);
		/* A child that died meanwhile is seen at the end of its link.
		 */
		(void)ipc_send(job->link, &answer->recorded,
		    sizeof(answer->recorded), -1, &ignored);
	}
	return 0;
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
	trust_in_force_done(&sup->env.trust);
	sup->env.trust = job->trust;
	job->trust.newest = NULL;
	log_line("trust version=%lld",
	    (long long)trust_in_force_mark(&sup->env.trust).version);
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
	struct record_answer answer = {.kind = RECORD_EVENT};
	struct err why;
	struct err ignored;
	int code = err_set(&why, TPM_FAILED, "the tpm role died");

	if (sup->recorder_fd < 0)
		return;
	closep(&sup->recorder_fd);
	outcome_from(&answer.recorded.outcome, code, &why);
	stop_building(sup, &answer.recorded.outcome);
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		answer.tag = sup->jobs[i].tag;
		tell_child(sup, &answer, &ignored);
	}
	for (size_t i = 0; i < SUPERVISOR_EVIDENCE; i++) {
		struct evidence_call *call = &sup->evidence[i];

		if (call->is_used)
			(void)supervisor_answer(sup, call->connection, code,
			    &why, &ignored);
		call->is_used = false;
	}
}

void
supervisor_stop_recorder(struct supervisor *sup)
{
	CLEANUP(closep) int pidfd = -1;
	struct pollfd end = {.events = POLLIN};

	closep(&sup->recorder_fd); /* it writes its last event, and ends */
	if (sup->recorder_pid <= 0)
		return;
	pidfd = pidfd_open(sup->recorder_pid, 0);
	end.fd = pidfd;
	if (pidfd < 0 || poll(&end, 1, STOP_SECONDS * 1000) != 1) {
		log_line("killed role=tpm reason=\"it did not end\"");
		kill(sup->recorder_pid, SIGKILL);
	}
	waitpid(sup->recorder_pid, NULL, 0);
}
