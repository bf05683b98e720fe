#include "builder/job.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"

int
job_start(struct job *job, const struct role_env *env,
    const struct task *task, uint32_t connection, struct err *err)
{
	int link[2];
	pid_t pid;

	TRY(ipc_pair(link, err));
	pid = fork();
	if (pid < 0) {
		close(link[0]);
		close(link[1]);
		return err_set_errno(err, SYSTEM_FAILED, "fork");
	}
	if (pid == 0)
		build_role_run(env, task, link[1]);
	close(link[1]);
	*job = (struct job){
	    .state = JOB_RUNNING,
	    .task = *task,
	    .connection = connection,
	    .pid = pid,
	    .link = link[0],
	    .deadline_usec =
	        timing_now_usec() + LIMIT_BUILD_SECONDS * 1000000ull,
	};
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
	while (waitpid(job->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !job->is_done ||
	    job->killed != ERR_NONE)
		return false;
	*ret_code = outcome_to(&job->done.outcome, BUILD_CRASHED, err);
	return true;
}
