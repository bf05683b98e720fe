#include "builder/build_role.h"

#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/build_domain.h"
#include "builder/build_link.h"
#include "builder/sandbox.h"
#include "builder/xen_port_libxc.h"

static int run_task(const struct role_env *env, const struct task *task,
    int link, struct receipt *ret_receipt, bool *ret_left_behind,
    struct err *err);
static int run_build(const struct role_env *env, const struct task *task,
    int link, struct receipt *ret_receipt, bool *ret_left_behind,
    struct err *err);
static int run_list(const struct role_env *env, int link, struct err *err);
static int run_erase(const struct role_env *env, const struct task *task,
    struct err *err);
static int keep_what_is_needed(const struct role_env *env, int link,
    struct err *err);

void
build_role_run(const struct role_env *env, const struct task *task, int link)
{
	struct receipt receipt = {0};
	struct err err = {0};
	struct err ignored;
	bool left_behind = false;
	int code;

	log_set_role("assayd[build]");
	code = sandbox_die_with_parent(env->parent_pid, &err);
	if (code == 0)
		code = keep_what_is_needed(env, link, &err);
	if (code == 0)
		code = run_task(env, task, link, &receipt, &left_behind, &err);
	if (build_link_done(link, code, &err, &receipt, &ignored) != 0)
		_exit(1);
	/* Any other end than 0 makes the supervisor clean up after us. */
	_exit(left_behind ? 1 : 0);
}

static int
run_task(const struct role_env *env, const struct task *task, int link,
    struct receipt *ret_receipt, bool *ret_left_behind, struct err *err)
{
	switch ((enum task_kind)task->kind) {
	case TASK_BUILD:
		return run_build(env, task, link, ret_receipt, ret_left_behind,
		    err);
	case TASK_LIST_IMAGES:
		return run_list(env, link, err);
	case TASK_ERASE:
		return run_erase(env, task, err);
	}
	return err_set(err, BUG, "task %u", task->kind);
}

static int
run_build(const struct role_env *env, const struct task *task, int link,
    struct receipt *ret_receipt, bool *ret_left_behind, struct err *err)
{
	CLEANUP(stage_stop) struct stage stage = STAGE_NONE;
	CLEANUP(xen_port_close) struct xen_port xen = {0};
	struct xen_port port;
	struct timing timing;
	struct build_env build = {
	    .config = env->config,
	    .images = {env->policy, env->cache, &stage, link},
	    .place = {&port, &env->config->daemons, env->config->libxl_dir,
	        link, ret_left_behind},
	    .sequence = task->sequence,
	};

	timing_start(&timing);
	/* The stage first: it must not inherit Xen. */
	TRY(stage_start(env->config->store, env->config->sandbox_uid, &stage,
	    err));
	TRY(xen_port_libxc_open(&xen, err));
	fault_wrap(&env->fault, &xen, &port);
	TRY(sandbox_enter(SANDBOX_BUILD, 0, err));
	timing_mark(&timing, TIMING_START);
	return build_domain(&build, &task->build, &timing, ret_receipt, err);
}

static int
run_list(const struct role_env *env, int link, struct err *err)
{
	CLEANUP(stage_stop) struct stage stage = STAGE_NONE;
	struct image_source source = {env->policy, env->cache, &stage, link};

	TRY(stage_start(env->config->store, env->config->sandbox_uid, &stage,
	    err));
	TRY(sandbox_enter(SANDBOX_BUILD, 0, err));
	return image_fetch_rows(&source, err);
}

static int
run_erase(const struct role_env *env, const struct task *task,
    struct err *err)
{
	CLEANUP(xen_port_close) struct xen_port xen = {0};
	struct domain_place place = {&xen, &env->config->daemons,
	    env->config->libxl_dir, -1, NULL};

	TRY(xen_port_libxc_open(&xen, err));
	TRY(sandbox_enter(SANDBOX_BUILD, 0, err));
	return domain_erase_by_uuid(&place, task->domid, task->uuid, err);
}

/* The link and the cached images; not the supervisor's handles. */
static int
keep_what_is_needed(const struct role_env *env, int link, struct err *err)
{
	int keep[1 + IMAGE_CACHE_BLOBS];

	keep[0] = link;
	for (size_t i = 0; i < IMAGE_CACHE_BLOBS; i++) {
		const struct sealed *sealed = env->cache->entries[i].sealed;

		keep[1 + i] = sealed != NULL ? sealed_fd(sealed) : -1;
	}
	return sandbox_keep_only(keep, countof(keep), err);
}
