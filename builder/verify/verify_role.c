#include "builder/verify/verify_role.h"

#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/verify/decide_build.h"
#include "builder/verify/policy_fetch.h"
#include "builder/verify/verify_report.h"
#include "builder/verify_link.h"
#include "builder/verify/verify_sandbox.h"

/* What it has at hand when the task comes. */
struct verify_state {
	const struct daemon_config *config;
	int link;
	struct stage stage;
	struct trust_policy *root;
	struct trust_in_force held; /* the root, if the chain was refused */
	struct err unheld;          /* why it was */
	bool is_unready;
	struct err unready; /* why */
};

/* What deciding one task needs. */
struct work {
	struct verify_budget budget;
	struct timing timing;
	struct decision_env env;
};

static int prepare(struct verify_state *state, const struct sealed *root,
    struct err *err);
static int decode_root(struct verify_state *state, const struct sealed *root,
    struct err *err);
static int do_task(struct verify_state *state, struct err *err);
static link_take take_start;
static link_take take_build;
static link_take take_listing;
static int begin(struct verify_state *state, const struct verify_task *task,
    const struct ipc_fds *fds, struct work *work, struct err *err);

/* One task, with the store, and the chain if there is one. */
static const struct link_rule rules[] = {
    [VERIFY_START] = {LINK_BIT(VERIFY_WAITS), LINK_LAST, 0, 0, 0,
	LINK_KIND_BYTES, take_start},
    [VERIFY_BUILD] = {LINK_BIT(VERIFY_WAITS), LINK_LAST, 0, 1, VERIFY_FDS,
	LINK_BYTES(verify_task, build), take_build},
    [VERIFY_LIST] = {LINK_BIT(VERIFY_WAITS), LINK_LAST, 0, 1, VERIFY_FDS,
	LINK_BYTES(verify_task, known), take_listing},
};

const struct link_table verify_tasks = {"a task", rules, countof(rules), NULL};

void
verify_role_run(const struct role_start *start, const struct sealed *root,
    int link, int stage_fd)
{
	struct verify_state state = {
	    .config = &start->config,
	    .link = link,
	    .stage = {.fd = stage_fd},
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
	    verify_report_refused(link, &err, &ignored) != 0)
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

/* At the start nothing is in force that would hold instead. */
static int
take_start(void *verify_state, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct verify_state *state = verify_state;
	struct trust_id mark;

	(void)record;
	(void)fds;
	if (state->is_unready)
		return (int)(*err = state->unready).code;
	if (state->unheld.code != ERR_NONE)
		return (int)(*err = state->unheld).code;
	mark = trust_in_force_id(&state->held);
	return verify_report_mark(state->link, &mark, err);
}

static int
take_build(void *verify_state, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct verify_state *state = verify_state;
	const struct verify_task *task = record;
	struct work work;
	struct order order;

	TRY(begin(state, task, fds, &work, err));
	TRY(decide_build(&work.env, &task->build, &order, err));
	return verify_report_order(state->link, &order, err);
}

static int
take_listing(void *verify_state, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *rows = NULL;
	struct verify_state *state = verify_state;
	struct work work;

	TRY(begin(state, record, fds, &work, err));
	TRY(decide_listing(&work.env, &rows, err));
	return verify_report_images(state->link, rows, err);
}

/* `work` stays where it is: its parts point to each other. */
static int
begin(struct verify_state *state, const struct verify_task *task,
    const struct ipc_fds *fds, struct work *work, struct err *err)
{
	if (state->is_unready)
		return (int)(*err = state->unready).code;
	timing_start(&work->timing);
	verify_budget_init(&work->budget);
	work->env = (struct decision_env){
	    .config = state->config,
	    .held = &state->held,
	    .chain_fd =
		fds->count > VERIFY_CHAIN_FD ? fds->fd[VERIFY_CHAIN_FD] : -1,
	    .trust = task->trust,
	    .store = task->store,
	    .known = &task->known,
	    .caller = &task->caller,
	    .stage = &state->stage,
	    .budget = &work->budget,
	    .link = state->link,
	    .timing = &work->timing,
	};
	stage_give_store(&state->stage, fds->fd[VERIFY_STORE_FD]);
	return 0;
}
