#include "builder/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/domain.h"
#include "builder/domain_table.h"
#include "builder/front.h"
#include "builder/front_link.h"
#include "builder/image_cache.h"
#include "builder/ipc.h"
#include "builder/job.h"
#include "builder/xen_port_libxc.h"

/* Builds, and room for what is short: listings and destroys. */
enum { JOBS = LIMIT_BUILDS + 8 };
enum { FRONT_SEND_SECONDS = 5 };
enum { POLL_FRONT, POLL_SIGNAL, POLL_FIRST_JOB };

struct supervisor {
	const struct config *config;
	struct role_env env;
	struct xen_port xen;
	const struct journal *journal;
	struct domain_table domains;
	struct image_cache cache;
	struct job jobs[JOBS];
	int front_fd;
	pid_t front_pid;
	int signal_fd;
	uint64_t started_usec;
	uint64_t sequence;
	uint64_t builds_done;
	uint64_t builds_refused;
	bool is_unready; /* the child that waited died: do not try at once */
};

static int start(struct supervisor *sup, int *listen_fd, struct err *err);
static int recover(struct supervisor *sup, struct err *err);
static int start_front(struct supervisor *sup, int *listen_fd, struct err *err);
static int loop(struct supervisor *sup, struct err *err);
static void keep_one_ready(struct supervisor *sup);
static int start_task(struct supervisor *sup, const struct task *task,
    uint32_t connection, struct err *err);
static int poll_timeout_ms(const struct supervisor *sup);
static void kill_late_jobs(struct supervisor *sup);
static void stop(struct supervisor *sup);
static void supervisor_done(struct supervisor *sup);

static int serve_front(struct supervisor *sup, struct err *err);
static int call_build(struct supervisor *sup, const struct front_call *call,
    struct err *err);
static int call_list_images(struct supervisor *sup,
    const struct front_call *call, struct err *err);
static int call_list_domains(struct supervisor *sup,
    const struct front_call *call, struct err *err);
static int call_destroy(struct supervisor *sup, const struct front_call *call,
    struct err *err);
static int call_status(struct supervisor *sup, const struct front_call *call,
    struct err *err);
static void call_cancel(struct supervisor *sup, uint32_t connection);
static int call_undelivered(struct supervisor *sup,
    const struct front_call *call, struct err *err);
static int refuse_taken(struct supervisor *sup,
    const struct build_request *request, struct err *err);

static int serve_job(struct supervisor *sup, struct job *job, struct err *err);
static int hand_over(struct supervisor *sup, struct job *job, struct err *err);
static int end_job(struct supervisor *sup, struct job *job, struct err *err);
static int end_build(struct supervisor *sup, struct job *job, bool ended_well,
    int code, struct err *outcome, struct err *err);
static int clean_up_after(struct supervisor *sup, struct job *job,
    const struct err *why, struct err *err);
static int end_cleaning(struct supervisor *sup, struct job *job,
    bool ended_well, int code, struct err *outcome, struct err *err);
static void erase_now(struct supervisor *sup, uint32_t domid,
    const uint8_t uuid[UUID_BYTES]);
static struct job *find_job(struct supervisor *sup, enum job_state state);
static uint32_t count_builds(const struct supervisor *sup);
static int answer(struct supervisor *sup, uint32_t connection, int code,
    const struct err *outcome, struct err *err);
static int send_answer(struct supervisor *sup, const struct front_answer *reply,
    struct err *err);
static void log_end(const struct job *job, int code, const struct err *outcome);

int
supervisor_run(const struct config *config, const struct trust_policy *policy,
    const struct fault *fault, const struct journal *journal, int *listen_fd,
    struct err *err)
{
	CLEANUP(freep) struct supervisor *sup = calloc(1, sizeof(*sup));
	int code;

	if (sup == NULL)
		return err_set(err, NO_MEMORY, "supervisor");
	sup->config = config;
	sup->journal = journal;
	sup->front_fd = -1;
	sup->signal_fd = -1;
	sup->started_usec = timing_now_usec();
	sup->env = (struct role_env){
	    .config = config,
	    .policy = policy,
	    .cache = &sup->cache,
	    .fault = *fault,
	    .parent_pid = getpid(),
	};
	code = start(sup, listen_fd, err);
	if (code == 0)
		code = loop(sup, err);
	stop(sup);
	supervisor_done(sup);
	return code;
}

/* Life */

static int
start(struct supervisor *sup, int *listen_fd, struct err *err)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sup->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC);
	if (sup->signal_fd < 0)
		return err_set_errno(err, SYSTEM_FAILED, "signalfd");
	TRY(xen_port_libxc_open(&sup->xen, err));
	TRY(recover(sup, err));
	TRY(domain_table_load(sup->journal, &sup->xen, &sup->domains, err));
	TRY(start_front(sup, listen_fd, err));
	log_line("started store=%s trust_version=%lld domains=%u",
	    sup->config->store, (long long)trust_version(sup->env.policy),
	    sup->domains.count);
	return 0;
}

/* Whatever an earlier assayd was building when it died goes. */
static int
recover(struct supervisor *sup, struct err *err)
{
	CLEANUP(freep)
	struct journal_pending *pending =
	    calloc(LIMIT_DOMAINS, sizeof(*pending));
	uint32_t count = 0;

	if (pending == NULL)
		return err_set(err, NO_MEMORY, "journal");
	TRY(journal_read_pending(sup->journal, pending, LIMIT_DOMAINS, &count,
	    err));
	for (uint32_t i = 0; i < count; i++) {
		log_line("recovered domid=%u reason=\"an unfinished build\"",
		    pending[i].domid);
		erase_now(sup, pending[i].domid, pending[i].uuid);
	}
	return 0;
}

static int
start_front(struct supervisor *sup, int *listen_fd, struct err *err)
{
	struct timeval patience = {.tv_sec = FRONT_SEND_SECONDS};
	int link[2];
	pid_t pid;

	TRY(ipc_pair(link, err));
	setsockopt(link[0], SOL_SOCKET, SO_SNDTIMEO, &patience,
	    sizeof(patience));
	pid = fork();
	if (pid < 0) {
		close(link[0]);
		close(link[1]);
		return err_set_errno(err, SYSTEM_FAILED, "fork");
	}
	if (pid == 0)
		front_run(sup->config, *listen_fd, link[1],
		    sup->env.parent_pid);
	close(link[1]);
	closep(listen_fd); /* the front's alone from here on */
	sup->front_fd = link[0];
	sup->front_pid = pid;
	return 0;
}

static int
loop(struct supervisor *sup, struct err *err)
{
	struct pollfd fds[POLL_FIRST_JOB + JOBS] = {
	    [POLL_FRONT] = {.fd = sup->front_fd, .events = POLLIN},
	    [POLL_SIGNAL] = {.fd = sup->signal_fd, .events = POLLIN},
	};

	for (;;) {
		keep_one_ready(sup);
		for (size_t i = 0; i < JOBS; i++)
			fds[POLL_FIRST_JOB + i] = (struct pollfd){
			    .fd = sup->jobs[i].state == JOB_FREE
			              ? -1
			              : sup->jobs[i].link,
			    .events = POLLIN,
			};
		if (poll(fds, countof(fds), poll_timeout_ms(sup)) < 0 &&
		    errno != EINTR)
			return err_set_errno(err, SYSTEM_FAILED, "poll");
		if (fds[POLL_SIGNAL].revents != 0)
			return 0;
		kill_late_jobs(sup);
		for (size_t i = 0; i < JOBS; i++) {
			if (fds[POLL_FIRST_JOB + i].revents != 0)
				TRY(serve_job(sup, &sup->jobs[i], err));
		}
		if (fds[POLL_FRONT].revents != 0)
			TRY(serve_front(sup, err));
	}
}

/*
 * A child that waits for the next task, while nothing else is going on: it
 * inherits the cache as it is then, and costs no build any time.
 */
static void
keep_one_ready(struct supervisor *sup)
{
	struct job *job = find_job(sup, JOB_FREE);
	struct err err;

	for (size_t i = 0; i < JOBS; i++) {
		if (sup->jobs[i].state != JOB_FREE)
			return;
	}
	if (job == NULL || sup->is_unready)
		return;
	if (job_prepare(job, &sup->env, &err) != 0) {
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    err.text);
		sup->is_unready = true;
	}
}

/* A task for the child that waits, or for a new one. */
static int
start_task(struct supervisor *sup, const struct task *task, uint32_t connection,
    struct err *err)
{
	struct job *job = find_job(sup, JOB_READY);

	sup->is_unready = false;
	if (job != NULL && job_assign(job, task, connection, err) == 0)
		return 0;
	job = find_job(sup, JOB_FREE);
	if (job == NULL)
		return err_set(err, RPC_BUSY, "too many calls at once");
	TRY(job_prepare(job, &sup->env, err));
	return job_assign(job, task, connection, err);
}

static int
poll_timeout_ms(const struct supervisor *sup)
{
	uint64_t now = timing_now_usec();
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < JOBS; i++) {
		const struct job *job = &sup->jobs[i];

		if (job->state != JOB_FREE && job->deadline_usec < next)
			next = job->deadline_usec;
	}
	if (next == UINT64_MAX)
		return -1;
	return next <= now ? 0 : (int)((next - now) / 1000 + 1);
}

static void
kill_late_jobs(struct supervisor *sup)
{
	uint64_t now = timing_now_usec();

	for (size_t i = 0; i < JOBS; i++) {
		struct job *job = &sup->jobs[i];

		if (job->state == JOB_FREE || job->deadline_usec > now)
			continue;
		job_kill(job, BUILD_TIMEOUT);
		job->deadline_usec = UINT64_MAX;
	}
}

/* Undo builds under way; end the front. Guests that run stay. */
static void
stop(struct supervisor *sup)
{
	for (size_t i = 0; i < JOBS; i++) {
		struct job *job = &sup->jobs[i];
		struct err err;
		int code;

		if (job->state == JOB_FREE)
			continue;
		job_kill(job, BUILD_CANCELLED);
		job_collect(job, &code, &err);
		if (job->state == JOB_RUNNING && job->task.kind == TASK_BUILD)
			erase_now(sup, job->domid, job->task.build.uuid);
		if (job->state == JOB_CLEANING)
			erase_now(sup, job->domid, job->task.uuid);
		job->state = JOB_FREE;
	}
	closep(&sup->front_fd);
	if (sup->front_pid > 0) {
		kill(sup->front_pid, SIGKILL);
		waitpid(sup->front_pid, NULL, 0);
	}
	log_line("stopped builds=%llu refused=%llu",
	    (unsigned long long)sup->builds_done,
	    (unsigned long long)sup->builds_refused);
}

static void
supervisor_done(struct supervisor *sup)
{
	image_cache_done(&sup->cache);
	domain_table_done(&sup->domains);
	xen_port_close(&sup->xen);
	closep(&sup->signal_fd);
}

/* Calls */

static int
serve_front(struct supervisor *sup, struct err *err)
{
	struct front_call call;
	struct err refusal = {0};
	bool is_end;
	int code;

	TRY(ipc_receive(sup->front_fd, &call, sizeof(call), NULL, &is_end,
	    err));
	if (is_end)
		return err_set(err, SYSTEM_FAILED, "the front died");
	switch ((enum front_call_kind)call.kind) {
	case FRONT_BUILD:
		code = call_build(sup, &call, &refusal);
		break;
	case FRONT_LIST_IMAGES:
		code = call_list_images(sup, &call, &refusal);
		break;
	case FRONT_LIST_DOMAINS:
		code = call_list_domains(sup, &call, &refusal);
		break;
	case FRONT_DESTROY:
		code = call_destroy(sup, &call, &refusal);
		break;
	case FRONT_STATUS:
		code = call_status(sup, &call, &refusal);
		break;
	case FRONT_CANCEL:
		call_cancel(sup, call.connection);
		return 0;
	case FRONT_UNDELIVERED:
		code = call_undelivered(sup, &call, &refusal);
		break;
	default:
		return err_set(err, SYSTEM_FAILED,
		    "the front broke its protocol: call %u", call.kind);
	}
	if (code == 0)
		return 0;
	if (call.kind == FRONT_BUILD) {
		sup->builds_refused++;
		log_line("refused build image=%s uid=%u code=%s detail=\"%s\"",
		    err_quote(call.build.image,
			strnlen(call.build.image, sizeof(call.build.image)))
			.text,
		    call.build.peer.uid, err_name(refusal.code), refusal.text);
	}
	return answer(sup, call.connection, code, &refusal, err);
}

static int
call_build(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	struct task task = {.kind = TASK_BUILD, .build = call->build};
	struct err ignored;

	TRY(request_check(&call->build, err));
	if (count_builds(sup) >= LIMIT_BUILDS)
		return err_set(err, RPC_BUSY, "%u builds are under way",
		    count_builds(sup));
	TRY(refuse_taken(sup, &call->build, err));
	task.sequence = ++sup->sequence;
	TRY(journal_begin(sup->journal, call->build.uuid, err));
	if (start_task(sup, &task, call->connection, err) != 0) {
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
	for (size_t i = 0; i < JOBS; i++) {
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
	struct task task = {.kind = TASK_LIST_IMAGES};

	return start_task(sup, &task, call->connection, err);
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

		TRY(send_answer(sup, &reply, err));
	}
	return answer(sup, call->connection, 0, NULL, err);
}

static int
call_destroy(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	struct domain_selector selector = call->selector;
	struct task task = {.kind = TASK_ERASE};
	const struct domain_row *row;

	selector.name[sizeof(selector.name) - 1] = '\0';
	TRY(domain_table_refresh(&sup->domains, err));
	row = domain_table_find(&sup->domains, &selector);
	if (row == NULL)
		return err_set(err, DOMAIN_UNKNOWN,
		    "assayd built no such domain");
	task.domid = row->receipt.domid;
	memcpy(task.uuid, row->receipt.uuid, UUID_BYTES);
	return start_task(sup, &task, call->connection, err);
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
	    .builds_running = count_builds(sup),
	    .domains = sup->domains.count,
	    .trust_version = trust_version(sup->env.policy),
	    .cached_bytes = sup->cache.bytes,
	};
	return send_answer(sup, &reply, err);
}

static void
call_cancel(struct supervisor *sup, uint32_t connection)
{
	for (size_t i = 0; i < JOBS; i++) {
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
	if (start_task(sup, &task, JOB_NO_CONNECTION, &ignored) == 0)
		return 0;
	erase_now(sup, task.domid, task.uuid);
	domain_table_remove(&sup->domains, task.uuid);
	return 0;
}

/* Children */

static int
serve_job(struct supervisor *sup, struct job *job, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	struct front_answer reply = {.connection = job->connection};
	struct report report;
	struct err ignored;
	bool is_end;

	if (job->state == JOB_READY) {
		job_kill(job, BUG); /* it has nothing to say before its task */
		return end_job(sup, job, err);
	}
	if (ipc_receive(job->link, &report, sizeof(report), &fd, &is_end,
		&ignored) != 0 ||
	    is_end)
		return end_job(sup, job, err);
	switch ((enum report_kind)report.kind) {
	case REPORT_DOMAIN:
		job->domid = report.domid;
		if (journal_domid(sup->journal, job->task.build.uuid,
			report.domid, &ignored) != 0)
			job_kill(job, ignored.code);
		return 0;
	case REPORT_BLOB:
		if (sealed_from_fd(take_fd(&fd), LIMIT_RAMDISK_BYTES, "blob",
			&sealed, &ignored) == 0)
			image_cache_add(&sup->cache, &report.digest,
			    take_ptr(&sealed));
		return 0;
	case REPORT_IMAGE:
		reply.image = report.image;
		return job->connection == JOB_NO_CONNECTION
		           ? 0
		           : send_answer(sup, &reply, err);
	case REPORT_DONE:
		job->is_done = true;
		job->done = report;
		return job->task.kind == TASK_BUILD && report.outcome.code == 0
		           ? hand_over(sup, job, err)
		           : 0;
	}
	job_kill(job, BUG);
	return 0;
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
	return send_answer(sup, &reply, err);
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
		domain_table_remove(&sup->domains, job->task.uuid);
		code = journal_forget(sup->journal, job->task.uuid, &outcome);
	}
	log_end(job, code, &outcome);
	job->state = JOB_FREE;
	return answer(sup, job->connection, code, &outcome, err);
}

/* A build that did not hand over its domain: the child undid it, or died. */
static int
end_build(struct supervisor *sup, struct job *job, bool ended_well, int code,
    struct err *outcome, struct err *err)
{
	struct err ignored;

	if (!ended_well)
		return clean_up_after(sup, job, outcome, err);
	log_end(job, code, outcome);
	job->state = JOB_FREE;
	sup->builds_refused++;
	/* The child left nothing; a pending entry that stays is harmless. */
	journal_forget(sup->journal, job->task.build.uuid, &ignored);
	return answer(sup, job->connection, code, outcome, err);
}

/* A second child takes the dead one's place and removes what it left; only
 * then does the caller hear of it. */
static int
clean_up_after(struct supervisor *sup, struct job *job, const struct err *why,
    struct err *err)
{
	struct job dead = *job;
	struct task task = {.kind = TASK_ERASE, .domid = job->domid};
	struct err failure;

	sup->builds_refused++;
	memcpy(task.uuid, job->task.build.uuid, UUID_BYTES);
	log_line("cleaning domid=%u code=%s", job->domid, err_name(why->code));
	if (job_prepare(job, &sup->env, &failure) != 0 ||
	    job_assign(job, &task, dead.connection, &failure) != 0) {
		job->state = JOB_FREE;
		erase_now(sup, dead.domid, task.uuid);
		return answer(sup, dead.connection, (int)why->code, why, err);
	}
	job->state = JOB_CLEANING;
	job->domid = dead.domid;
	job->final = *why;
	job->task.build = dead.task.build;
	return 0;
}

static int
end_cleaning(struct supervisor *sup, struct job *job, bool ended_well, int code,
    struct err *outcome, struct err *err)
{
	struct err ignored;

	if (!ended_well || code != 0)
		log_line("left_behind domid=%u code=%s detail=\"%s\"",
		    job->domid, err_name(outcome->code), outcome->text);
	else
		journal_forget(sup->journal, job->task.uuid, &ignored);
	log_end(job, (int)job->final.code, &job->final);
	job->state = JOB_FREE;
	return answer(sup, job->connection, (int)job->final.code, &job->final,
	    err);
}

/* In this process: at start and stop, and when no child can be had. */
static void
erase_now(struct supervisor *sup, uint32_t domid,
    const uint8_t uuid[UUID_BYTES])
{
	struct domain_place place = {&sup->xen, &sup->config->daemons,
	    sup->config->libxl_dir, -1, NULL};
	struct err err;

	if (domain_erase_by_uuid(&place, domid, uuid, &err) != 0 ||
	    journal_forget(sup->journal, uuid, &err) != 0)
		log_line("left_behind domid=%u code=%s detail=\"%s\"", domid,
		    err_name(err.code), err.text);
}

static struct job *
find_job(struct supervisor *sup, enum job_state state)
{
	for (size_t i = 0; i < JOBS; i++) {
		if (sup->jobs[i].state == state)
			return &sup->jobs[i];
	}
	return NULL;
}

static uint32_t
count_builds(const struct supervisor *sup)
{
	uint32_t count = 0;

	for (size_t i = 0; i < JOBS; i++) {
		const struct job *job = &sup->jobs[i];

		if (job->state == JOB_CLEANING ||
		    (job->state == JOB_RUNNING && job->task.kind == TASK_BUILD))
			count++;
	}
	return count;
}

static int
answer(struct supervisor *sup, uint32_t connection, int code,
    const struct err *outcome, struct err *err)
{
	struct front_answer reply = {
	    .connection = connection,
	    .is_last = true,
	};

	outcome_from(&reply.outcome, code, outcome);
	return send_answer(sup, &reply, err);
}

static int
send_answer(struct supervisor *sup, const struct front_answer *reply,
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
