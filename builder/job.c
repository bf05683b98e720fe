#include "builder/job.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"

static void describe_end(const struct job *job, int status, struct err *err);

int
job_prepare(struct job *job, const struct role_env *env, enum child_kind kind,
    struct err *err)
{
	int link;
	pid_t pid;

	TRY(ipc_fork(&link, &pid, err));
	if (pid == 0)
		build_role_run(env, kind, link);
	*job = (struct job){
	    .state = JOB_READY,
	    .pid = pid,
	    .link = link,
	    .deadline_usec = UINT64_MAX,
	};
	return 0;
}

int
job_assign(struct job *job, const struct task *task, uint32_t connection,
    struct err *err)
{
	/* A child that died meanwhile has no task whose remains would have to
	 * be removed: another child gets it. */
	TRY(ipc_send(job->link, task, sizeof(*task), -1, err));
	job->state = JOB_RUNNING;
	job->task = *task;
	job->connection = connection;
	job->deadline_usec =
	    timing_now_usec() + LIMIT_BUILD_SECONDS * 1000000ull;
	return 0;
}

void
job_kill(struct job *job, enum err_code why)
{
	if (job->killed == ERR_NONE)
		job->killed = why;
	kill(job->pid, SIGKILL);
}

bool
job_collect(struct job *job, int *ret_code, struct err *err)
{
	int status = 0;

	closep(&job->link);
	trust_in_force_done(&job->trust);
	while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !job->is_done ||
	    job->killed != ERR_NONE) {
		describe_end(job, status, err);
		return false;
	}
	*ret_code = outcome_to(&job->done.outcome, BUILD_CRASHED, err);
	return true;
}

static void
describe_end(const struct job *job, int status, struct err *err)
{
	if (job->killed == BUILD_CANCELLED)
		err_set(err, BUILD_CANCELLED, "the caller is gone");
	else if (job->killed == BUILD_TIMEOUT)
		err_set(err, BUILD_TIMEOUT, "not done after %d seconds",
		    LIMIT_BUILD_SECONDS);
	else if (job->killed != ERR_NONE)
		err_set(err, job->killed, "the build had to be stopped");
	else if (WIFSIGNALED(status))
		err_set(err, BUILD_CRASHED, "killed by signal %d",
		    WTERMSIG(status));
	else
		err_set(err, BUILD_CRASHED,
		    "ended with status %d before it "
		    "was done",
		    WEXITSTATUS(status));
}
