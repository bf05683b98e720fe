#include "builder/verify/verify_role.h"

#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/sandbox.h"
#include "builder/verify/decide_build.h"
#include "builder/verify/policy_fetch.h"
#include "builder/verify_link.h"

/* What it has at hand when the task comes. */
struct verify_state {
	const struct config *config;
	int link;
	struct stage stage;
	struct trust_in_force held;
};

static int prepare(struct verify_state *state, const struct trust_policy *root,
    struct err *err);
static int await_task(const struct verify_state *state,
    struct verify_task *ret_task, struct ipc_fds *fds, struct err *err);
static int run_task(struct verify_state *state, const struct verify_task *task,
    const struct ipc_fds *fds, struct err *err);
static int decide(const struct decision_env *env,
    const struct verify_task *task, struct err *err);
static int list(const struct decision_env *env, struct err *err);

void
verify_role_run(const struct role_start *start, const struct trust_policy *root,
    int link, int stage_fd)
{
	struct verify_state state = {
	    .config = &start->config,
	    .link = link,
	    .stage = {stage_fd},
	};
	const int kept[] = {link, stage_fd};
	CLEANUP(ipc_fds_done) struct ipc_fds fds = {.count = 0};
	struct verify_task task = {0};
	struct err err = {0};
	struct err ignored;
	int prepared;
	int code;

	log_set_process("assayd[verify]");
	if (sandbox_die_with_parent(start->parent_pid, &err) != 0 ||
	    sandbox_keep_only(kept, countof(kept), &err) != 0)
		_exit(1);
	prepared = prepare(&state, root, &err);
	code = await_task(&state, &task, &fds, prepared == 0 ? &err : &ignored);
	if (prepared == 0 && code == 0)
		code = run_task(&state, &task, &fds, &err);
	if ((prepared != 0 || code != 0) &&
	    verify_link_refused(link, &err, &ignored) != 0)
		_exit(1);
	_exit(0);
}

static int
prepare(struct verify_state *state, const struct trust_policy *root,
    struct err *err)
{
	json_object_seed(0); /* while /dev/urandom can still be opened */
	policy_fetch_early(state->config->trust_updates, root, &state->held);
	return sandbox_enter(SANDBOX_VERIFY,
	    state->config->users.of[SANDBOX_VERIFY], NULL, err);
}

/* A supervisor that is gone has no task: end quietly. */
static int
await_task(const struct verify_state *state, struct verify_task *ret_task,
    struct ipc_fds *fds, struct err *err)
{
	bool is_end;

	TRY(ipc_receive_fds(state->link, ret_task, sizeof(*ret_task), fds,
	    &is_end, err));
	if (is_end)
		_exit(0);
	if (fds->count <= VERIFY_STORE_FD)
		return err_set(err, BUG, "a task without a store");
	return 0;
}

static int
run_task(struct verify_state *state, const struct verify_task *task,
    const struct ipc_fds *fds, struct err *err)
{
	struct verify_budget budget;
	const struct decision_env env = {
	    .config = state->config,
	    .held = &state->held,
	    .chain_fd =
		fds->count > VERIFY_CHAIN_FD ? fds->fd[VERIFY_CHAIN_FD] : -1,
	    .trust = task->trust,
	    .store = task->store,
	    .known = &task->known,
	    .stage = &state->stage,
	    .budget = &budget,
	    .link = state->link,
	};

	verify_budget_init(&budget);
	TRY(stage_give_store(&state->stage, fds->fd[VERIFY_STORE_FD], err));
	switch ((enum verify_task_kind)task->kind) {
	case VERIFY_BUILD:
		return decide(&env, task, err);
	case VERIFY_LIST:
		return list(&env, err);
	}
	return err_set(err, BUG, "verify task %u", task->kind);
}

static int
decide(const struct decision_env *env, const struct verify_task *task,
    struct err *err)
{
	struct timing timing;
	struct order order;

	timing_start(&timing);
	TRY(decide_build(env, &task->build, &timing, &order, err));
	return verify_link_order(env->link, &order, err);
}

static int
list(const struct decision_env *env, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *rows = NULL;

	TRY(decide_listing(env, &rows, err));
	return verify_link_images(env->link, rows, err);
}
