/*
 * What build children report to the supervisor, and how they end.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/supervisor/supervisor_state.h"

/* Of the words of a line: each image has a version and an error's name. */
#define PASSED_OVER_SIZE (64 + LIMIT_PASSED_OVER * (LIMIT_VERSION_BYTES + 64))

static int note(struct supervisor *sup, struct job *job,
    const struct report *report, struct ipc_fds *fds, struct err *err);
static int note_domain(struct supervisor *sup, struct job *job, uint32_t domid,
    struct err *err);
static int note_build(struct supervisor *sup, struct job *job,
    const struct report *report, struct err *err);
static struct journal_pending entry_of(const struct job *job,
    enum journal_state state);
static void hand_over(struct supervisor *sup, struct job *job);
static void end_build(struct supervisor *sup, struct job *job, bool ended_well,
    int code, const struct err *outcome);
static void undo_build(struct supervisor *sup, const struct job *job,
    enum removal_step step, const struct err *why, bool is_answered);
static void end_listing(struct supervisor *sup, struct job *job, int code,
    const struct err *outcome);
static bool give_to_another(struct supervisor *sup, const struct job *unfit);
static void log_build(struct supervisor *sup, const struct job *job, int code,
    const struct err *outcome);
static void write_passed_over(const struct passed_over *passed,
    char ret_text[PASSED_OVER_SIZE]);

/* A task for the child that waits, or for a new one. */
int
supervisor_start_task(struct supervisor *sup, const struct task *task,
    const struct job_terms *terms, struct err *err)
{
	enum child_kind kind = CHILD_TO_ERASE;
	struct job *job = NULL;

	sup->is_unready = false;
	if (task->kind != TASK_ERASE) {
		kind = CHILD_FOR_ANY_TASK;
		job = supervisor_find_job(sup, JOB_READY);
	}
	if (job != NULL && job_assign(job, task, terms, err) == 0)
		return 0;
	job = supervisor_find_job(sup, JOB_FREE);
	if (job == NULL)
		return err_set(err, RPC_BUSY, "too many calls at once");
	TRY(job_prepare(job, &sup->env, kind, err));
	return job_assign(job, task, terms, err);
}

void
supervisor_serve_job(struct supervisor *sup, struct job *job)
{
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	struct report report;
	struct err failure;
	bool is_end = false;

	if (job->state == JOB_READY) {
		/* It died, or it speaks before it has a task. */
		job_kill(job, BUG);
		job_close_link(job);
		return;
	}
	if (ipc_receive_fds(job->link, &report, sizeof(report), &fds, &is_end,
		&failure) != 0) {
		job_kill(job, failure.code);
		job_close_link(job);
		return;
	}
	if (is_end) {
		job_close_link(job);
		return;
	}
	if (note(sup, job, &report, &fds, &failure) != 0)
		job_kill(job, failure.code);
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
		return note_domain(sup, job, report->domid, err);
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
		return note_build(sup, job, report, err);
	case REPORT_EPOCH:
		return supervisor_record_store(sup, job, report, err);
	case REPORT_TRUST:
		TRY(ipc_take_sealed(fds, LIMIT_TRUST_CHAIN_BYTES, "trust chain",
		    &sealed, err));
		return supervisor_record_trust(sup, job, sealed, err);
	case REPORT_IMAGES:
		sealed_freep(&job->listing);
		return ipc_take_sealed(fds, FRONT_ATTACHED_BYTES, "listing",
		    &job->listing, err);
	case REPORT_DONE:
		job->is_done = true;
		job->done = *report;
		if (job->task.kind == TASK_BUILD && report->outcome.code == 0)
			hand_over(sup, job);
		return 0;
	case REPORT_UNFIT:
		job->is_unfit = true;
		return 0;
	}
	return err_set(err, BUG, "report %u", report->kind);
}

static int
note_domain(struct supervisor *sup, struct job *job, uint32_t domid,
    struct err *err)
{
	struct journal_pending entry;

	job->domid = domid;
	entry = entry_of(job, JOURNAL_MADE);
	return journal_update(sup->journal, &entry, err);
}

/* The journal first: were assayd killed between the two, an event that says
 * that the domain is gone would be missing; one too many ends nothing. */
static int
note_build(struct supervisor *sup, struct job *job, const struct report *report,
    struct err *err)
{
	struct journal_pending entry = entry_of(job, JOURNAL_RECORDED);

	TRY(journal_update(sup->journal, &entry, err));
	return supervisor_record_build(sup, job, report, err);
}

static struct journal_pending
entry_of(const struct job *job, enum journal_state state)
{
	struct journal_pending entry = {.domid = job->domid, .state = state};

	memcpy(entry.handle, job->task.handle, UUID_BYTES);
	memcpy(entry.uuid, job->task.build.uuid, UUID_BYTES);
	return entry;
}

/*
 * The domain is built and the child has let go of it: register it and answer.
 * What is left of the child is its end, which the caller need not wait for.
 */
static void
hand_over(struct supervisor *sup, struct job *job)
{
	struct front_answer reply = {
	    .connection = job->connection,
	    .receipt = job->done.receipt,
	};
	struct err failure;

	if (job->killed != ERR_NONE)
		return; /* too late: its end cleans up */
	if (domain_table_add(&sup->domains, &job->done.receipt, &failure) !=
		0 ||
	    journal_commit(sup->journal, job->task.handle, &job->done.receipt,
		&failure) != 0) {
		job_kill(job, failure.code);
		return;
	}
	log_build(sup, job, 0, NULL);
	sup->builds_done++;
	job->state = JOB_ENDING;
	job->deadline_usec = timing_now_usec() + job->seconds * 1000000ull;
	supervisor_send(sup, &reply, NULL);
}

void
supervisor_end_job(struct supervisor *sup, struct job *job)
{
	struct err outcome = {0};
	int code = 0;
	bool ended_well = job_collect(job, &code, &outcome);

	if (job->is_unfit && job->killed == ERR_NONE) {
		ended_well = true; /* it did nothing */
		err_set(&outcome, XENSTORE_FAILED, "xenstored has ended");
	}
	if (!ended_well || job->is_unfit)
		code = (int)outcome.code;
	if (job->state == JOB_READY)
		sup->is_unready = true;
	if (job->state == JOB_RUNNING && !give_to_another(sup, job)) {
		switch ((enum task_kind)job->task.kind) {
		case TASK_BUILD:
			end_build(sup, job, ended_well, code, &outcome);
			break;
		case TASK_LIST_IMAGES:
			end_listing(sup, job, code, &outcome);
			break;
		case TASK_ERASE:
			supervisor_end_erase(sup, job, code, &outcome);
			break;
		}
	}
	sealed_freep(&job->listing);
	job->state = JOB_FREE;
}

/* A build that did not hand over its domain: the child undid it, or died, and
 * then somebody else has to remove what it left, before its caller hears. */
static void
end_build(struct supervisor *sup, struct job *job, bool ended_well, int code,
    const struct err *outcome)
{
	struct journal_pending entry = entry_of(job, JOURNAL_MADE);
	struct err ignored;

	log_build(sup, job, code, outcome);
	sup->builds_refused++;
	if (!ended_well) {
		undo_build(sup, job, REMOVAL_ERASE, outcome, false);
		return;
	}
	supervisor_answer(sup, job->connection, code, outcome);
	if (job->is_recorded)
		undo_build(sup, job, REMOVAL_RECORD, outcome, true);
	else
		journal_forget_pending(sup->journal, entry.handle, &ignored);
}

static void
undo_build(struct supervisor *sup, const struct job *job,
    enum removal_step step, const struct err *why, bool is_answered)
{
	struct journal_pending entry =
	    entry_of(job, job->is_recorded ? JOURNAL_RECORDED : JOURNAL_MADE);
	struct removal_terms terms = {
	    .step = step,
	    .why = why->code,
	    .connection = is_answered ? NO_CONNECTION : job->connection,
	    .answer = why,
	    .uid = job->uid,
	};
	struct err full;

	if (step == REMOVAL_ERASE)
		log_line("cleaning domid=%u code=%s", job->domid,
		    err_name(why->code));
	/* Cannot be: call_build() keeps a place for each build. */
	bug_unless(supervisor_add_removal(sup, &entry, &terms, &full) == 0);
}

static void
end_listing(struct supervisor *sup, struct job *job, int code,
    const struct err *outcome)
{
	struct front_answer reply = {.connection = job->connection};

	if (code == 0 && job->listing == NULL)
		supervisor_answer(sup, job->connection, BUILD_CRASHED,
		    &(struct err){.code = BUILD_CRASHED});
	else if (code != 0)
		supervisor_answer(sup, job->connection, code, outcome);
	else
		supervisor_send(sup, &reply, take_ptr(&job->listing));
}

/* Once: xenstored ended after the child had opened it. It did nothing. */
static bool
give_to_another(struct supervisor *sup, const struct job *unfit)
{
	struct job_terms terms = {
	    .connection = unfit->connection,
	    .uid = unfit->uid,
	    .seconds = unfit->seconds,
	};
	struct job *job = supervisor_find_job(sup, JOB_FREE);
	struct err err;

	if (!unfit->is_unfit || unfit->is_second || unfit->killed != ERR_NONE ||
	    job == NULL)
		return false;
	log_line("again reason=\"xenstored was begun again\"");
	if (job_prepare(job, &sup->env,
		unfit->task.kind == TASK_ERASE ? CHILD_TO_ERASE
					       : CHILD_FOR_ANY_TASK,
		&err) != 0 ||
	    job_assign(job, &unfit->task, &terms, &err) != 0)
		return false;
	job->is_second = true;
	return true;
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
supervisor_count_tasks(const struct supervisor *sup, enum task_kind kind)
{
	uint32_t count = 0;

	for (size_t i = 0; i < SUPERVISOR_JOBS; i++)
		count += sup->jobs[i].state == JOB_RUNNING &&
		         sup->jobs[i].task.kind == kind;
	return count;
}

uint32_t
supervisor_count_tasks_of(const struct supervisor *sup, enum task_kind kind,
    uint32_t uid)
{
	uint32_t count = 0;

	for (size_t i = 0; i < SUPERVISOR_JOBS; i++)
		count += sup->jobs[i].state == JOB_RUNNING &&
		         sup->jobs[i].task.kind == kind &&
		         sup->jobs[i].uid == uid;
	return count;
}

static void
log_build(struct supervisor *sup, const struct job *job, int code,
    const struct err *outcome)
{
	const struct build_request *build = &job->task.build;
	const struct receipt *receipt = &job->done.receipt;
	char passed[PASSED_OVER_SIZE];

	if (code != 0) {
		supervisor_log_refusal(sup, build, outcome);
		return;
	}
	write_passed_over(&receipt->passed_over, passed);
	log_line("built image=%s version=%s name=%s domid=%u uid=%u "
		 "cached=%d usec=%u%s",
	    build->image, receipt->version, build->name, job->domid,
	    build->peer.uid, receipt->was_cached,
	    timing_total_usec(&receipt->timing), passed);
}

/* " passed_over=3 reasons=1:IMAGE_REVOKED,2:IMAGE_EXPIRED,..", or nothing. */
static void
write_passed_over(const struct passed_over *passed,
    char ret_text[PASSED_OVER_SIZE])
{
	int len;

	ret_text[0] = '\0';
	if (passed->count == 0)
		return;
	len = snprintf(ret_text, PASSED_OVER_SIZE,
	    " passed_over=%u reasons=", passed->count);
	for (uint32_t i = 0; i < passed->count && i < countof(passed->images);
	     i++)
		len += snprintf(ret_text + len, PASSED_OVER_SIZE - (size_t)len,
		    "%s%s:%s", i > 0 ? "," : "", passed->images[i].version,
		    err_name(passed->images[i].code));
	if (passed->count > countof(passed->images))
		snprintf(ret_text + len, PASSED_OVER_SIZE - (size_t)len,
		    ",...");
}

void
supervisor_log_refusal(struct supervisor *sup,
    const struct build_request *request, const struct err *why)
{
	const char *image = request->image;
	const char *name = request->name;
	uint64_t missed;

	if (!log_limit_allows(&sup->refusals, timing_now_usec(), &missed))
		return;
	log_line("refused build image=%s name=%s uid=%u code=%s missed=%llu "
		 "detail=\"%s\"",
	    err_quote(image, strnlen(image, sizeof(request->image))).text,
	    err_quote(name, strnlen(name, sizeof(request->name))).text,
	    request->peer.uid, err_name(why->code), (unsigned long long)missed,
	    why->text);
}
