/*
 * The build role: one child process for one task. It starts its stage, opens
 * Xen and enters its sandbox; then it waits to be told the task, does it, tells
 * the supervisor, and ends. One such child always waits, so that a build does
 * not have to wait for it.
 *
 * It is the trusted role: it verifies and it writes guest memory. It parses no
 * RPC and contains no decompressor that it feeds.
 */
#ifndef ASSAY_BUILDER_BUILD_BUILD_ROLE_H
#define ASSAY_BUILDER_BUILD_BUILD_ROLE_H

#include "builder/build_link.h"
#include "builder/config.h"
#include "builder/build/domain_erase.h"
#include "builder/xen/fault.h"
#include "builder/image_cache.h"
#include "builder/request.h"
#include "builder/trust_in_force.h"

enum task_kind {
	TASK_BUILD = 1,
	TASK_LIST_IMAGES,
	TASK_ERASE, /* destroy a domain, or what is left of one */
};

/* What a child prepares for: one that only erases needs no stage and no cache,
 * so that a destroy does not use up the child that waits for a build. */
enum child_kind {
	CHILD_FOR_ANY_TASK,
	CHILD_TO_ERASE,
};

struct task {
	uint32_t kind;
	struct build_request build; /* TASK_BUILD */
	struct store_epoch store;   /* the index in force: the floor */
	struct trust_mark trust;    /* the policy in force, likewise */
	uint8_t handle[UUID_BYTES]; /* TASK_BUILD: random, for this one */
	struct domain_claim claim;  /* TASK_ERASE */
};

/* What children inherit; read-only but for the cache's use counts. */
struct role_env {
	const struct config *config;
	struct trust_in_force trust; /* as it was when the child was born */
	struct image_cache *cache;
	struct fault fault;
	int parent_pid;
};

/*
 * Run in the child, after fork. One struct task comes over `link`, reports go
 * back; never returns.
 */
void build_role_run(const struct role_env *env, enum child_kind kind, int link)
    __attribute__((noreturn));

#endif
