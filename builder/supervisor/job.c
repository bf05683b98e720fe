#include "builder/supervisor/job.h"

#include <sys/wait.h>

#include "base/scope.h"

static void kill_nodes(const struct job *job);
static void describe_end(const struct job *job, int status, struct err *err);

void
job_begin(struct job *job, const struct task *task,
    const struct job_terms *terms)
{
	*job = (struct job){
	    .state = JOB_RUNNING,
	    .task = *task,
	    .connection = terms->connection,
	    .caller = terms->caller,
	    .child = CHILD_NONE,
	    .stage = CHILD_NONE,
	    .nodes = CHILD_NONE,
	    .stage_fd = -1,
	    .seconds = terms->seconds,
	    .deadline_usec = timing_now_usec() + terms->seconds * 1000000ull,
	};
	if (terms->lineage != NULL)
		job->lineage = *terms->lineage;
}

void
job_attach(struct job *job, enum job_step step, struct child *child)
{
	job->step = step;
	job->child = *child;
	job->place = (struct link_place){0};
	*child = CHILD_NONE;
}

void
job_attach_builder(struct job *job, enum job_step step, struct builder *builder)
{
	job_attach(job, step, &builder->build);
	job->nodes = builder->nodes;
	builder->nodes = CHILD_NONE;
}

void
job_kill(struct job *job, enum err_code why)
{
	if (job->killed == ERR_NONE)
		job->killed = why;
	child_kill(&job->child);
	kill_nodes(job);
}

bool
job_is_heard(const struct job *job)
{
	bool decides = job->step == JOB_STARTING || job->step == JOB_DECIDING ||
	               job->step == JOB_LISTING;

	return job->child.link >= 0 && !(decides && job->killed != ERR_NONE);
}

void
job_close_link(struct job *job)
{
	child_close_link(&job->child);
	kill_nodes(job);
}

int
job_end_fd(const struct job *job)
{
	return job->nodes.pid != 0 ? job->nodes.pidfd : job->child.pidfd;
}

bool
job_collect_nodes(struct job *job)
{
	if (job->nodes.pid == 0)
		return false;
	child_collect(&job->nodes);
	return true;
}

bool
job_collect(struct job *job, int *ret_code, struct err *err)
{
	int status = child_collect(&job->child);

	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !job->is_done ||
	    job->killed != ERR_NONE) {
		describe_end(job, status, err);
		return false;
	}
	*ret_code = err_wire_to(&job->outcome, BUILD_CRASHED, err);
	return true;
}

static void
kill_nodes(const struct job *job)
{
	if (job->nodes.pid != 0)
		child_kill(&job->nodes);
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
