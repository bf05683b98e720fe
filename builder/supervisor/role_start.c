#include "builder/supervisor/role_start.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/stage/stage_role.h"
#include "builder/verify/verify_role.h"

static int start_stage(const struct role_env *env, int link,
    struct child *ret_child, struct err *err);
static int start_verify(const struct role_env *env, int stage_fd,
    struct child *ret_child, struct err *err);

int
role_start_decider(const struct role_env *env, struct decider *ret_decider,
    struct err *err)
{
	struct decider made = DECIDER_NONE;
	int stage_link[2];
	int code;

	TRY(ipc_pair(stage_link, err));
	code = start_stage(env, stage_link[1], &made.stage, err);
	close(stage_link[1]);
	if (code == 0)
		code = start_verify(env, stage_link[0], &made.verify, err);
	if (code != 0) {
		close(stage_link[0]);
		if (made.stage.pid != 0) {
			child_kill(&made.stage);
			child_collect(&made.stage);
		}
		return code;
	}
	made.stage_fd = stage_link[0];
	*ret_decider = made;
	return 0;
}

int
role_start_build(const struct role_env *env, enum child_kind kind,
    struct child *ret_child, struct err *err)
{
	const struct build_start start = {
	    .config = env->config,
	    .cache = env->cache,
	    .fault = env->fault,
	    .parent_pid = env->parent_pid,
	    .kind = kind,
	};
	CLEANUP(closep) int link = -1;
	pid_t pid;

	TRY(ipc_fork(&link, &pid, err));
	if (pid == 0)
		build_role_run(&start, take_fd(&link));
	return child_adopt(pid, &link, ret_child, err);
}

/* It has no link to the supervisor. */
static int
start_stage(const struct role_env *env, int link, struct child *ret_child,
    struct err *err)
{
	pid_t pid = fork();
	int none = -1;

	if (pid < 0)
		return err_set_errno(err, SYSTEM_FAILED, "fork");
	if (pid == 0)
		stage_role_run(env->config->sandbox_uid, env->parent_pid, link);
	return child_adopt(pid, &none, ret_child, err);
}

static int
start_verify(const struct role_env *env, int stage_fd, struct child *ret_child,
    struct err *err)
{
	const struct verify_start start = {
	    .config = env->config,
	    .root = env->root,
	    .parent_pid = env->parent_pid,
	    .stage_fd = stage_fd,
	};
	CLEANUP(closep) int link = -1;
	pid_t pid;

	TRY(ipc_fork(&link, &pid, err));
	if (pid == 0)
		verify_role_run(&start, take_fd(&link));
	return child_adopt(pid, &link, ret_child, err);
}
