/*
 * The policy in force, found out by a child before anything else is done.
 */
#include <poll.h>
#include <stdlib.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/supervisor/supervisor_state.h"

/* The longest chain has 2048 signatures: a second or two of one processor. The
 * disk that it is read from may take its time. */
enum { START_SECONDS = 60 };

static int ask(const struct job *job, struct err *err);
static int await_end(struct job *job, struct role_logs *logs, struct err *err);
static void free_logs(struct role_logs **logs);
static int wait_ms(const struct job *job);
static int collect(struct job *job, struct err *err);

int
supervisor_find_trust(const struct supervisor_start *start,
    struct trust_id *ret_mark, struct err *err)
{
	CLEANUP(free_logs)
	struct role_logs *logs = calloc(1, sizeof(*logs));
	const struct role_env env = {
	    .config = start->config,
	    .trust = start->trust,
	    .logs = logs,
	    .launcher = start->launcher,
	};
	const struct job_terms terms = {
	    .connection = NO_CONNECTION,
	    .seconds = START_SECONDS,
	};
	static const struct task none;
	struct graves graves = {.count = 0};
	struct child child = CHILD_NONE;
	struct job job;
	int code;

	if (logs == NULL)
		return err_set(err, NO_MEMORY, "what roles say");
	TRY(role_start_verify(&env, &child, err));
	job_begin(&job, &none, &terms);
	job_attach(&job, JOB_STARTING, &child);
	/* One that takes no task has ended, or does now: that is told then. */
	if (ask(&job, err) != 0)
		job_close_link(&job);
	code = await_end(&job, logs, err);
	/* One that does not end is not waited for: it dies with this process.
	 */
	graves_add(&graves, &job.child);
	TRY(code);
	*ret_mark = job.trust;
	return 0;
}

static int
ask(const struct job *job, struct err *err)
{
	static const struct verify_task task = {.kind = VERIFY_START};
	bool is_full = false;

	TRY(ipc_send_now(job->child.link, &task, LINK_KIND_BYTES, NULL,
	    &is_full, err));
	if (is_full)
		return err_set(err, SYSTEM_FAILED,
		    "the verify role takes no task");
	return 0;
}

/* First all that it has to say, then its end. */
static int
await_end(struct job *job, struct role_logs *logs, struct err *err)
{
	for (;;) {
		bool is_heard = job_is_heard(job);
		struct pollfd wait[1 + ROLE_LOG_FDS] = {{
		    .fd = is_heard ? job->child.link : job->child.pidfd,
		    .events = POLLIN,
		}};

		if (timing_now_usec() >= job->deadline_usec)
			return err_set(err, SYSTEM_FAILED,
			    "the verify role did not say in %u seconds which "
			    "trust policy is in force",
			    job->seconds);
		if (role_logs_wait(logs, wait, 1, wait_ms(job)) != 1)
			continue;
		if (!is_heard)
			return collect(job, err);
		supervisor_serve_job(NULL, job);
	}
}

/* With what was said until now. */
static void
free_logs(struct role_logs **logs)
{
	if (*logs != NULL)
		role_logs_done(*logs);
	free(*logs);
}

static int
wait_ms(const struct job *job)
{
	uint64_t now = timing_now_usec();

	if (now >= job->deadline_usec)
		return 0;
	return (int)((job->deadline_usec - now) / 1000 + 1);
}

static int
collect(struct job *job, struct err *err)
{
	const enum err_code killed = job->killed;
	struct err why = {0};
	int code = 0;

	if (job_collect(job, &code, &why)) {
		if (code != 0)
			*err = why;
		return code;
	}
	if (killed != ERR_NONE)
		return err_set(err, killed,
		    "the verify role says what it may not say at the start");
	return err_set(err, SYSTEM_FAILED, "the verify role, at the start: %s",
	    why.text);
}
