#include "builder/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/front.h"
#include "builder/ipc.h"
#include "builder/supervisor_state.h"
#include "builder/xen_port_libxc.h"

enum { FRONT_SEND_SECONDS = 5 };
enum { POLL_FRONT, POLL_RECORDER, POLL_SIGNAL, POLL_FIRST_JOB };

static int start(struct supervisor *sup, int *listen_fd, struct err *err);
static int recover(struct supervisor *sup, struct err *err);
static int start_front(struct supervisor *sup, int *listen_fd, struct err *err);
static int loop(struct supervisor *sup, struct err *err);
static void keep_one_ready(struct supervisor *sup);
static int poll_timeout_ms(const struct supervisor *sup);
static void kill_late_jobs(struct supervisor *sup);
static void stop(struct supervisor *sup);
static void supervisor_done(struct supervisor *sup);

int
supervisor_run(const struct config *config, struct trust_in_force *trust,
    const struct fault *fault, const struct journal *journal,
    bool is_development, int *listen_fd, struct err *err)
{
	CLEANUP(freep) struct supervisor *sup = calloc(1, sizeof(*sup));
	int code;

	if (sup == NULL)
		return err_set(err, NO_MEMORY, "supervisor");
	sup->config = config;
	sup->journal = journal;
	sup->front_fd = -1;
	sup->recorder_fd = -1;
	sup->signal_fd = -1;
	sup->is_development = is_development;
	sup->started_usec = timing_now_usec();
	sup->env = (struct role_env){
	    .config = config,
	    .trust = *trust,
	    .cache = &sup->cache,
	    .fault = *fault,
	    .parent_pid = getpid(),
	};
	trust->newest = NULL; /* ours from here on */
	code = start(sup, listen_fd, err);
	if (code == 0)
		code = loop(sup, err);
	stop(sup);
	supervisor_done(sup);
	return code;
}

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
	TRY(supervisor_start_recorder(sup, err));
	TRY(recover(sup, err));
	TRY(domain_table_load(sup->journal, &sup->xen, &sup->domains, err));
	TRY(start_front(sup, listen_fd, err));
	log_line("started store=%s trust_version=%lld domains=%u",
	    sup->config->store,
	    (long long)trust_in_force_mark(&sup->env.trust).version,
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
		/* If it had got into the log, that it is gone has to. */
		if (supervisor_erase(sup, pending[i].domid, pending[i].uuid) &&
		    pending[i].domid != 0)
			supervisor_record_end(sup, EVENT_ABANDON,
			    pending[i].uuid, pending[i].domid, BUILD_CRASHED);
	}
	return 0;
}

static int
start_front(struct supervisor *sup, int *listen_fd, struct err *err)
{
	struct timeval patience = {.tv_sec = FRONT_SEND_SECONDS};
	int link;
	pid_t pid;

	TRY(ipc_fork(&link, &pid, err));
	if (pid == 0)
		front_run(sup->config, *listen_fd, link, sup->env.parent_pid);
	setsockopt(link, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	closep(listen_fd); /* the front's alone from here on */
	sup->front_fd = link;
	sup->front_pid = pid;
	return 0;
}

static int
loop(struct supervisor *sup, struct err *err)
{
	struct pollfd fds[POLL_FIRST_JOB + SUPERVISOR_JOBS] = {
	    [POLL_FRONT] = {.fd = sup->front_fd, .events = POLLIN},
	    [POLL_SIGNAL] = {.fd = sup->signal_fd, .events = POLLIN},
	};

	for (;;) {
		keep_one_ready(sup);
		fds[POLL_RECORDER] =
		    (struct pollfd){.fd = sup->recorder_fd, .events = POLLIN};
		for (size_t i = 0; i < SUPERVISOR_JOBS; i++)
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
		for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
			if (fds[POLL_FIRST_JOB + i].revents != 0)
				TRY(supervisor_serve_job(sup, &sup->jobs[i],
				    err));
		}
		if (fds[POLL_RECORDER].revents != 0)
			TRY(supervisor_serve_recorder(sup, err));
		if (fds[POLL_FRONT].revents != 0)
			TRY(supervisor_serve_front(sup, err));
	}
}

/*
 * A child that waits for the next task, while nothing is built: it inherits
 * the cache as it is then, and costs no build any time.
 */
static void
keep_one_ready(struct supervisor *sup)
{
	struct job *job = supervisor_find_job(sup, JOB_FREE);
	struct err err;

	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		const struct job *other = &sup->jobs[i];

		if (other->state == JOB_READY ||
		    (other->state == JOB_RUNNING &&
			other->task.kind != TASK_ERASE))
			return;
	}
	if (job == NULL || sup->is_unready)
		return;
	if (job_prepare(job, &sup->env, CHILD_FOR_ANY_TASK, &err) != 0) {
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    err.text);
		sup->is_unready = true;
	}
}

static int
poll_timeout_ms(const struct supervisor *sup)
{
	uint64_t now = timing_now_usec();
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
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

	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
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
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		struct job *job = &sup->jobs[i];
		bool is_gone = true;
		struct err err;
		int code;

		if (job->state == JOB_FREE)
			continue;
		job_kill(job, BUILD_CANCELLED);
		job_collect(job, &code, &err);
		if (job->state == JOB_RUNNING && job->task.kind == TASK_BUILD)
			is_gone = supervisor_erase(sup, job->domid,
			    job->task.build.uuid);
		if (job->state == JOB_CLEANING)
			is_gone =
			    supervisor_erase(sup, job->domid, job->task.uuid);
		if (is_gone && job->is_recorded && job->state != JOB_ENDING)
			supervisor_record_end(sup, EVENT_ABANDON,
			    job->task.build.uuid, job->domid, BUILD_CANCELLED);
		job->state = JOB_FREE;
	}
	supervisor_stop_recorder(sup);
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
	trust_in_force_done(&sup->env.trust);
	image_cache_done(&sup->cache);
	domain_table_done(&sup->domains);
	xen_port_close(&sup->xen);
	closep(&sup->signal_fd);
}
