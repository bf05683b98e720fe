/*
 * Builds that callers ask for, and those of domains that are built again: what
 * is refused before anything is begun.
 */
#include <string.h>

#include "base/scope.h"
#include "base/uuid_make.h"
#include "builder/supervisor/platform_allows.h"
#include "builder/supervisor/supervisor_state.h"

static int begin(struct supervisor *sup, const struct build_request *request,
    const struct job_terms *terms, struct err *err);
static int refuse_without_place(const struct supervisor *sup, struct err *err);
static uint32_t share_of(const struct supervisor *sup, enum task_kind kind,
    uint32_t limit, const struct caller *caller);
static int refuse_taken(struct supervisor *sup,
    const struct build_request *request, struct err *err);

int
supervisor_call_build(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	const struct build_request *request = &call->build;
	const struct job_terms terms = {
	    .connection = call->connection,
	    .caller = call->caller,
	    .seconds = sup->config->build_seconds,
	};

	TRY(request_check(request, err));
	TRY(platform_allows(&sup->platform, err));
	TRY(supervisor_refuse_too_many(sup, TASK_BUILD, LIMIT_BUILDS,
	    &call->caller, err));
	TRY(refuse_without_place(sup, err));
	TRY(supervisor_allow_held(sup, call, err));
	TRY(supervisor_refuse_restarting(sup, request, err));
	TRY(refuse_taken(sup, request, err));
	TRY(quota_take_build(&sup->quota, sup->config, &call->caller,
	    timing_now_usec(), sup->log_bytes, err));
	return begin(sup, request, &terms, err);
}

/* Its caller has been counted, and its name and uuid are kept for it. */
int
supervisor_build_again(struct supervisor *sup, const struct built *built,
    struct err *err)
{
	const struct build_request *request = &built->lineage.request;
	const struct caller *caller = &built->receipt.caller;
	const struct job_terms terms = {
	    .caller = *caller,
	    .seconds = sup->config->build_seconds,
	    .lineage = &built->lineage,
	};

	TRY(request_check(request, err));
	TRY(platform_allows(&sup->platform, err));
	TRY(supervisor_refuse_too_many(sup, TASK_BUILD, LIMIT_BUILDS, caller,
	    err));
	TRY(refuse_without_place(sup, err));
	TRY(refuse_taken(sup, request, err));
	TRY(quota_allow_log(&sup->quota, sup->config, caller, sup->log_bytes,
	    err));
	return begin(sup, request, &terms, err);
}

/* Under a handle that nobody else knows: what is undone is that. */
static int
begin(struct supervisor *sup, const struct build_request *request,
    const struct job_terms *terms, struct err *err)
{
	struct journal_pending entry = {.state = JOURNAL_MADE};
	struct task task = {.kind = TASK_BUILD, .build = *request};
	struct err ignored;

	TRY(uuid_random(entry.handle, err));
	memcpy(entry.uuid, request->guest.uuid, UUID_BYTES);
	memcpy(task.handle, entry.handle, UUID_BYTES);
	TRY(journal_begin(sup->journal, &entry, err));
	if (supervisor_start_task(sup, &task, terms, err) != 0) {
		journal_forget_pending(sup->journal, entry.handle, &ignored);
		return (int)err->code;
	}
	return 0;
}

/* A build that fails has to have a place among what has to go. Failed builds
 * that stay are a reason to stop, and destroys of others are none. */
static int
refuse_without_place(const struct supervisor *sup, struct err *err)
{
	uint32_t builds = supervisor_count_tasks(sup, TASK_BUILD);

	if (supervisor_count_failed(sup) + builds >=
		SUPERVISOR_REMOVALS_OF_BUILDS ||
	    supervisor_count_removals(sup) + builds >= SUPERVISOR_REMOVALS)
		return supervisor_refuse_full(sup, err);
	return 0;
}

/* Of several users none can take all the places. */
int
supervisor_refuse_too_many(const struct supervisor *sup, enum task_kind kind,
    uint32_t limit, const struct caller *caller, struct err *err)
{
	uint32_t share = share_of(sup, kind, limit, caller);
	uint32_t of_all = supervisor_count_tasks(sup, kind);
	uint32_t of_user = supervisor_count_tasks_of(sup, kind, caller);

	if (of_all >= limit)
		return err_set(err, RPC_BUSY, "%u %s are under way", of_all,
		    kind == TASK_BUILD ? "builds" : "listings");
	if (of_user >= share)
		return err_set(err, RPC_BUSY,
		    "%u %s of this caller are under way", of_user,
		    kind == TASK_BUILD ? "builds" : "listings");
	return 0;
}

/* Its rule may say less. */
static uint32_t
share_of(const struct supervisor *sup, enum task_kind kind, uint32_t limit,
    const struct caller *caller)
{
	const struct caller_rule *rule =
	    caller_rule_find(sup->config, caller, NULL);
	uint32_t share =
	    caller_rule_count(sup->config) > 1 ? limit * 3 / 4 : limit;

	if (kind == TASK_BUILD && rule != NULL && rule->max_builds > 0 &&
	    rule->max_builds < share)
		return rule->max_builds;
	return share;
}

/* Among builds under way and what has to go; the build child looks at the
 * domains there are. */
static int
refuse_taken(struct supervisor *sup, const struct build_request *request,
    struct err *err)
{
	if (domain_table_has_uuid(&sup->domains, request->guest.uuid))
		return err_set_field(err, DOMAIN_EXISTS, "uuid",
		    "uuid: a domain has it");
	/* Its end would take away the new domain's nodes and entry. */
	if (supervisor_find_removal(sup, request->guest.uuid) != NULL)
		return err_set_field(err, DOMAIN_EXISTS, "uuid",
		    "uuid: a domain that has it is being removed");
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		const struct job *job = &sup->jobs[i];

		if (job->state != JOB_RUNNING || job->task.kind != TASK_BUILD)
			continue;
		if (strcmp(job->task.build.guest.name, request->guest.name) ==
		    0)
			return err_set_field(err, DOMAIN_EXISTS, "name",
			    "name %s: is being built", request->guest.name);
		if (memcmp(job->task.build.guest.uuid, request->guest.uuid,
			UUID_BYTES) == 0)
			return err_set_field(err, DOMAIN_EXISTS, "uuid",
			    "uuid: is being built");
	}
	return 0;
}
