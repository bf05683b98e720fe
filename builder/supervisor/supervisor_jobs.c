/*
 * The life of jobs: who is given a task, and how it ends. What children report
 * meanwhile is in supervisor_reports.c.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/log_limit.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/supervisor/supervisor_state.h"
#include "builder/supervisor/timing_total.h"

/* Of the words of a line: each image has a version and an error's name. */
#define PASSED_OVER_SIZE (64 + LIMIT_PASSED_OVER * (LIMIT_VERSION_BYTES + 64))

static int start_decider(struct supervisor *sup, struct job *job,
    struct err *err);
static int give_to_decider(struct job *job, const struct verify_task *task,
    const int fds[VERIFY_FDS], struct decider *decider, struct err *err);
static int open_inputs(const struct daemon_config *config,
    int ret_fds[VERIFY_FDS], struct err *err);
static int start_erase(struct supervisor *sup, struct job *job,
    struct err *err);
static int give(const struct child *child, const void *task, size_t size,
    const int *fds, size_t count, struct err *err);
static void drop_helpers(struct supervisor *sup, struct job *job);
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

int
supervisor_start_task(struct supervisor *sup, const struct task *task,
    const struct job_terms *terms, struct err *err)
{
	struct job *job = supervisor_find_job(sup, JOB_FREE);
	int code;

	sup->is_unready = false;
	if (job == NULL ||
	    (task->kind != TASK_ERASE &&
		!graves_have_room(&sup->graves, SUPERVISOR_JOBS)))
		return err_set(err, RPC_BUSY, "too many calls at once");
	job_begin(job, task, terms);
	code = task->kind == TASK_ERASE ? start_erase(sup, job, err)
	                                : start_decider(sup, job, err);
	if (code != 0)
		job->state = JOB_FREE;
	return code;
}

/* Those that wait, or new ones: what died while it waited is replaced. */
static int
start_decider(struct supervisor *sup, struct job *job, struct err *err)
{
	struct verify_task task = {
	    .kind = job->task.kind == TASK_BUILD ? VERIFY_BUILD : VERIFY_LIST,
	    .caller = job->caller,
	    .build = job->task.build,
	    .store = sup->store,
	    .trust = sup->trust,
	    .known = sup->verdicts,
	};
	struct decider decider = sup->ready;
	int fds[VERIFY_FDS] = {-1, -1};
	int code;

	TRY(open_inputs(sup->config, fds, err));
	sup->ready = DECIDER_NONE;
	code = give_to_decider(job, &task, fds, &decider, err);
	if (code != 0) {
		supervisor_drop_decider(sup, &decider);
		code = role_start_decider(&sup->env, &decider, err);
		if (code == 0)
			code = give_to_decider(job, &task, fds, &decider, err);
		if (code != 0)
			supervisor_drop_decider(sup, &decider);
	}
	closep(&fds[VERIFY_STORE_FD]);
	closep(&fds[VERIFY_CHAIN_FD]);
	return code;
}

/* Takes the decider on success. */
static int
give_to_decider(struct job *job, const struct verify_task *task,
    const int fds[VERIFY_FDS], struct decider *decider, struct err *err)
{
	const size_t bytes = task->kind == VERIFY_BUILD
	                         ? LINK_BYTES(verify_task, build)
	                         : LINK_BYTES(verify_task, known);

	TRY(give(&decider->verify, task, bytes, fds,
	    fds[VERIFY_CHAIN_FD] < 0 ? VERIFY_CHAIN_FD : VERIFY_FDS, err));
	job_attach(job, task->kind == VERIFY_BUILD ? JOB_DECIDING : JOB_LISTING,
	    &decider->verify);
	job->stage = decider->stage;
	job->stage_fd = take_fd(&decider->stage_fd);
	*decider = DECIDER_NONE;
	return 0;
}

/*
 * Opened now, so that a store or a chain that was replaced meanwhile is the one
 * that is read. Nothing of either is looked at here, and neither open waits for
 * a writer. Nor for whoever serves the store: by O_PATH its filesystem is not
 * asked. One that serves the chain, or a directory above, can still have us
 * wait.
 */
static int
open_inputs(const struct daemon_config *config, int ret_fds[VERIFY_FDS],
    struct err *err)
{
	CLEANUP(closep)
	int store = open(config->store, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (store < 0)
		return err_set_errno(err, STORE_IO, "store %s", config->store);
	if (config->trust_updates[0] != '\0')
		TRY(file_open_regular(config->trust_updates,
		    &ret_fds[VERIFY_CHAIN_FD], err));
	ret_fds[VERIFY_STORE_FD] = take_fd(&store);
	return 0;
}

int
supervisor_start_build(struct supervisor *sup, struct job *job,
    const struct order *order, struct err *err)
{
	const size_t bytes = LINK_BYTES(build_call, task);
	struct build_call call = {
	    .kind = BUILD_DOMAIN,
	    .task = {.request = job->task.build, .order = *order},
	};
	struct builder builder = sup->ready_build;
	int code;

	sup->ready_build = BUILDER_NONE;
	memcpy(call.task.handle, job->task.handle, UUID_BYTES);
	code = give(&builder.build, &call, bytes, &job->stage_fd, 1, err);
	if (code != 0) {
		supervisor_drop_builder(sup, &builder);
		TRY(role_start_build(&sup->env, CHILD_TO_BUILD, &builder, err));
		code =
		    give(&builder.build, &call, bytes, &job->stage_fd, 1, err);
	}
	if (code != 0) {
		supervisor_drop_builder(sup, &builder);
		return code;
	}
	graves_add(&sup->graves, &job->child);
	job_attach_builder(job, JOB_BUILDING, &builder);
	closep(&job->stage_fd);
	return 0;
}

static int
start_erase(struct supervisor *sup, struct job *job, struct err *err)
{
	const struct build_call call = {
	    .kind = BUILD_ERASE,
	    .claim = job->task.claim,
	};
	struct builder builder = BUILDER_NONE;

	TRY(role_start_build(&sup->env, CHILD_TO_ERASE, &builder, err));
	if (give(&builder.build, &call, LINK_BYTES(build_call, claim), NULL, 0,
		err) != 0) {
		supervisor_drop_builder(sup, &builder);
		return (int)err->code;
	}
	job_attach_builder(job, JOB_ERASING, &builder);
	return 0;
}

/* A child that died meanwhile has no task whose remains would have to be
 * removed: another child gets it. */
static int
give(const struct child *child, const void *task, size_t size, const int *fds,
    size_t count, struct err *err)
{
	bool is_full = false;

	if (child->link < 0)
		return err_set(err, SYSTEM_FAILED, "the child has ended");
	TRY(ipc_send_fds_now(child->link, task, size, fds, count, &is_full,
	    err));
	if (is_full)
		return err_set(err, SYSTEM_FAILED, "the child takes no task");
	return 0;
}

void
supervisor_drop_decider(struct supervisor *sup, struct decider *decider)
{
	graves_add(&sup->graves, &decider->verify);
	graves_add(&sup->graves, &decider->stage);
	closep(&decider->stage_fd);
}

void
supervisor_drop_builder(struct supervisor *sup, struct builder *builder)
{
	graves_add(&sup->graves, &builder->build);
	graves_add(&sup->graves, &builder->nodes);
}

struct journal_pending
supervisor_entry_of(const struct job *job, enum journal_state state)
{
	struct journal_pending entry = {.domid = job->domid, .state = state};

	memcpy(entry.handle, job->task.handle, UUID_BYTES);
	memcpy(entry.uuid, job->task.build.guest.uuid, UUID_BYTES);
	return entry;
}

/*
 * The domain is built and the child has let go of it: register it and answer.
 * What is left of the child is its end, which the caller need not wait for.
 */
void
supervisor_hand_over(struct supervisor *sup, struct job *job)
{
	struct front_answer reply = {
	    .kind = ANSWER_RECEIPT,
	    .connection = job->connection,
	    .receipt = job->receipt,
	};
	struct built built = {job->receipt, job->lineage};
	struct err failure;

	if (job->killed != ERR_NONE)
		return; /* too late: its end cleans up */
	built.lineage.request = job->task.build;
	built.lineage.born_usec = timing_now_usec();
	if (built.lineage.restarts == 0)
		built.lineage.first_domid = job->domid;
	if (domain_table_add(&sup->domains, &built, &failure) != 0 ||
	    journal_commit(sup->journal, job->task.handle, &built, &failure) !=
		0) {
		job_kill(job, failure.code);
		return;
	}
	log_build(sup, job, 0, NULL);
	if (built.lineage.restarts > 0)
		supervisor_end_restart(sup, job, 0, NULL);
	supervisor_note_change(sup);
	/* It may have ended at once, seen by a look that did not know it. */
	if (job->look != sup->looks.number)
		supervisor_want_look(sup);
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
	bool ended_well;

	if (job_collect_nodes(job))
		return; /* its child's own end is next */
	ended_well = job_collect(job, &code, &outcome);
	if (job->is_unfit && job->killed == ERR_NONE) {
		ended_well = true; /* it did nothing */
		err_set(&outcome, XENSTORE_FAILED, "xenstored has ended");
	}
	if (!ended_well || job->is_unfit)
		code = (int)outcome.code;
	if (job->state == JOB_RUNNING && !give_to_another(sup, job)) {
		switch (job->task.kind) {
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
	drop_helpers(sup, job);
	sealed_freep(&job->listing);
	job->state = JOB_FREE;
}

static void
drop_helpers(struct supervisor *sup, struct job *job)
{
	graves_add(&sup->graves, &job->stage);
	closep(&job->stage_fd);
}

/* A build that did not hand over its domain: nobody began to make it; or the
 * child undid it, and libxl's record goes; or it died, and then somebody else
 * has to remove what it left, before its caller hears. */
static void
end_build(struct supervisor *sup, struct job *job, bool ended_well, int code,
    const struct err *outcome)
{
	struct journal_pending entry = supervisor_entry_of(job, JOURNAL_MADE);
	struct err failure;

	log_build(sup, job, code, outcome);
	sup->builds_refused++;
	if (job->lineage.restarts > 0)
		supervisor_end_restart(sup, job, code, outcome);
	if (ended_well && supervisor_forget_libxl(sup, job->domid,
			      job->task.build.guest.uuid, &failure) != 0)
		ended_well = false;
	if (!ended_well && job->step == JOB_BUILDING) {
		undo_build(sup, job, REMOVAL_ERASE, outcome, false);
		return;
	}
	supervisor_answer(sup, job->connection, job->is_unwanted ? 0 : code,
	    outcome);
	if (job->is_recorded)
		undo_build(sup, job, REMOVAL_RECORD, outcome, true);
	else
		journal_forget_pending(sup->journal, entry.handle, &failure);
}

static void
undo_build(struct supervisor *sup, const struct job *job,
    enum removal_step step, const struct err *why, bool is_answered)
{
	struct journal_pending entry = supervisor_entry_of(job,
	    job->is_recorded ? JOURNAL_RECORDED : JOURNAL_MADE);
	struct removal_terms terms = {
	    .step = step,
	    .why = why->code,
	    .connection = is_answered ? NO_CONNECTION : job->connection,
	    .answer = job->is_unwanted ? NULL : why,
	    .caller = job->caller,
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
	struct front_answer reply = {
	    .kind = ANSWER_MEMORY,
	    .connection = job->connection,
	};

	if (code == 0 && job->listing == NULL)
		supervisor_answer(sup, job->connection, BUILD_CRASHED,
		    &(struct err){.code = BUILD_CRASHED});
	else if (code != 0)
		supervisor_answer(sup, job->connection, code, outcome);
	else
		supervisor_send(sup, &reply, take_ptr(&job->listing));
}

/* Once: xenstored ended after the child had opened it. It did nothing, and all
 * is decided anew. */
static bool
give_to_another(struct supervisor *sup, const struct job *unfit)
{
	struct job_terms terms = {
	    .connection = unfit->connection,
	    .caller = unfit->caller,
	    .seconds = unfit->seconds,
	    .lineage = &unfit->lineage,
	};
	struct job *job = supervisor_find_job(sup, JOB_FREE);
	struct err err;

	if (!unfit->is_unfit || unfit->is_second || unfit->killed != ERR_NONE ||
	    job == NULL)
		return false;
	log_line("again reason=\"xenstored was begun again\"");
	/* The one that waits has opened the one that ended, too. */
	supervisor_drop_builder(sup, &sup->ready_build);
	if (supervisor_start_task(sup, &unfit->task, &terms, &err) != 0)
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

static void
log_build(struct supervisor *sup, const struct job *job, int code,
    const struct err *outcome)
{
	const struct build_request *build = &job->task.build;
	const struct receipt *receipt = &job->receipt;
	char passed[PASSED_OVER_SIZE];
	char caller[CALLER_TEXT_SIZE];

	if (code != 0) {
		supervisor_log_refusal(sup, build, &job->caller, outcome);
		return;
	}
	write_passed_over(&receipt->passed_over, passed);
	log_line("built image=%s version=%s name=%s domid=%u caller=%s "
		 "restarts=%u cached=%d usec=%u%s",
	    build->image, receipt->image.version, build->guest.name, job->domid,
	    caller_text(&job->caller, caller), job->lineage.restarts,
	    receipt->was_cached, timing_total_usec(&receipt->timing), passed);
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
    const struct build_request *request, const struct caller *caller,
    const struct err *why)
{
	const char *image = request->image;
	const char *name = request->guest.name;
	char text[CALLER_TEXT_SIZE];
	uint64_t missed;

	if (!log_limit_allows(&sup->refusals, timing_now_usec(), &missed))
		return;
	log_line("refused build image=%s name=%s caller=%s code=%s missed=%llu "
		 "detail=\"%s\"",
	    err_quote(image, strnlen(image, sizeof(request->image))).text,
	    err_quote(name, strnlen(name, sizeof(request->guest.name))).text,
	    caller_text(caller, text), err_name(why->code),
	    (unsigned long long)missed, log_quote(why->text).text);
}
