#include "builder/build/build_role.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/build/build_domain.h"
#include "builder/build/build_report.h"
#include "builder/build/domain_erase.h"
#include "builder/build_link.h"
#include "builder/ipc.h"
#include "builder/xen/fault.h"
#include "builder/xen/xen_port_libxc.h"
#include "builder/build/build_sandbox.h"

/* What a child has at hand when the task comes. */
struct build_state {
	const struct daemon_config *config;
	struct kept_blobs kept; /* what was checked before */
	int link;
	struct link_place place; /* on it */
	struct build_call call;  /* the task */
	struct stage stage;      /* that comes with it */
	struct nodes nodes;      /* its role, over a link */
	struct xen_port xen;     /* the real one */
	struct xen_port port;    /* the same, or a layer of faults over it */
	struct image_pieces *pieces; /* that were loaded: gone with the child */
	bool left_behind; /* an aborted domain could not be removed */
};

static int prepare(struct build_state *state, const struct role_start *start,
    struct err *err);
static int await_task(struct build_state *state, struct err *err);
static int run_task(struct build_state *state, struct build_report *done,
    struct err *err);
static int run_build(struct build_state *state, struct receipt *ret_receipt,
    struct err *err);
static int run_erase(struct build_state *state, uint32_t *ret_domid,
    struct err *err);
static link_take take_cached, take_task;

/* Cached blobs, and then one task. */
static const struct link_rule rules[] = {
    [BUILD_CACHED] = {LINK_BIT(BUILD_AWAITS), LINK_OFTEN, 0, 1, SEALED_PIECES,
	LINK_BYTES(build_call, cached), take_cached},
    [BUILD_DOMAIN] = {LINK_BIT(BUILD_AWAITS), LINK_LAST, 0, 1, 1,
	LINK_BYTES(build_call, task), take_task},
    [BUILD_ERASE] = {LINK_BIT(BUILD_AWAITS), LINK_LAST, 0, 0, 0,
	LINK_BYTES(build_call, claim), take_task},
};

const struct link_table build_calls = {
    "a call",
    rules,
    countof(rules),
    NULL,
};

void
build_role_run(const struct role_start *start, int link, int nodes_fd)
{
	struct build_state state = {
	    .config = &start->config,
	    .link = link,
	    .nodes = {.link = nodes_fd, .xen = &state.xen},
	};
	const int links[] = {link, nodes_fd};
	struct build_report done = {.kind = BUILD_DONE};
	struct err err = {0};
	struct err ignored;
	int prepared;
	int code;

	log_set_process("assayd[build]");
	/* Nothing but the links: with their other ends it would wait for a task
	 * for ever, together with the journal's lock. */
	if (sandbox_die_with_parent(start->parent_pid, &err) != 0 ||
	    sandbox_keep_only(links, countof(links), &err) != 0)
		_exit(1);
	prepared = prepare(&state, start, &err);
	code = await_task(&state, prepared == 0 ? &err : &ignored);
	if (prepared != 0)
		code = prepared;
	if (prepared == 0 && code == 0 &&
	    nodes_check(&state.nodes, &ignored) != 0) {
		build_report_unfit(link, &ignored);
		_exit(0);
	}
	if (code == 0)
		code = run_task(&state, &done, &err);
	if (build_report_done(link, &done, code, &err, &ignored) != 0)
		_exit(1);
	/* Any other end than 0 makes the supervisor clean up after us. */
	_exit(state.left_behind ? 1 : 0);
}

static int
prepare(struct build_state *state, const struct role_start *start,
    struct err *err)
{
	struct digest ignored;

	TRY(xen_port_libxc_open(&state->xen, err));
	fault_wrap(&start->fault, &state->xen, &state->port);
	TRY(sandbox_enter(&build_sandbox, start->config.users.of[SANDBOX_BUILD],
	    err));
	/* What libcrypto does at first costs no build its time. */
	if (start->kind == CHILD_TO_BUILD)
		TRY(digest_of(bytes_of(NULL, 0), &ignored, err));
	return 0;
}

/* A supervisor that is gone has no task: end quietly. */
static int
await_task(struct build_state *state, struct err *err)
{
	bool is_end;

	while (state->call.kind == 0) {
		TRY(link_take_one(&build_calls, state->link, BUILD_AWAITS,
		    &state->place, state, &is_end, err));
		if (is_end)
			_exit(0);
	}
	return 0;
}

static int
take_cached(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct build_state *state = owner;
	const struct build_call *call = record;
	struct sealed *checked = NULL;

	TRY(ipc_take_sealed(fds, LIMIT_RAMDISK_BYTES, "cached blob", &checked,
	    err));
	kept_blobs_add(&state->kept, &call->cached, checked);
	return 0;
}

/* A build's link to the stage comes along. */
static int
take_task(void *owner, const void *record, struct ipc_fds *fds, struct err *err)
{
	struct build_state *state = owner;

	(void)err;
	state->call = *(const struct build_call *)record;
	if (fds->count > 0)
		state->stage.fd = fds->fd[0];
	fds->count = 0;
	return 0;
}

static int
run_task(struct build_state *state, struct build_report *done, struct err *err)
{
	if (state->call.kind == BUILD_DOMAIN)
		return run_build(state, &done->done.receipt, err);
	return run_erase(state, &done->done.domid, err);
}

static int
run_build(struct build_state *state, struct receipt *ret_receipt,
    struct err *err)
{
	const struct build_task *task = &state->call.task;
	struct timing timing = task->order.timing;
	struct build_env env = {
	    .pieces = {&state->kept, &state->stage, state->link, &timing},
	    .place = {&state->port, &state->nodes, &state->config->daemons,
		state->link, &state->left_behind, &timing},
	    .record = {state->link, &timing},
	    .pieces_used = &state->pieces,
	};

	memcpy(env.handle, task->handle, UUID_BYTES);
	return build_domain(&env, &task->request, &task->order, ret_receipt,
	    err);
}

static int
run_erase(struct build_state *state, uint32_t *ret_domid, struct err *err)
{
	struct domain_context place = {
	    .xen = &state->xen,
	    .nodes = &state->nodes,
	    .daemons = &state->config->daemons,
	    .link = -1,
	};

	return domain_erase(&place, &state->call.claim, ret_domid, err);
}
