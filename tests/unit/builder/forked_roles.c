#include "forked_roles.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/build/build_role.h"
#include "builder/channel/channel_role.h"
#include "builder/look/look_role.h"
#include "builder/nodes/nodes_role.h"
#include "builder/front/front.h"
#include "builder/stage/stage_role.h"
#include "builder/tpm/tpm_role.h"
#include "builder/verify/verify_role.h"
#include "builder/watch/watch_role.h"

/* As role_main_sealed() of the programs. */
static struct sealed *
take_root(int fd)
{
	struct sealed *root;
	struct err err;

	if (sealed_from_fds(&fd, 1, LIMIT_TRUST_BYTES, "policy", &root, &err) !=
	    0)
		_exit(1);
	return root;
}

static void __attribute__((noreturn))
run(const struct role_start *start, const int *fds)
{
	const struct front_link link = {fds[0], fds[1]};

	switch ((enum role)start->role) {
	case ROLE_FRONT:
		if (start->offer.domid != 0)
			front_run_ring(&start->config, &start->offer, fds + 2,
			    &link, start->parent_pid);
		front_run(&start->config, fds[2], &link, start->parent_pid);
	case ROLE_STAGE:
		stage_role_run(start->config.users.of[SANDBOX_STAGE],
		    start->parent_pid, fds[0]);
	case ROLE_VERIFY:
		verify_role_run(start, take_root(fds[2]), fds[0], fds[1]);
	case ROLE_BUILD:
		build_role_run(start, fds[0], fds[1]);
	case ROLE_NODES:
		nodes_role_run(start, fds[0]);
	case ROLE_LOOK:
		look_role_run(start, fds[0]);
	case ROLE_WATCH:
		watch_role_run(start, fds[0]);
	case ROLE_CHANNEL:
		channel_role_run(start, fds[0]);
	case ROLE_TPM:
		tpm_role_run(&start->config, take_root(fds[1]),
		    start->is_development, fds[0]);
	case ROLES:
		break;
	}
	abort();
}

/* As the launcher of programs does it: nothing else of the supervisor is left
 * open, which a role would have to close. */
static int
launch(void *context, const struct role_start *start,
    const struct role_fds *fds, pid_t *ret_pid, struct err *err)
{
	(void)context;
	*ret_pid = fork();
	if (*ret_pid < 0)
		return err_set_errno(err, SYSTEM_FAILED, "fork");
	if (*ret_pid == 0) {
		int own[ROLE_FDS_MAX] = {-1, -1, -1, -1};

		/* The daemon may be killed while they speak. */
		signal(SIGPIPE, SIG_IGN);
		dup2(fds->log, STDOUT_FILENO);
		dup2(fds->log, STDERR_FILENO);
		for (size_t i = 0; i < fds->count; i++)
			own[i] = fcntl(fds->fds[i], F_DUPFD_CLOEXEC, 64);
		run(start, own);
	}
	return 0;
}

const struct role_launcher forked_roles = {launch, NULL};
