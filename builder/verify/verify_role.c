#include "builder/verify/verify_role.h"

#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/verify/decide_build.h"
#include "builder/verify/policy_fetch.h"
#include "builder/verify_link.h"
#include "builder/verify/verify_sandbox.h"

/* What it has at hand when the task comes. */
struct verify_state {
	const struct config *config;
	int link;
	struct stage stage;
	struct trust_policy *root;
	struct trust_in_force held; /* the root, if the chain was refused */
	struct err unheld;          /* why it was */
};

static int prepare(struct verify_state *state, const struct sealed *root,
    struct err *err);
static int decode_root(struct verify_state *state, const struct sealed *root,
    struct err *err);
static int await_task(const struct verify_state *state,
    struct verify_task *ret_task, struct ipc_fds *fds, struct err *err);
static int tell_mark(const struct verify_state *state, struct err *err);
static int run_task(struct verify_state *state, const struct verify_task *task,
    const struct ipc_fds *fds, struct err *err);
static int decide(const struct decision_env *env,
    const struct verify_task *task, struct err *err);
static int list(const struct decision_env *env, struct err *err);

void
verify_role_run(const struct role_start *start, const struct sealed *root,
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

	log_set_role("assayd[verify]");
	if (sandbox_die_with_parent(start->parent_pid, &err) != 0 ||
	    sandbox_keep_only(kept, countof(kept), &err) != 0)
		_exit(1);
	prepared = prepare(&state, root, &err);
	code = await_task(&state, &task, &fds, prepared == 0 ? &err : &ignored);
	if (prepared == 0 && code == 0)
		code = task.kind == VERIFY_START
		           ? tell_mark(&state, &err)
		           : run_task(&state, &task, &fds, &err);
	if ((prepared != 0 || code != 0) &&
	    verify_link_refused(link, &err, &ignored) != 0)
		_exit(1);
	_exit(0);
}

/* The chain is read before the sandbox, in which no file can be opened, and
 * looked at in it. One that is missing or refused is no failure yet: a task has
 * its own. */
static int
prepare(struct verify_state *state, const struct sealed *root, struct err *err)
{
	const char *path = state->config->trust_updates;
	CLEANUP(freep) char *chain = NULL;
	size_t len = 0;
	int code;

	json_object_seed(0); /* while /dev/urandom can still be opened */
	code = trust_in_force_read(path, &chain, &len, &state->unheld);
	TRY(sandbox_enter(&verify_sandbox,
	    state->config->users.of[SANDBOX_VERIFY], err));
	TRY(decode_root(state, root, err));
	if (code == 0)
		(void)trust_in_force_follow(state->root, path,
		    bytes_of(chain, len), &state->held, &state->unheld);
	return 0;
}

static int
decode_root(struct verify_state *state, const struct sealed *root,
    struct err *err)
{
	if (trust_decode(sealed_bytes(root), &state->root, err) != 0)
		return err_prefix(err, "%s",
		    err_quote_str(state->config->trust).text);
	state->held.root = state->root;
	return 0;
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
	if (ret_task->kind != VERIFY_START && fds->count <= VERIFY_STORE_FD)
		return err_set(err, BUG, "a task without a store");
	return 0;
}

/* At the start nothing is in force that would hold instead. */
static int
tell_mark(const struct verify_state *state, struct err *err)
{
	const struct trust_mark mark = trust_in_force_mark(&state->held);

	if (state->unheld.code != ERR_NONE) {
		*err = state->unheld;
		return (int)err->code;
	}
	return verify_link_mark(state->link, &mark, err);
}

static int
run_task(struct verify_state *state, const struct verify_task *task,
    const struct ipc_fds *fds, struct err *err)
{
	struct verify_budget budget;
	struct timing timing;
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
	    .timing = &timing,
	};

	timing_start(&timing);
	verify_budget_init(&budget);
	TRY(stage_give_store(&state->stage, fds->fd[VERIFY_STORE_FD], err));
	switch ((enum verify_task_kind)task->kind) {
	case VERIFY_BUILD:
		return decide(&env, task, err);
	case VERIFY_LIST:
		return list(&env, err);
	case VERIFY_START:
		break;
	}
	return err_set(err, BUG, "verify task %u", task->kind);
}

static int
decide(const struct decision_env *env, const struct verify_task *task,
    struct err *err)
{
	struct order order;

	TRY(decide_build(env, &task->build, &order, err));
	return verify_link_order(env->link, &order, err);
}

static int
list(const struct decision_env *env, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *rows = NULL;

	TRY(decide_listing(env, &rows, err));
	return verify_link_images(env->link, rows, err);
}
