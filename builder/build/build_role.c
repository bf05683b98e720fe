#include "builder/build/build_role.h"

#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/build/build_domain.h"
#include "builder/build_link.h"
#include "builder/verify/index_fetch.h"
#include "builder/ipc.h"
#include "builder/verify/policy_fetch.h"
#include "builder/sandbox.h"
#include "builder/stage/stage_role.h"
#include "builder/xen/xen_port_libxc.h"

/* What a child has at hand when the task comes. */
struct workshop {
	const struct role_env *env;
	int link;
	struct stage stage;
	struct xen_port xen;  /* the real one */
	struct xen_port port; /* the same, or a layer of faults over it */
	bool left_behind;     /* an aborted domain could not be removed */
};

static int prepare(struct workshop *shop, enum child_kind kind,
    struct err *err);
static int await_task(struct workshop *shop, struct task *ret_task,
    struct err *err);
static int run_task(struct workshop *shop, const struct task *task,
    struct receipt *ret_receipt, struct err *err);
static int run_build(struct workshop *shop, const struct task *task,
    struct receipt *ret_receipt, struct err *err);
static int run_list(struct workshop *shop, const struct task *task,
    struct err *err);
static int find_rules(struct workshop *shop, const struct task *task,
    struct trust_in_force *ret_trust, struct store_index **ret_index,
    struct image_source *source, struct err *err);
static int run_erase(struct workshop *shop, const struct task *task,
    struct err *err);

void
build_role_run(const struct role_env *env, enum child_kind kind, int link)
{
	struct workshop shop = {.env = env, .link = link, .stage = STAGE_NONE};
	struct receipt receipt = {0};
	struct task task = {0};
	struct err err = {0};
	struct err ignored;
	int prepared;
	int code;

	log_set_role("assayd[build]");
	/* Nothing but the link: cached blobs stay mapped without descriptors,
	 * and with the other end of its link it would wait for a task for ever,
	 * together with the journal's lock. */
	if (sandbox_die_with_parent(env->parent_pid, &err) != 0 ||
	    sandbox_keep_only(&link, 1, &err) != 0)
		_exit(1);
	prepared = prepare(&shop, kind, &err);
	code = await_task(&shop, &task, prepared == 0 ? &err : &ignored);
	if (prepared != 0)
		code = prepared;
	if (prepared == 0 && code == 0 &&
	    !shop.xen.ops->store_is_connected(shop.xen.xen)) {
		build_link_unfit(link, &ignored);
		_exit(0);
	}
	if (code == 0)
		code = run_task(&shop, &task, &receipt, &err);
	if (build_link_done(link, code, &err, &receipt, &ignored) != 0)
		_exit(1);
	stage_stop(&shop.stage);
	/* Any other end than 0 makes the supervisor clean up after us. */
	_exit(shop.left_behind ? 1 : 0);
}

static int
prepare(struct workshop *shop, enum child_kind kind, struct err *err)
{
	const struct role_env *env = shop->env;

	json_object_seed(0); /* while /dev/urandom can still be opened */
	/* The stage first: it must not inherit Xen. */
	if (kind == CHILD_FOR_ANY_TASK)
		TRY(stage_role_start(env->config->sandbox_uid, &shop->stage,
		    err));
	TRY(xen_port_libxc_open(true, &shop->xen, err));
	fault_wrap(&env->fault, &shop->xen, &shop->port);
	TRY(sandbox_enter(SANDBOX_BUILD, 0, err));
	if (kind == CHILD_FOR_ANY_TASK)
		image_cache_touch(env->cache);
	return 0;
}

/* A supervisor that is gone has no task: end quietly. */
static int
await_task(struct workshop *shop, struct task *ret_task, struct err *err)
{
	bool is_end;
	int code = ipc_receive(shop->link, ret_task, sizeof(*ret_task), NULL,
	    &is_end, err);

	if (code == 0 && is_end)
		_exit(0);
	return code;
}

static int
run_task(struct workshop *shop, const struct task *task,
    struct receipt *ret_receipt, struct err *err)
{
	switch ((enum task_kind)task->kind) {
	case TASK_BUILD:
		return run_build(shop, task, ret_receipt, err);
	case TASK_LIST_IMAGES:
		return run_list(shop, task, err);
	case TASK_ERASE:
		return run_erase(shop, task, err);
	}
	return err_set(err, BUG, "task %u", task->kind);
}

static int
run_build(struct workshop *shop, const struct task *task,
    struct receipt *ret_receipt, struct err *err)
{
	const struct role_env *env = shop->env;
	CLEANUP(trust_in_force_done) struct trust_in_force trust = {0};
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct verify_budget budget;
	struct build_env build = {
	    .config = env->config,
	    .images = {NULL, env->cache, &shop->stage, shop->link, NULL,
		&budget},
	    .place = {&shop->port, &env->config->daemons,
		env->config->libxl_dir, shop->link, &shop->left_behind},
	    .record_link = shop->link,
	};
	struct timing timing;

	memcpy(build.handle, task->handle, UUID_BYTES);
	timing_start(&timing);
	verify_budget_init(&budget);
	TRY(find_rules(shop, task, &trust, &index, &build.images, err));
	timing_mark(&timing, TIMING_START);
	return build_domain(&build, &task->build, &timing, ret_receipt, err);
}

static int
run_list(struct workshop *shop, const struct task *task, struct err *err)
{
	CLEANUP(trust_in_force_done) struct trust_in_force trust = {0};
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct verify_budget budget; /* of the index */
	struct image_source source = {NULL, shop->env->cache, &shop->stage,
	    shop->link, NULL, &budget};

	verify_budget_init(&budget);
	TRY(find_rules(shop, task, &trust, &index, &source, err));
	return image_fetch_rows(&source, err);
}

/* What decides about this task: the newest policy, and the store index that it
 * demands. *ret_trust and *ret_index own what `source` then borrows. */
static int
find_rules(struct workshop *shop, const struct task *task,
    struct trust_in_force *ret_trust, struct store_index **ret_index,
    struct image_source *source, struct err *err)
{
	const struct role_env *env = shop->env;

	TRY(policy_fetch(env->config->trust_updates, &env->trust, &task->trust,
	    shop->link, ret_trust, err));
	source->policy = trust_in_force_policy(
	    ret_trust->root != NULL ? ret_trust : &env->trust);
	TRY(stage_open_store(&shop->stage, env->config->store, err));
	TRY(index_fetch(source, &task->store, ret_index, err));
	source->index = *ret_index;
	return 0;
}

static int
run_erase(struct workshop *shop, const struct task *task, struct err *err)
{
	struct domain_place place = {&shop->xen, &shop->env->config->daemons,
	    shop->env->config->libxl_dir, -1, NULL};

	return domain_erase(&place, &task->claim, err);
}
