/*
 * How the supervisor starts the roles that work on tasks: each in a process of
 * its own, with the ends of links that it may have.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_ROLE_START_H
#define ASSAY_BUILDER_SUPERVISOR_ROLE_START_H

#include "builder/build/build_role.h"
#include "builder/supervisor/child.h"
#include "keys/trust.h"

/* What they get; borrowed. */
struct role_env {
	const struct config *config;
	const struct trust_policy *root; /* of the measured ramdisk */
	struct image_cache *cache;
	struct fault fault;
	int parent_pid;
};

/* Who decides, with its stage. The stage's link is kept for who builds. */
struct decider {
	struct child verify;
	struct child stage;
	int stage_fd;
};

#define DECIDER_NONE ((struct decider){CHILD_NONE, CHILD_NONE, -1})

/* Both wait for a task when they are ready. Errors: SYSTEM_FAILED. */
int role_start_decider(const struct role_env *env, struct decider *ret_decider,
    struct err *err);
int role_start_build(const struct role_env *env, enum child_kind kind,
    struct child *ret_child, struct err *err);

#endif
