/*
 * How the supervisor starts the roles: each in a process of its own, with the
 * ends of links that it may have.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_ROLE_START_H
#define ASSAY_BUILDER_SUPERVISOR_ROLE_START_H

#include "builder/supervisor/image_cache.h"
#include "builder/role.h"
#include "builder/supervisor/child.h"
#include "builder/supervisor/role_log.h"

/* Borrowed. */
struct role_fds {
	int log; /* what it says */
	int fds[ROLE_FDS_MAX];
	size_t count;
};

/*
 * A process that has just these descriptors, from ROLE_FD_FIRST on, says what
 * it says to `log`, reads nothing from standard input, and runs the role.
 * Errors: SYSTEM_FAILED.
 */
struct role_launcher {
	int (*launch)(void *context, const struct role_start *start,
	    const struct role_fds *fds, pid_t *ret_pid, struct err *err);
	void *context;
};

/* What they get; borrowed. */
struct role_env {
	const struct daemon_config *config;
	const struct sealed *trust; /* the policy of the ramdisk, as text */
	struct image_cache *cache;
	struct role_logs *logs; /* where they speak */
	struct fault fault;
	bool is_development;
	const struct role_launcher *launcher;
};

/* Who decides, with its stage. The stage's link is kept for who builds. */
struct decider {
	struct child verify;
	struct child stage;
	int stage_fd;
};

#define DECIDER_NONE ((struct decider){CHILD_NONE, CHILD_NONE, -1})

/* Who builds or erases, with its nodes role: that has no link to us. */
struct builder {
	struct child build;
	struct child nodes;
};

#define BUILDER_NONE ((struct builder){CHILD_NONE, CHILD_NONE})

/* The first three wait for a task when they are ready. Errors: SYSTEM_FAILED.
 */
int role_start_decider(const struct role_env *env, struct decider *ret_decider,
    struct err *err);
/* One that decides nothing: there is no stage behind its link to one. */
int role_start_verify(const struct role_env *env, struct child *ret_child,
    struct err *err);
int role_start_build(const struct role_env *env, enum child_kind kind,
    struct builder *ret_builder, struct err *err);
int role_start_look(const struct role_env *env, struct child *ret_child,
    struct err *err);
int role_start_watch(const struct role_env *env, struct child *ret_child,
    struct err *err);
int role_start_channel(const struct role_env *env, struct child *ret_child,
    struct err *err);
int role_start_tpm(const struct role_env *env, struct child *ret_child,
    struct err *err);

/* Its ends of the links are borrowed. */
int role_start_front(const struct role_env *env, int calls_fd, int answers_fd,
    int listen_fd, pid_t *ret_pid, struct err *err);

/* What a front for one domain gets; its devices are borrowed. */
struct front_ring {
	struct channel_offer offer;
	int devices[CHANNEL_FDS];
};

int role_start_front_ring(const struct role_env *env, int calls_fd,
    int answers_fd, const struct front_ring *ring, pid_t *ret_pid,
    struct err *err);

#endif
