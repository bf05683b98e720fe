#include "builder/supervisor/job.h"

#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"

static void describe_end(const struct job *job, int status, struct err *err);

int
job_prepare(struct job *job, const struct role_env *env, enum child_kind kind,
    struct err *err)
{
	CLEANUP(closep) int link = -1;
	int pidfd;
	pid_t pid;

	TRY(ipc_fork(&link, &pid, err));
	if (pid == 0)
		build_role_run(env, kind, take_fd(&link));
	pidfd = pidfd_open(pid, 0);
	if (pidfd < 0) {
		err_set_errno(err, SYSTEM_FAILED, "pidfd_open");
		kill(pid, SIGKILL); /* it has no task and no Xen yet */
		waitpid(pid, NULL, 0);
		return (int)err->code;
	}
	*job = (struct job){
	    .state = JOB_READY,
	    .pid = pid,
	    .pidfd = pidfd,
	    .link = take_fd(&link),
	    .deadline_usec = UINT64_MAX,
	};
	return 0;
}

int
job_assign(struct job *job, const struct task *task,
    const struct job_terms *terms, struct err *err)
{
	bool is_full = false;

	/* A child that died meanwhile has no task whose remains would have to
	 * be removed: another child gets it. */
	if (job->link < 0)
		return err_set(err, SYSTEM_FAILED, "the child has ended");
	TRY(ipc_send_now(job->link, task, sizeof(*task), NULL, &is_full, err));
	if (is_full)
		return err_set(err, SYSTEM_FAILED, "the child takes no task");
	job->state = JOB_RUNNING;
	job->task = *task;
	job->connection = terms->connection;
	job->uid = terms->uid;
	job->seconds = terms->seconds;
	job->deadline_usec = timing_now_usec() + terms->seconds * 1000000ull;
	return 0;
}

void
job_kill(struct job *job, enum err_code why)
{
	if (job->killed == ERR_NONE)
		job->killed = why;
	kill(job->pid, SIGKILL);
}

void
job_close_link(struct job *job)
{
	closep(&job->link);
}

bool
job_collect(struct job *job, int *ret_code, struct err *err)
{
	int status = -1; /* no child: its end is not known to be good */

	closep(&job->link);
	closep(&job->pidfd);
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
		err_set(err, BUILD_TIMEOUT, "not done after %u seconds",
		    job->seconds);
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
