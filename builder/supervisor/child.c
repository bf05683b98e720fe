#include "builder/supervisor/child.h"

#include <errno.h>
#include <signal.h>
#include <sys/pidfd.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/scope.h"

/* Of one task: who decides, the stage, who builds, its nodes role. As many wait
 * for the next one, and one looks. */
enum { CHILDREN_OF_A_TASK = 4 };

int
child_adopt(pid_t pid, int *link, struct child *ret_child, struct err *err)
{
	int pidfd = pidfd_open(pid, 0);

	if (pidfd < 0) {
		err_set_errno(err, SYSTEM_FAILED, "pidfd_open");
		kill(pid, SIGKILL); /* it has no task and no Xen yet */
		waitpid(pid, NULL, 0);
		return (int)err->code;
	}
	*ret_child = (struct child){pid, pidfd, take_fd(link)};
	return 0;
}

void
child_kill(const struct child *child)
{
	kill(child->pid, SIGKILL);
}

void
child_close_link(struct child *child)
{
	closep(&child->link);
}

int
child_collect(struct child *child)
{
	int status = -1; /* no child: its end is not known to be good */

	closep(&child->link);
	closep(&child->pidfd);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		continue;
	*child = CHILD_NONE;
	return status;
}

bool
graves_have_room(const struct graves *graves, size_t tasks)
{
	return graves->count + (tasks + 2) * CHILDREN_OF_A_TASK <= GRAVES;
}

void
graves_add(struct graves *graves, struct child *child)
{
	if (child->pid == 0)
		return;
	child_kill(child);
	closep(&child->link);
	closep(&child->pidfd);
	bug_unless(graves->count < GRAVES);
	graves->pids[graves->count++] = child->pid;
	*child = CHILD_NONE;
	graves_collect(graves);
}

void
graves_collect(struct graves *graves)
{
	size_t kept = 0;

	for (size_t i = 0; i < graves->count; i++) {
		if (waitpid(graves->pids[i], NULL, WNOHANG) == 0)
			graves->pids[kept++] = graves->pids[i];
	}
	graves->count = kept;
}
