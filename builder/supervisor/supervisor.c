#include "builder/supervisor/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/supervisor/supervisor_state.h"

enum {
	POLL_TPM_ROLE,
	POLL_SIGNAL,
	POLL_READY,
	POLL_READY_STAGE,
	POLL_READY_BUILD,
	POLL_READY_NODES,
	POLL_LOOK,
	POLL_WATCH,
	POLL_CHANNELS,
	POLL_FIRST_CALLS,
	POLL_FIRST_ANSWERS = POLL_FIRST_CALLS + SUPERVISOR_FRONTS,
	POLL_FIRST_JOB = POLL_FIRST_ANSWERS + SUPERVISOR_FRONTS,
	POLL_COUNT = POLL_FIRST_JOB + SUPERVISOR_JOBS,
};

/* What is asked of the tpm role at once: each job and each caller one thing,
 * and the ends of domains, which leave room for those. */
enum { RECORDS = SUPERVISOR_JOBS + SUPERVISOR_EVIDENCE + 32 };

/* Refused builds in the log: so many at once, and ten each second. Of what goes
 * wrong whenever a caller asks once more, one each second. */
enum { REFUSALS_BURST = 200, REFUSAL_USEC = 100000 };
enum { FAILURES_BURST = 100, FAILURE_USEC = 1000000 };

/* Told to stop, it gives what it can undo so much time; the rest stays in the
 * journal. A second signal takes that time away. */
enum { STOP_USEC = 5000000 };

/* At its start what an earlier assayd left goes before callers are served, if
 * it goes in that time. */
enum { RECOVERY_USEC = 10000000 };

static int begin(struct supervisor *sup, struct err *err);
static int watch_signals(struct supervisor *sup, struct err *err);
static int recover(struct supervisor *sup, struct err *err);
static int loop(struct supervisor *sup, struct err *err);
static bool has_stopped(const struct supervisor *sup);
static void keep_one_ready(struct supervisor *sup);
static bool may_serve(const struct supervisor *sup);
static void fill_poll(const struct supervisor *sup, struct pollfd *fds);
static void poll_front(const struct supervisor *sup,
    const struct front_child *front, struct pollfd *calls,
    struct pollfd *answers);
static struct pollfd poll_of_job(const struct job *job);
static int poll_timeout_ms(const struct supervisor *sup);
static void kill_late_jobs(struct supervisor *sup);
static void serve(struct supervisor *sup, const struct pollfd *fds);
static void serve_fronts(struct supervisor *sup, const struct pollfd *fds);
static void lose_ready(struct supervisor *sup);
static void take_signal(struct supervisor *sup);
static void begin_to_stop(struct supervisor *sup);
static void stop(struct supervisor *sup);
static void supervisor_done(struct supervisor *sup);

int
supervisor_run(const struct supervisor_start *start, int *listen_fd,
    struct err *err)
{
	CLEANUP(freep) struct supervisor *sup = calloc(1, sizeof(*sup));
	struct sysinfo host;
	int code;

	if (sup == NULL)
		return err_set(err, NO_MEMORY, "supervisor");
	sup->config = start->config;
	sup->journal = start->journal;
	sup->listen_fd = take_fd(listen_fd);
	sup->records.fd = -1;
	sup->tpm_fd = -1;
	sup->signal_fd = -1;
	sup->is_development = start->is_development;
	sup->refusals.burst = REFUSALS_BURST;
	sup->refusals.usec = REFUSAL_USEC;
	sup->left_behind.burst = FAILURES_BURST;
	sup->left_behind.usec = FAILURE_USEC;
	sup->lost_looks.burst = FAILURES_BURST;
	sup->lost_looks.usec = FAILURE_USEC;
	sup->started_usec = timing_now_usec();
	sup->env = (struct role_env){
	    .config = start->config,
	    .trust = start->trust,
	    .cache = &sup->cache,
	    .logs = &sup->logs,
	    .fault = start->fault,
	    .is_development = start->is_development,
	    .launcher = start->launcher,
	};
	sup->trust = start->in_force;
	if (sysinfo(&host) == 0)
		image_cache_limit(&sup->cache,
		    (uint64_t)host.totalram * host.mem_unit);
	sup->ready = DECIDER_NONE;
	sup->ready_build = BUILDER_NONE;
	sup->looks.child = CHILD_NONE;
	sup->watch.child = CHILD_NONE;
	supervisor_clients_init(sup);
	code = begin(sup, err);
	if (code == 0)
		code = loop(sup, err);
	stop(sup);
	supervisor_done(sup);
	return code;
}

static int
begin(struct supervisor *sup, struct err *err)
{
	TRY(watch_signals(sup, err));
	TRY(supervisor_fronts_init(sup, err));
	TRY(outbox_init(&sup->records, sizeof(struct tpm_request), RECORDS,
	    false, err));
	TRY(supervisor_start_tpm_role(sup, err));
	if (sup->stop_usec != 0)
		return 0;
	TRY(recover(sup, err));
	TRY(domain_table_load(sup->journal, &sup->domains, err));
	TRY(supervisor_load_restarts(sup, err));
	TRY(supervisor_look_first(sup, err));
	if (sup->stop_usec != 0)
		return 0;
	supervisor_check_clients(sup);
	log_line("started store=%s trust_version=%lld domains=%u",
	    sup->config->store, (long long)sup->trust.version,
	    sup->domains.count);
	return 0;
}

/* SIGCHLD: whoever started us may ignore it, and then no end of a child could
 * be told from another. */
static int
watch_signals(struct supervisor *sup, struct err *err)
{
	sigset_t signals;

	signal(SIGCHLD, SIG_DFL);
	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &signals, NULL);
	sup->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (sup->signal_fd < 0)
		return err_set_errno(err, SYSTEM_FAILED, "signalfd");
	return 0;
}

/* Whatever an earlier assayd was building when it died, or could not remove,
 * goes. */
static int
recover(struct supervisor *sup, struct err *err)
{
	CLEANUP(freep)
	struct journal_pending *pending =
	    calloc(SUPERVISOR_REMOVALS, sizeof(*pending));
	struct removal_terms terms = {
	    .step = REMOVAL_ERASE,
	    .why = BUILD_CRASHED,
	};
	uint32_t count = 0;

	if (pending == NULL)
		return err_set(err, NO_MEMORY, "journal");
	TRY(journal_read_pending(sup->journal, pending, SUPERVISOR_REMOVALS,
	    &count, err));
	for (uint32_t i = 0; i < count; i++) {
		log_line("recovered domid=%u reason=\"%s\"", pending[i].domid,
		    pending[i].state == JOURNAL_BUILT ? "it had to go"
						      : "an unfinished build");
		TRY(supervisor_add_removal(sup, &pending[i], &terms, err));
	}
	return 0;
}

static int
loop(struct supervisor *sup, struct err *err)
{
	struct pollfd fds[POLL_COUNT + ROLE_LOG_FDS];

	while (!has_stopped(sup)) {
		supervisor_run_removals(sup);
		supervisor_run_restarts(sup);
		if (may_serve(sup))
			supervisor_keep_fronts(sup);
		keep_one_ready(sup);
		supervisor_keep_watch(sup);
		supervisor_keep_clients(sup);
		fill_poll(sup, fds);
		if (role_logs_wait(&sup->logs, fds, POLL_COUNT,
			poll_timeout_ms(sup)) < 0 &&
		    errno != EINTR)
			return err_set_errno(err, SYSTEM_FAILED, "poll");
		serve(sup, fds);
		kill_late_jobs(sup);
		supervisor_end_late_look(sup);
		supervisor_heed_change(sup);
		supervisor_end_late_waits(sup);
	}
	return 0;
}

/* Everything is undone that can be, or its time is over. */
static bool
has_stopped(const struct supervisor *sup)
{
	if (sup->stop_usec == 0)
		return false;
	if (timing_now_usec() >= sup->stop_usec)
		return true;
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		if (sup->jobs[i].state != JOB_FREE)
			return false;
	}
	return !supervisor_has_first_removals(sup);
}

/*
 * Children that wait for the next task, while nothing is built: they find the
 * cache as it is then, and cost no build any time.
 */
static void
keep_one_ready(struct supervisor *sup)
{
	struct err err;
	int code = 0;

	if (sup->is_unready || sup->stop_usec != 0)
		return;
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		const struct job *job = &sup->jobs[i];

		if (job->state == JOB_RUNNING && job->task.kind != TASK_ERASE)
			return;
	}
	if (sup->ready_build.build.pid == 0)
		code = role_start_build(&sup->env, CHILD_TO_BUILD,
		    &sup->ready_build, &err);
	if (code == 0 && sup->ready.verify.pid == 0)
		code = role_start_decider(&sup->env, &sup->ready, &err);
	if (code != 0) {
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    log_quote(err.text).text);
		sup->is_unready = true;
	}
}

static bool
may_serve(const struct supervisor *sup)
{
	return sup->fronts[FRONT_OF_SOCKET].started_usec != 0 ||
	       sup->stop_usec != 0 || !supervisor_has_first_removals(sup) ||
	       timing_now_usec() - sup->started_usec >= RECOVERY_USEC;
}

static void
fill_poll(const struct supervisor *sup, struct pollfd *fds)
{
	for (size_t i = 0; i < SUPERVISOR_FRONTS; i++)
		poll_front(sup, &sup->fronts[i], &fds[POLL_FIRST_CALLS + i],
		    &fds[POLL_FIRST_ANSWERS + i]);
	fds[POLL_TPM_ROLE] = (struct pollfd){
	    .fd = sup->tpm_fd,
	    .events = sup->records.count > 0 ? POLLIN | POLLOUT : POLLIN,
	};
	fds[POLL_SIGNAL] =
	    (struct pollfd){.fd = sup->signal_fd, .events = POLLIN};
	fds[POLL_READY] =
	    (struct pollfd){.fd = sup->ready.verify.link, .events = POLLIN};
	fds[POLL_READY_STAGE] =
	    (struct pollfd){.fd = sup->ready.stage.pidfd, .events = POLLIN};
	fds[POLL_READY_BUILD] =
	    (struct pollfd){.fd = sup->ready_build.build.link,
		.events = POLLIN};
	fds[POLL_READY_NODES] =
	    (struct pollfd){.fd = sup->ready_build.nodes.pidfd,
		.events = POLLIN};
	fds[POLL_LOOK] =
	    (struct pollfd){.fd = sup->looks.child.link, .events = POLLIN};
	fds[POLL_WATCH] =
	    (struct pollfd){.fd = sup->watch.child.link, .events = POLLIN};
	fds[POLL_CHANNELS] =
	    (struct pollfd){.fd = sup->channels.child.link, .events = POLLIN};
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++)
		fds[POLL_FIRST_JOB + i] = poll_of_job(&sup->jobs[i]);
}

static void
poll_front(const struct supervisor *sup, const struct front_child *front,
    struct pollfd *calls, struct pollfd *answers)
{
	bool is_there = front->pid != 0 && !front->is_lost;

	*calls = (struct pollfd){
	    .fd = is_there && supervisor_can_take_call(sup, front)
	              ? front->calls_fd
	              : -1,
	    .events = POLLIN,
	};
	*answers = (struct pollfd){
	    .fd = is_there && front->answers.count > 0 ? front->answers.fd : -1,
	    .events = POLLOUT,
	};
}

/* First all that it has to say, then its end: nobody waits for that. */
static struct pollfd
poll_of_job(const struct job *job)
{
	int fd = job_is_heard(job) ? job->child.link : job_end_fd(job);

	return (struct pollfd){
	    .fd = job->state == JOB_FREE ? -1 : fd,
	    .events = POLLIN,
	};
}

static int
poll_timeout_ms(const struct supervisor *sup)
{
	uint64_t now = timing_now_usec();
	uint64_t next[] = {
	    supervisor_removal_deadline(sup),
	    may_serve(sup) ? supervisor_front_deadline(sup)
			   : sup->started_usec + RECOVERY_USEC,
	    sup->stop_usec != 0 ? sup->stop_usec : UINT64_MAX,
	    supervisor_look_deadline(sup),
	    supervisor_watch_deadline(sup),
	    supervisor_wait_deadline(sup),
	    supervisor_restart_deadline(sup),
	    supervisor_client_deadline(sup),
	};
	uint64_t first = UINT64_MAX;

	for (size_t i = 0; i < countof(next); i++) {
		if (next[i] < first)
			first = next[i];
	}
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		const struct job *job = &sup->jobs[i];

		if (job->state != JOB_FREE && job->deadline_usec < first)
			first = job->deadline_usec;
	}
	if (first == UINT64_MAX)
		return -1;
	return first <= now ? 0 : (int)((first - now) / 1000 + 1);
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

static void
serve(struct supervisor *sup, const struct pollfd *fds)
{
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		const struct pollfd *ready = &fds[POLL_FIRST_JOB + i];
		struct job *job = &sup->jobs[i];

		/* What served another job may have given this one away. */
		if (ready->revents == 0 || job->state == JOB_FREE)
			continue;
		if (job_is_heard(job) && ready->fd == job->child.link)
			supervisor_serve_job(sup, job);
		else if (!job_is_heard(job) && ready->fd == job_end_fd(job))
			supervisor_end_job(sup, job);
	}
	if (fds[POLL_READY].revents != 0 &&
	    fds[POLL_READY].fd == sup->ready.verify.link)
		lose_ready(sup);
	if (fds[POLL_READY_STAGE].revents != 0 &&
	    fds[POLL_READY_STAGE].fd == sup->ready.stage.pidfd)
		lose_ready(sup);
	if (fds[POLL_READY_BUILD].revents != 0 &&
	    fds[POLL_READY_BUILD].fd == sup->ready_build.build.link)
		lose_ready(sup);
	if (fds[POLL_READY_NODES].revents != 0 &&
	    fds[POLL_READY_NODES].fd == sup->ready_build.nodes.pidfd)
		lose_ready(sup);
	if (fds[POLL_LOOK].revents != 0 &&
	    fds[POLL_LOOK].fd == sup->looks.child.link)
		supervisor_serve_look(sup);
	if (fds[POLL_WATCH].revents != 0 &&
	    fds[POLL_WATCH].fd == sup->watch.child.link)
		supervisor_serve_watch(sup);
	if (fds[POLL_CHANNELS].revents != 0 &&
	    fds[POLL_CHANNELS].fd == sup->channels.child.link)
		supervisor_serve_channels(sup);
	if (fds[POLL_TPM_ROLE].revents & (POLLIN | POLLHUP | POLLERR))
		supervisor_serve_tpm_role(sup);
	if (fds[POLL_TPM_ROLE].revents & POLLOUT)
		supervisor_flush_tpm_role(sup);
	serve_fronts(sup, fds);
	if (fds[POLL_SIGNAL].revents != 0)
		take_signal(sup);
}

/* What one of them did may have ended another. */
static void
serve_fronts(struct supervisor *sup, const struct pollfd *fds)
{
	for (size_t i = 0; i < SUPERVISOR_FRONTS; i++) {
		struct front_child *front = &sup->fronts[i];

		if (fds[POLL_FIRST_ANSWERS + i].revents != 0 &&
		    front->answers.fd == fds[POLL_FIRST_ANSWERS + i].fd)
			supervisor_flush_front(front);
		if (fds[POLL_FIRST_CALLS + i].revents != 0 && !front->is_lost &&
		    front->calls_fd == fds[POLL_FIRST_CALLS + i].fd)
			supervisor_serve_front(sup, front);
	}
}

/* It died, or it speaks before it has a task: another one begins with the next
 * task, and not before. */
static void
lose_ready(struct supervisor *sup)
{
	supervisor_drop_decider(sup, &sup->ready);
	supervisor_drop_builder(sup, &sup->ready_build);
	sup->is_unready = true;
}

static void
take_signal(struct supervisor *sup)
{
	struct signalfd_siginfo info;

	if (read(sup->signal_fd, &info, sizeof(info)) != sizeof(info))
		return;
	if (info.ssi_signo == SIGCHLD)
		graves_collect(&sup->graves);
	else if (sup->stop_usec == 0)
		begin_to_stop(sup);
	else
		sup->stop_usec = timing_now_usec();
}

/* Undo builds under way; end the front. Guests that run stay. */
static void
begin_to_stop(struct supervisor *sup)
{
	sup->stop_usec = timing_now_usec() + STOP_USEC;
	supervisor_stop_fronts(sup);
	supervisor_drop_decider(sup, &sup->ready);
	supervisor_drop_builder(sup, &sup->ready_build);
	supervisor_drop_looks(sup);
	supervisor_drop_watch(sup);
	supervisor_drop_clients(sup);
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		struct job *job = &sup->jobs[i];

		if (job->state == JOB_RUNNING && job->task.kind != TASK_ERASE)
			job_kill(job, BUILD_CANCELLED);
	}
}

/* What is not undone by now is the next assayd's: children die with us. */
static void
stop(struct supervisor *sup)
{
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		if (sup->jobs[i].state != JOB_FREE)
			job_kill(&sup->jobs[i], BUILD_CANCELLED);
	}
	supervisor_stop_fronts(sup);
	supervisor_stop_tpm_role(sup);
	role_logs_done(&sup->logs);
	log_line("stopped builds=%llu refused=%llu left_behind=%u",
	    (unsigned long long)sup->builds_done,
	    (unsigned long long)sup->builds_refused,
	    supervisor_count_removals(sup));
}

static void
supervisor_done(struct supervisor *sup)
{
	supervisor_fronts_done(sup);
	outbox_done(&sup->records);
	image_cache_done(&sup->cache);
	domain_table_done(&sup->domains);
	closep(&sup->signal_fd);
}
