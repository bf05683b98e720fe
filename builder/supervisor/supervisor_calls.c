/*
 * What the front asks of the supervisor. Every value is checked again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/sealing.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/supervisor/platform_allows.h"
#include "builder/supervisor/supervisor_state.h"
#include "base/uuid_make.h"

static int serve_call(struct supervisor *sup, const struct front_call *call,
    bool has_looked, struct err *err);
static void end_call(struct supervisor *sup, const struct front_call *call,
    int code, const struct err *refusal);
static bool needs_look(const struct supervisor *sup,
    const struct front_call *call);
static bool always(const struct supervisor *sup, const struct front_call *call);
static bool if_others_count(const struct supervisor *sup,
    const struct front_call *call);
static void note_refusal(struct supervisor *sup, const struct front_call *call,
    const struct err *refusal);
static int call_list_images(struct supervisor *sup,
    const struct front_call *call, struct err *err);
static int call_list_domains(struct supervisor *sup,
    const struct front_call *call, struct err *err);
static int call_status(struct supervisor *sup, const struct front_call *call,
    struct err *err);
static int pending_rows(const struct supervisor *sup,
    const struct caller *caller, struct sealed **ret_sealed, struct err *err);
static struct pending_row pending_row(const struct removal *removal);
static int call_attest(struct supervisor *sup, const struct front_call *call,
    struct err *err);
static int call_log(struct supervisor *sup, const struct front_call *call,
    struct err *err);
static int call_cancel(struct supervisor *sup, const struct front_call *call,
    struct err *err);
static int call_alive(struct supervisor *sup, const struct front_call *call,
    struct err *err);

/* What serves a call; what has to know which domains there are now waits for a
 * look first. */
static const struct served {
	int (*serve)(struct supervisor *sup, const struct front_call *call,
	    struct err *err);
	bool (*needs_look)(const struct supervisor *sup,
	    const struct front_call *call); /* NULL: never */
	bool is_news; /* the front says it, for nobody who asks */
} calls[] = {
    [FRONT_BUILD] = {supervisor_call_build, if_others_count, false},
    [FRONT_LIST_IMAGES] = {call_list_images, NULL, false},
    [FRONT_LIST_DOMAINS] = {call_list_domains, always, false},
    [FRONT_DESTROY] = {supervisor_call_destroy, always, false},
    [FRONT_STATUS] = {call_status, always, false},
    [FRONT_ATTEST] = {call_attest, NULL, false},
    [FRONT_LOG] = {call_log, NULL, false},
    [FRONT_CANCEL] = {call_cancel, NULL, true},
    [FRONT_UNDELIVERED] = {supervisor_call_undelivered, NULL, true},
    [FRONT_ALIVE] = {call_alive, NULL, true},
    [FRONT_DESCRIBE] = {supervisor_call_describe, always, false},
    [FRONT_PAUSE] = {supervisor_call_pause, NULL, false},
    [FRONT_UNPAUSE] = {supervisor_call_unpause, NULL, false},
    [FRONT_SHUTDOWN] = {supervisor_call_shutdown, NULL, false},
    [FRONT_WAIT] = {supervisor_call_wait, always, false},
};

void
supervisor_take_call(struct supervisor *sup, const struct front_call *call)
{
	struct err refusal = {0};

	end_call(sup, call, serve_call(sup, call, false, &refusal), &refusal);
}

void
supervisor_go_on(struct supervisor *sup, const struct front_call *call,
    const struct err *failure)
{
	struct err refusal = {0};

	if (failure != NULL)
		end_call(sup, call, (int)failure->code, failure);
	else
		end_call(sup, call, serve_call(sup, call, true, &refusal),
		    &refusal);
}

/* 0: it was answered, or will be. */
static void
end_call(struct supervisor *sup, const struct front_call *call, int code,
    const struct err *refusal)
{
	if (code == 0)
		return;
	if (call->kind == FRONT_BUILD)
		note_refusal(sup, call, refusal);
	supervisor_answer(sup, call->connection, code, refusal);
}

/* supervisor_front_calls has no other kinds. */
static int
serve_call(struct supervisor *sup, const struct front_call *call,
    bool has_looked, struct err *err)
{
	bug_unless(
	    call->kind < countof(calls) && calls[call->kind].serve != NULL);
	if (!calls[call->kind].is_news)
		TRY(supervisor_allow_call(sup, call, err));
	if (!has_looked && needs_look(sup, call))
		return supervisor_look_for(sup, call, err);
	return calls[call->kind].serve(sup, call, err);
}

static bool
needs_look(const struct supervisor *sup, const struct front_call *call)
{
	const struct served *served = &calls[call->kind];

	/* Is it still that domain? What it asks counts only then. */
	if (call->caller.kind == CALLER_DOMAIN && !served->is_news)
		return true;
	return served->needs_look != NULL && served->needs_look(sup, call);
}

static bool
always(const struct supervisor *sup, const struct front_call *call)
{
	(void)sup;
	(void)call;
	return true;
}

/* A domain that had it may be gone, or one that counts. */
static bool
if_others_count(const struct supervisor *sup, const struct front_call *call)
{
	return domain_table_has_uuid(&sup->domains, call->build.guest.uuid) ||
	       supervisor_is_held(sup, call);
}

static void
note_refusal(struct supervisor *sup, const struct front_call *call,
    const struct err *refusal)
{
	sup->builds_refused++;
	supervisor_log_refusal(sup, &call->build, &call->caller, refusal);
}

static int
call_list_images(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	struct task task = {.kind = TASK_LIST_IMAGES};
	struct job_terms terms = {
	    .connection = call->connection,
	    .caller = call->caller,
	    .seconds = sup->config->build_seconds,
	};

	TRY(platform_allows(&sup->platform, err));
	TRY(supervisor_refuse_too_many(sup, TASK_LIST_IMAGES,
	    SUPERVISOR_LISTINGS, &terms.caller, err));
	return supervisor_start_task(sup, &task, &terms, err);
}

static int
call_list_domains(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	struct front_answer reply = {
	    .kind = ANSWER_MEMORY,
	    .connection = call->connection,
	};
	const struct domain_table *table = &sup->domains;
	CLEANUP(freep)
	struct domain_row *seen = calloc(table->count + 1, sizeof(*seen));
	struct sealed *rows = NULL;
	size_t count = 0;

	if (seen == NULL)
		return err_set(err, NO_MEMORY, "domains");
	for (uint32_t i = 0; i < table->count; i++) {
		if (supervisor_may_see(sup, &call->caller,
			&table->rows[i].receipt.caller))
			seen[count++] = table->rows[i];
	}
	TRY(sealed_from_bytes("domains", bytes_of(seen, count * sizeof(*seen)),
	    &rows, err));
	supervisor_send(sup, &reply, rows);
	return 0;
}

static int
call_status(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	struct front_answer reply = {
	    .kind = ANSWER_STATUS,
	    .connection = call->connection,
	};
	struct sealed *rows = NULL;

	TRY(pending_rows(sup, &call->caller, &rows, err));
	reply.status = (struct status){
	    .xen_major = sup->host.version_major,
	    .xen_minor = sup->host.version_minor,
	    .total_kib = sup->host.total_kib,
	    .free_kib = sup->host.free_kib,
	    .uptime_seconds = (timing_now_usec() - sup->started_usec) / 1000000,
	    .builds_done = sup->builds_done,
	    .builds_refused = sup->builds_refused,
	    .builds_running = supervisor_count_tasks(sup, TASK_BUILD),
	    .domains = sup->domains.count,
	    .trust_version = sup->trust.version,
	    .cached_bytes = sup->cache.bytes,
	    .platform = sup->platform,
	};
	if (reply.status.platform.why.code == 0)
		reply.status.platform.why = sup->doubt;
	supervisor_send(sup, &reply, rows);
	return 0;
}

static int
pending_rows(const struct supervisor *sup, const struct caller *caller,
    struct sealed **ret_sealed, struct err *err)
{
	CLEANUP(freep)
	struct pending_row *rows = calloc(SUPERVISOR_REMOVALS, sizeof(*rows));
	size_t count = 0;

	if (rows == NULL)
		return err_set(err, NO_MEMORY, "status");
	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		const struct removal *removal = &sup->removals[i];

		if (!supervisor_may_see(sup, caller, &removal->caller))
			continue;
		/* What only has to be put on record will be, in no time. */
		if (removal->step == REMOVAL_ERASE ||
		    (removal->step != REMOVAL_NONE && removal->tries > 0))
			rows[count++] = pending_row(removal);
	}
	return sealed_from_bytes("pending",
	    bytes_of(rows, count * sizeof(*rows)), ret_sealed, err);
}

static struct pending_row
pending_row(const struct removal *removal)
{
	uint64_t now = timing_now_usec();
	struct pending_row row = {
	    .domid = removal->entry.domid,
	    .is_gone = removal->step != REMOVAL_ERASE,
	    .tries = removal->tries,
	};

	memcpy(row.uuid, removal->entry.uuid, UUID_BYTES);
	if (removal->due_usec > now)
		row.again_in =
		    (uint32_t)((removal->due_usec - now) / 1000000 + 1);
	err_wire_from(&row.outcome, (int)removal->last.code, &removal->last);
	return row;
}

static int
call_attest(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	struct tpm_request asked = {
	    .kind = TPM_REQUEST_QUOTE,
	    .attest_request = call->attest_request,
	};

	return supervisor_record_evidence(sup, call, &asked, err);
}

static int
call_log(struct supervisor *sup, const struct front_call *call, struct err *err)
{
	struct tpm_request asked = {
	    .kind = TPM_REQUEST_LOG,
	    .log_offset = call->log_offset,
	};
	const struct caller nobody = {.kind = CALLER_UNKNOWN};

	/* It tells of all that was built. */
	if (!supervisor_may_see(sup, &call->caller, &nobody))
		return err_set(err, RPC_NOT_PERMITTED,
		    "the log tells of domains of others");

	return supervisor_record_evidence(sup, call, &asked, err);
}

/* It was heard, and nobody wants to know; unless the front ends, and waits for
 * what is under way to it. */
static int
call_alive(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	(void)err;
	supervisor_answer(sup, call->connection, 0, NULL);
	return 0;
}

static int
call_cancel(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	(void)err;
	if (call->connection != NO_CONNECTION)
		supervisor_cancel_callers(sup,
		    &(struct callers){call->connection, call->connection});
	return 0;
}

void
supervisor_cancel_callers(struct supervisor *sup, const struct callers *gone)
{
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		struct job *job = &sup->jobs[i];

		if (job->state != JOB_RUNNING ||
		    !callers_has(gone, job->connection) ||
		    job->task.kind == TASK_ERASE)
			continue;
		job_kill(job, BUILD_CANCELLED);
		job->connection = NO_CONNECTION;
	}
	supervisor_cancel_looks(sup, gone);
	supervisor_cancel_shutdowns(sup, gone);
	supervisor_cancel_waits(sup, gone);
	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		if (callers_has(gone, sup->removals[i].connection))
			sup->removals[i].connection = NO_CONNECTION;
	}
	for (size_t i = 0; i < SUPERVISOR_EVIDENCE; i++) {
		if (callers_has(gone, sup->evidence[i].connection))
			sup->evidence[i].connection = NO_CONNECTION;
	}
}
