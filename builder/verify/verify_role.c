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
	bool is_unready;
	struct err unready; /* why */
};

static int prepare(struct verify_state *state, const struct trust_policy *root,
    struct err *err);
static int do_task(struct verify_state *state, struct err *err);
static link_take take_build;
static link_take take_listing;
static int begin(struct verify_state *state, const struct verify_task *task,
    const struct ipc_fds *fds, struct verify_budget *budget,
    struct decision_env *ret_env, struct err *err);

/* One task, with the store, and the chain if there is one. */
static const struct link_rule rules[] = {
    [VERIFY_BUILD] = {LINK_BIT(VERIFY_WAITS), LINK_LAST, 0, 1, VERIFY_FDS,
	LINK_BYTES(verify_task, build), take_build},
    [VERIFY_LIST] = {LINK_BIT(VERIFY_WAITS), LINK_LAST, 0, 1, VERIFY_FDS,
	LINK_BYTES(verify_task, known), take_listing},
};

const struct link_table verify_tasks = {"a task", rules, countof(rules), false};

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
	struct err err = {0};
	struct err ignored;

	log_set_process("assayd[verify]");
	if (sandbox_die_with_parent(start->parent_pid, &err) != 0 ||
	    sandbox_keep_only(kept, countof(kept), &err) != 0)
		_exit(1);
	state.is_unready = prepare(&state, root, &state.unready) != 0;
	if (do_task(&state, &err) != 0 &&
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

/* A supervisor that is gone has no task: end quietly. One that has is told why
 * this role could not prepare itself. */
static int
do_task(struct verify_state *state, struct err *err)
{
	struct link_place place = {0};

	switch (link_serve(&verify_tasks, state->link, VERIFY_WAITS, &place,
	    state, err)) {
	case LINK_TAKEN:
		return 0;
	case LINK_END:
		_exit(0);
	case LINK_UNREADABLE:
	case LINK_REFUSED:
	case LINK_FAILED:
		break;
	}
	return (int)err->code;
}

static int
take_build(void *verify_state, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct verify_state *state = verify_state;
	const struct verify_task *task = record;
	struct verify_budget budget;
	struct decision_env env;
	struct timing timing;
	struct order order;

	TRY(begin(state, task, fds, &budget, &env, err));
	timing_start(&timing);
	TRY(decide_build(&env, &task->build, &timing, &order, err));
	return verify_link_order(state->link, &order, err);
}

static int
take_listing(void *verify_state, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *rows = NULL;
	struct verify_state *state = verify_state;
	struct verify_budget budget;
	struct decision_env env;

	TRY(begin(state, record, fds, &budget, &env, err));
	TRY(decide_listing(&env, &rows, err));
	return verify_link_images(state->link, rows, err);
}

static int
begin(struct verify_state *state, const struct verify_task *task,
    const struct ipc_fds *fds, struct verify_budget *budget,
    struct decision_env *ret_env, struct err *err)
{
	if (state->is_unready)
		return (int)(*err = state->unready).code;
	verify_budget_init(budget);
	*ret_env = (struct decision_env){
	    .config = state->config,
	    .held = &state->held,
	    .chain_fd =
		fds->count > VERIFY_CHAIN_FD ? fds->fd[VERIFY_CHAIN_FD] : -1,
	    .trust = task->trust,
	    .store = task->store,
	    .known = &task->known,
	    .stage = &state->stage,
	    .budget = budget,
	    .link = state->link,
	};
	return stage_give_store(&state->stage, fds->fd[VERIFY_STORE_FD], err);
}
