/*
 * What the front asks of the supervisor. Every value is checked again.
 */
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/front_link.h"
#include "builder/ipc.h"
#include "builder/supervisor_state.h"

static bool is_call(const struct front_call *call);
static int take_call(struct supervisor *sup, const struct front_call *call,
    struct err *err);
static void note_refusal(struct supervisor *sup, const struct front_call *call,
    const struct err *refusal);
static int call_build(struct supervisor *sup, const struct front_call *call,
    struct err *err);
static int refuse_taken(struct supervisor *sup,
    const struct build_request *request, struct err *err);
static int call_list_images(struct supervisor *sup,
    const struct front_call *call, struct err *err);
static int call_list_domains(struct supervisor *sup,
    const struct front_call *call, struct err *err);
static int call_destroy(struct supervisor *sup, const struct front_call *call,
    struct err *err);
static int call_status(struct supervisor *sup, const struct front_call *call,
    struct err *err);
static int call_attest(struct supervisor *sup, const struct front_call *call,
    enum record_kind kind, struct err *err);
static void call_cancel(struct supervisor *sup, uint32_t connection);
static int call_undelivered(struct supervisor *sup,
    const struct front_call *call, struct err *err);

int
supervisor_serve_front(struct supervisor *sup, struct err *err)
{
	struct front_call call;
	struct err refusal = {0};
	bool is_end;
	int code;

	TRY(ipc_receive(sup->front_fd, &call, sizeof(call), NULL, &is_end,
	    err));
	if (is_end)
		return err_set(err, SYSTEM_FAILED, "the front died");
	if (!is_call(&call))
		return err_set(err, SYSTEM_FAILED,
		    "the front broke its protocol: call %u", call.kind);
	code = take_call(sup, &call, &refusal);
	if (code == 0)
		return 0;
	if (call.kind == FRONT_BUILD)
		note_refusal(sup, &call, &refusal);
	return supervisor_answer(sup, call.connection, code, &refusal, err);
}

/* What the front has to get right whatever it was asked. */
static bool
is_call(const struct front_call *call)
{
	const struct domain_selector *selector = &call->selector;

	return call->kind >= FRONT_BUILD && call->kind <= FRONT_UNDELIVERED &&
	       ipc_is_bool(&call->build.has_manifest) &&
	       ipc_is_bool(&call->build.is_paused) &&
	       ipc_is_bool(&selector->has_uuid) &&
	       memchr(selector->name, '\0', sizeof(selector->name)) != NULL;
}

/* 0: it was answered, or will be. */
static int
take_call(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	switch ((enum front_call_kind)call->kind) {
	case FRONT_BUILD:
		return call_build(sup, call, err);
	case FRONT_LIST_IMAGES:
		return call_list_images(sup, call, err);
	case FRONT_LIST_DOMAINS:
		return call_list_domains(sup, call, err);
	case FRONT_DESTROY:
		return call_destroy(sup, call, err);
	case FRONT_STATUS:
		return call_status(sup, call, err);
	case FRONT_ATTEST:
		return call_attest(sup, call, RECORD_QUOTE, err);
	case FRONT_LOG:
		return call_attest(sup, call, RECORD_LOG, err);
	case FRONT_CANCEL:
		call_cancel(sup, call->connection);
		return 0;
	case FRONT_UNDELIVERED:
		return call_undelivered(sup, call, err);
	}
	return err_set(err, BUG, "call %u", call->kind);
}

static void
note_refusal(struct supervisor *sup, const struct front_call *call,
    const struct err *refusal)
{
	const char *image = call->build.image;

	sup->builds_refused++;
	log_line("refused build image=%s uid=%u code=%s detail=\"%s\"",
	    err_quote(image, strnlen(image, sizeof(call->build.image))).text,
	    call->build.peer.uid, err_name(refusal->code), refusal->text);
}

static int
call_build(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	struct task task = {
	    .kind = TASK_BUILD,
	    .build = call->build,
	    .store = sup->store,
	    .trust = trust_in_force_mark(&sup->env.trust),
	};
	struct err ignored;

	TRY(request_check(&call->build, err));
	TRY(platform_allows(&sup->platform, err));
	if (supervisor_count_builds(sup) >= LIMIT_BUILDS)
		return err_set(err, RPC_BUSY, "%u builds are under way",
		    supervisor_count_builds(sup));
	TRY(refuse_taken(sup, &call->build, err));
	TRY(journal_begin(sup->journal, call->build.uuid, err));
	if (supervisor_start_task(sup, &task, call->connection, err) != 0) {
		journal_forget(sup->journal, call->build.uuid, &ignored);
		return (int)err->code;
	}
	return 0;
}

/* Among builds under way; the build child looks at the domains there are. */
static int
refuse_taken(struct supervisor *sup, const struct build_request *request,
    struct err *err)
{
	struct domain_selector by_uuid = {.has_uuid = true};

	memcpy(by_uuid.uuid, request->uuid, UUID_BYTES);
	if (domain_table_find(&sup->domains, &by_uuid) != NULL)
		TRY(domain_table_refresh(&sup->domains, err));
	if (domain_table_find(&sup->domains, &by_uuid) != NULL)
		return err_set_field(err, DOMAIN_EXISTS, "uuid",
		    "uuid: a domain has it");
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		const struct job *job = &sup->jobs[i];

		if (job->state != JOB_RUNNING && job->state != JOB_CLEANING)
			continue;
		/* Its end would take away the new domain's nodes and entry. */
		if (job->task.kind == TASK_ERASE &&
		    memcmp(job->task.uuid, request->uuid, UUID_BYTES) == 0)
			return err_set_field(err, DOMAIN_EXISTS, "uuid",
			    "uuid: is being removed");
		if (job->task.kind != TASK_BUILD)
			continue;
		if (strcmp(job->task.build.name, request->name) == 0)
			return err_set_field(err, DOMAIN_EXISTS, "name",
			    "name %s: is being built", request->name);
		if (memcmp(job->task.build.uuid, request->uuid, UUID_BYTES) ==
		    0)
			return err_set_field(err, DOMAIN_EXISTS, "uuid",
			    "uuid: is being built");
	}
	return 0;
}

static int
call_list_images(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	struct task task = {
	    .kind = TASK_LIST_IMAGES,
	    .store = sup->store,
	    .trust = trust_in_force_mark(&sup->env.trust),
	};

	TRY(platform_allows(&sup->platform, err));
	return supervisor_start_task(sup, &task, call->connection, err);
}

static int
call_list_domains(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	TRY(domain_table_refresh(&sup->domains, err));
	for (uint32_t i = 0; i < sup->domains.count; i++) {
		struct front_answer reply = {
		    .connection = call->connection,
		    .domain = sup->domains.rows[i],
		};

		TRY(supervisor_send(sup, &reply, err));
	}
	return supervisor_answer(sup, call->connection, 0, NULL, err);
}

static int
call_destroy(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	struct task task = {.kind = TASK_ERASE};
	const struct domain_row *row;

	TRY(domain_table_refresh(&sup->domains, err));
	row = domain_table_find(&sup->domains, &call->selector);
	if (row == NULL)
		return err_set(err, DOMAIN_UNKNOWN,
		    "assayd built no such domain");
	task.domid = row->receipt.domid;
	memcpy(task.uuid, row->receipt.uuid, UUID_BYTES);
	return supervisor_start_task(sup, &task, call->connection, err);
}

static int
call_status(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	struct front_answer reply = {
	    .connection = call->connection,
	    .is_last = true,
	};
	struct xen_host_info host;

	TRY(sup->xen.ops->host_info(sup->xen.xen, &host, err));
	TRY(domain_table_refresh(&sup->domains, err));
	reply.status = (struct status){
	    .xen_major = host.version_major,
	    .xen_minor = host.version_minor,
	    .total_kib = host.total_kib,
	    .free_kib = host.free_kib,
	    .uptime_seconds = (timing_now_usec() - sup->started_usec) / 1000000,
	    .builds_done = sup->builds_done,
	    .builds_refused = sup->builds_refused,
	    .builds_running = supervisor_count_builds(sup),
	    .domains = sup->domains.count,
	    .trust_version = trust_in_force_mark(&sup->env.trust).version,
	    .cached_bytes = sup->cache.bytes,
	    .platform = sup->platform,
	};
	return supervisor_send(sup, &reply, err);
}

/* The tpm role's answer goes on to the caller. */
static int
call_attest(struct supervisor *sup, const struct front_call *call,
    enum record_kind kind, struct err *err)
{
	struct record_call record = {
	    .kind = kind,
	    .tag = call->connection,
	    .quote_request = call->quote_request,
	    .log_offset = call->log_offset,
	};

	return supervisor_record_evidence(sup, &record, err);
}

static void
call_cancel(struct supervisor *sup, uint32_t connection)
{
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		struct job *job = &sup->jobs[i];

		if (job->state != JOB_RUNNING ||
		    job->connection != connection ||
		    job->task.kind == TASK_ERASE)
			continue;
		job_kill(job, BUILD_CANCELLED);
		job->connection = JOB_NO_CONNECTION;
	}
}

/* Until its receipt is delivered a domain is not the caller's. */
static int
call_undelivered(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	const struct domain_row *row =
	    domain_table_find(&sup->domains, &call->selector);
	struct task task = {.kind = TASK_ERASE};
	struct err ignored;

	(void)err;
	if (row == NULL)
		return 0;
	log_line("cancelled domid=%u reason=\"the caller is gone\"",
	    row->receipt.domid);
	task.domid = row->receipt.domid;
	memcpy(task.uuid, row->receipt.uuid, UUID_BYTES);
	if (supervisor_start_task(sup, &task, JOB_NO_CONNECTION, &ignored) == 0)
		return 0;
	if (supervisor_erase(sup, task.domid, task.uuid))
		supervisor_record_end(sup, EVENT_DESTROY, task.uuid, task.domid,
		    ERR_NONE);
	domain_table_remove(&sup->domains, task.uuid);
	return 0;
}
