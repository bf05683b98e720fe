/*
 * What build children report to the supervisor, and how they end.
 */
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/domain.h"
#include "builder/ipc.h"
#include "builder/supervisor_state.h"

static int pass_row(struct supervisor *sup, const struct job *job,
    const struct image_row *row, struct err *err);
static int note(struct supervisor *sup, struct job *job,
    const struct report *report, struct ipc_fds *fds, struct err *err);
static int hand_over(struct supervisor *sup, struct job *job, struct err *err);
static int end_job(struct supervisor *sup, struct job *job, struct err *err);
static int end_build(struct supervisor *sup, struct job *job, bool ended_well,
    int code, struct err *outcome, struct err *err);
static int clean_up_after(struct supervisor *sup, struct job *job,
    const struct err *why, struct err *err);
static int start_cleaner(struct supervisor *sup, struct job *job,
    const struct task *task, uint32_t connection);
static int end_cleaning(struct supervisor *sup, struct job *job,
    bool ended_well, int code, struct err *outcome, struct err *err);
static void forget_build(const struct supervisor *sup, const struct job *job);
static void log_end(const struct job *job, int code, const struct err *outcome);

/* A task for the child that waits, or for a new one. */
int
supervisor_start_task(struct supervisor *sup, const struct task *task,
    uint32_t connection, struct err *err)
{
	enum child_kind kind = CHILD_TO_ERASE;
	struct job *job = NULL;

	sup->is_unready = false;
	if (task->kind != TASK_ERASE) {
		kind = CHILD_FOR_ANY_TASK;
		job = supervisor_find_job(sup, JOB_READY);
	}
	if (job != NULL && job_assign(job, task, connection, err) == 0)
		return 0;
	job = supervisor_find_job(sup, JOB_FREE);
	if (job == NULL)
		return err_set(err, RPC_BUSY, "too many calls at once");
	TRY(job_prepare(job, &sup->env, kind, err));
	return job_assign(job, task, connection, err);
}

int
supervisor_serve_job(struct supervisor *sup, struct job *job, struct err *err)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	struct report report;
	struct err ignored;
	bool is_end;

	if (job->state == JOB_READY) {
		job_kill(job, BUG); /* it has nothing to say before its task */
		return end_job(sup, job, err);
	}
	if (ipc_receive_fds(job->link, &report, sizeof(report), &fds, &is_end,
		&ignored) != 0 ||
	    is_end)
		return end_job(sup, job, err);
	switch ((enum report_kind)report.kind) {
	case REPORT_IMAGE:
		return pass_row(sup, job, &report.image, err);
	case REPORT_DONE:
		job->is_done = true;
		job->done = report;
		return job->task.kind == TASK_BUILD && report.outcome.code == 0
		           ? hand_over(sup, job, err)
		           : 0;
	case REPORT_DOMAIN:
	case REPORT_BLOB:
	case REPORT_VERDICT:
	case REPORT_BUILD:
	case REPORT_EPOCH:
	case REPORT_TRUST:
		break;
	}
	if (note(sup, job, &report, &fds, &ignored) != 0)
		job_kill(job, ignored.code);
	return 0;
}

/* One row of a listing, for the caller. */
static int
pass_row(struct supervisor *sup, const struct job *job,
    const struct image_row *row, struct err *err)
{
	struct front_answer reply = {.connection = job->connection};

	reply.image = *row;
	return supervisor_send(sup, &reply, err);
}

/* What is to be kept, or to be put on record. A child that reports what cannot
 * be noted does not go on. */
static int
note(struct supervisor *sup, struct job *job, const struct report *report,
    struct ipc_fds *fds, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	struct err ignored;

	switch ((enum report_kind)report->kind) {
	case REPORT_DOMAIN:
		job->domid = report->domid;
		return journal_domid(sup->journal, job->task.build.uuid,
		    report->domid, err);
	case REPORT_BLOB: /* one that does not get here is read again */
		if (ipc_take_sealed(fds, LIMIT_RAMDISK_BYTES, "blob", &sealed,
			&ignored) == 0)
			image_cache_add(&sup->cache, &report->digest,
			    take_ptr(&sealed));
		return 0;
	case REPORT_VERDICT:
		image_cache_add_verdict(&sup->cache, &report->digest,
		    &report->verdict);
		return 0;
	case REPORT_BUILD:
		return supervisor_record_build(sup, job, report, err);
	case REPORT_EPOCH:
		return supervisor_record_store(sup, job, report, err);
	case REPORT_TRUST:
		TRY(ipc_take_sealed(fds, LIMIT_TRUST_CHAIN_BYTES, "trust chain",
		    &sealed, err));
		return supervisor_record_trust(sup, job, sealed, err);
	case REPORT_IMAGE:
	case REPORT_DONE:
		break;
	}
	return err_set(err, BUG, "report %u", report->kind);
}

/*
 * The domain is built and the child has let go of it: register it and answer.
 * What is left of the child is its end, which the caller need not wait for.
 */
static int
hand_over(struct supervisor *sup, struct job *job, struct err *err)
{
	struct front_answer reply = {
	    .connection = job->connection,
	    .is_last = true,
	    .receipt = job->done.receipt,
	};
	struct err failure;

	if (job->killed != ERR_NONE)
		return 0; /* too late: its end cleans up */
	if (journal_commit(sup->journal, &job->done.receipt, &failure) != 0 ||
	    domain_table_add(&sup->domains, &job->done.receipt, &failure) !=
		0) {
		job_kill(job, failure.code);
		return 0;
	}
	log_end(job, 0, NULL);
	sup->builds_done++;
	job->state = JOB_ENDING;
	job->deadline_usec = UINT64_MAX;
	return supervisor_send(sup, &reply, err);
}

static int
end_job(struct supervisor *sup, struct job *job, struct err *err)
{
	struct err outcome = {0};
	int code = 0;
	bool ended_well = job_collect(job, &code, &outcome);

	if (!ended_well)
		code = (int)outcome.code;
	if (job->state == JOB_READY || job->state == JOB_ENDING) {
		sup->is_unready = job->state == JOB_READY;
		job->state = JOB_FREE;
		return 0;
	}
	if (job->state == JOB_CLEANING)
		return end_cleaning(sup, job, ended_well, code, &outcome, err);
	if (job->task.kind == TASK_BUILD)
		return end_build(sup, job, ended_well, code, &outcome, err);
	if (job->task.kind == TASK_ERASE && code == 0) {
		supervisor_record_end(sup, EVENT_DESTROY, job->task.uuid,
		    job->task.domid, ERR_NONE);
		domain_table_remove(&sup->domains, job->task.uuid);
		code = journal_forget(sup->journal, job->task.uuid, &outcome);
	}
	log_end(job, code, &outcome);
	job->state = JOB_FREE;
	return supervisor_answer(sup, job->connection, code, &outcome, err);
}

/* A build that did not hand over its domain: the child undid it, or died. */
static int
end_build(struct supervisor *sup, struct job *job, bool ended_well, int code,
    struct err *outcome, struct err *err)
{
	if (!ended_well)
		return clean_up_after(sup, job, outcome, err);
	log_end(job, code, outcome);
	job->state = JOB_FREE;
	sup->builds_refused++;
	if (job->is_recorded)
		supervisor_record_end(sup, EVENT_ABANDON, job->task.build.uuid,
		    job->domid, (enum err_code)code);
	forget_build(sup, job);
	return supervisor_answer(sup, job->connection, code, outcome, err);
}

/* A second child takes the dead one's place and removes what it left; only
 * then does the caller hear of it. */
static int
clean_up_after(struct supervisor *sup, struct job *job, const struct err *why,
    struct err *err)
{
	struct job dead = *job;
	struct task task = {.kind = TASK_ERASE, .domid = job->domid};

	sup->builds_refused++;
	memcpy(task.uuid, job->task.build.uuid, UUID_BYTES);
	log_line("cleaning domid=%u code=%s", job->domid, err_name(why->code));
	if (start_cleaner(sup, job, &task, dead.connection) != 0) {
		job->state = JOB_FREE;
		if (supervisor_erase(sup, dead.domid, task.uuid) &&
		    dead.is_recorded)
			supervisor_record_end(sup, EVENT_ABANDON, task.uuid,
			    dead.domid, why->code);
		return supervisor_answer(sup, dead.connection, (int)why->code,
		    why, err);
	}
	job->state = JOB_CLEANING;
	job->domid = dead.domid;
	job->final = *why;
	job->is_recorded = dead.is_recorded;
	job->task.build = dead.task.build;
	return 0;
}

static int
start_cleaner(struct supervisor *sup, struct job *job, const struct task *task,
    uint32_t connection)
{
	struct err failure;
	int ignored;

	TRY(job_prepare(job, &sup->env, CHILD_TO_ERASE, &failure));
	if (job_assign(job, task, connection, &failure) == 0)
		return 0;
	job_kill(job, BUG);
	job_collect(job, &ignored, &failure);
	return BUG;
}

static int
end_cleaning(struct supervisor *sup, struct job *job, bool ended_well, int code,
    struct err *outcome, struct err *err)
{
	if (!ended_well || code != 0)
		log_line("left_behind domid=%u code=%s detail=\"%s\"",
		    job->domid, err_name(outcome->code), outcome->text);
	else
		forget_build(sup, job);
	if (ended_well && code == 0 && job->is_recorded)
		supervisor_record_end(sup, EVENT_ABANDON, job->task.uuid,
		    job->domid, job->final.code);
	log_end(job, (int)job->final.code, &job->final);
	job->state = JOB_FREE;
	return supervisor_answer(sup, job->connection, (int)job->final.code,
	    &job->final, err);
}

/*
 * Nothing of it is left; a pending entry that stays is harmless. It has to stay
 * if the build may be in the log and nothing can be put on record any more:
 * then the next assayd says that it was abandoned.
 */
static void
forget_build(const struct supervisor *sup, const struct job *job)
{
	struct err ignored;

	if (!job->is_recorded || !sup->platform.is_lost)
		journal_forget(sup->journal, job->task.build.uuid, &ignored);
}

/* In this process: at start and stop, and when no child can be had. */
bool
supervisor_erase(struct supervisor *sup, uint32_t domid,
    const uint8_t uuid[UUID_BYTES])
{
	struct domain_place place = {&sup->xen, &sup->config->daemons,
	    sup->config->libxl_dir, -1, NULL};
	struct err err;

	if (domain_erase_by_uuid(&place, domid, uuid, &err) == 0 &&
	    journal_forget(sup->journal, uuid, &err) == 0)
		return true;
	log_line("left_behind domid=%u code=%s detail=\"%s\"", domid,
	    err_name(err.code), err.text);
	return false;
}

struct job *
supervisor_find_job(struct supervisor *sup, enum job_state state)
{
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		if (sup->jobs[i].state == state)
			return &sup->jobs[i];
	}
	return NULL;
}

uint32_t
supervisor_count_builds(const struct supervisor *sup)
{
	uint32_t count = 0;

	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		const struct job *job = &sup->jobs[i];

		if (job->state == JOB_CLEANING ||
		    (job->state == JOB_RUNNING && job->task.kind == TASK_BUILD))
			count++;
	}
	return count;
}

int
supervisor_answer(struct supervisor *sup, uint32_t connection, int code,
    const struct err *outcome, struct err *err)
{
	struct front_answer reply = {
	    .connection = connection,
	    .is_last = true,
	};

	outcome_from(&reply.outcome, code, outcome);
	return supervisor_send(sup, &reply, err);
}

int
supervisor_send(struct supervisor *sup, const struct front_answer *reply,
    struct err *err)
{
	if (reply->connection == JOB_NO_CONNECTION)
		return 0;
	return ipc_send(sup->front_fd, reply, sizeof(*reply), -1, err);
}

static void
log_end(const struct job *job, int code, const struct err *outcome)
{
	const struct build_request *build = &job->task.build;

	if (job->task.kind == TASK_LIST_IMAGES)
		return;
	if (job->task.kind == TASK_ERASE && job->state != JOB_CLEANING)
		log_line("%s destroy domid=%u code=%s",
		    code == 0 ? "done" : "failed", job->task.domid,
		    code == 0 ? "0" : err_name(outcome->code));
	else if (code == 0)
		log_line("built image=%s version=%s name=%s domid=%u uid=%u "
			 "cached=%d usec=%u",
		    build->image, job->done.receipt.version, build->name,
		    job->domid, build->peer.uid, job->done.receipt.was_cached,
		    timing_total_usec(&job->done.receipt.timing));
	else
		log_line("refused build image=%s name=%s uid=%u code=%s "
			 "detail=\"%s\"",
		    build->image, build->name, build->peer.uid,
		    err_name(outcome->code), outcome->text);
}
