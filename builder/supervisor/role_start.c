#include "builder/supervisor/role_start.h"

#include <sys/socket.h>
#include <unistd.h>

#include "base/scope.h"
#include "builder/build_link.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"

static int start_verify(const struct role_env *env, int stage_fd,
    struct child *ret_child, struct err *err);
static int start_unlinked(const struct role_env *env, enum role role,
    enum child_kind kind, int link, struct child *ret_child, struct err *err);
static void child_end(struct child *child);
static int give_cache(const struct role_env *env, const struct child *child,
    struct err *err);
static int start_linked(const struct role_env *env, enum role role,
    enum child_kind kind, const int *more, size_t count,
    struct child *ret_child, struct err *err);
static struct role_start start_of(const struct role_env *env, enum role role,
    enum child_kind kind);
static int launch(const struct role_env *env, const struct role_start *start,
    struct role_fds *fds, pid_t *ret_pid, struct err *err);
static int trust_fd(const struct role_env *env);

int
role_start_decider(const struct role_env *env, struct decider *ret_decider,
    struct err *err)
{
	struct decider made = DECIDER_NONE;
	int stage_link[2];
	int code;

	TRY(ipc_pair(stage_link, err));
	code = start_unlinked(env, ROLE_STAGE, CHILD_TO_BUILD, stage_link[1],
	    &made.stage, err);
	close(stage_link[1]);
	if (code == 0)
		code = start_verify(env, stage_link[0], &made.verify, err);
	if (code != 0) {
		close(stage_link[0]);
		child_end(&made.stage);
		return code;
	}
	made.stage_fd = stage_link[0];
	*ret_decider = made;
	return 0;
}

int
role_start_verify(const struct role_env *env, struct child *ret_child,
    struct err *err)
{
	int stage_link[2];
	int code;

	TRY(ipc_pair(stage_link, err));
	code = start_verify(env, stage_link[0], ret_child, err);
	close(stage_link[0]);
	close(stage_link[1]);
	return code;
}

int
role_start_build(const struct role_env *env, enum child_kind kind,
    struct builder *ret_builder, struct err *err)
{
	struct builder made = BUILDER_NONE;
	int nodes_link[2];
	int code;

	TRY(ipc_pair(nodes_link, err));
	code = start_unlinked(env, ROLE_NODES, kind, nodes_link[1], &made.nodes,
	    err);
	close(nodes_link[1]);
	if (code == 0)
		code = start_linked(env, ROLE_BUILD, kind, &nodes_link[0], 1,
		    &made.build, err);
	close(nodes_link[0]);
	if (code == 0)
		code = give_cache(kind == CHILD_TO_BUILD ? env : NULL,
		    &made.build, err);
	if (code != 0) {
		child_end(&made.build);
		child_end(&made.nodes);
		return code;
	}
	*ret_builder = made;
	return 0;
}

int
role_start_look(const struct role_env *env, struct child *ret_child,
    struct err *err)
{
	return start_linked(env, ROLE_LOOK, CHILD_TO_BUILD, NULL, 0, ret_child,
	    err);
}

int
role_start_watch(const struct role_env *env, struct child *ret_child,
    struct err *err)
{
	return start_linked(env, ROLE_WATCH, CHILD_TO_BUILD, NULL, 0, ret_child,
	    err);
}

int
role_start_channel(const struct role_env *env, struct child *ret_child,
    struct err *err)
{
	return start_linked(env, ROLE_CHANNEL, CHILD_TO_BUILD, NULL, 0,
	    ret_child, err);
}

int
role_start_tpm(const struct role_env *env, struct child *ret_child,
    struct err *err)
{
	const int trust = trust_fd(env);

	return start_linked(env, ROLE_TPM, CHILD_TO_BUILD, &trust, 1, ret_child,
	    err);
}

int
role_start_front(const struct role_env *env, int calls_fd, int answers_fd,
    int listen_fd, pid_t *ret_pid, struct err *err)
{
	struct role_fds fds = {
	    .fds = {calls_fd, answers_fd, listen_fd},
	    .count = 3,
	};
	const struct role_start start =
	    start_of(env, ROLE_FRONT, CHILD_TO_BUILD);

	return launch(env, &start, &fds, ret_pid, err);
}

int
role_start_front_ring(const struct role_env *env, int calls_fd, int answers_fd,
    const struct front_ring *ring, pid_t *ret_pid, struct err *err)
{
	struct role_fds fds = {
	    .fds = {calls_fd, answers_fd, ring->devices[CHANNEL_FD_GRANTS],
		ring->devices[CHANNEL_FD_EVENTS]},
	    .count = 2 + CHANNEL_FDS,
	};
	struct role_start start = start_of(env, ROLE_FRONT, CHILD_TO_BUILD);

	start.offer = ring->offer;
	return launch(env, &start, &fds, ret_pid, err);
}

static int
start_verify(const struct role_env *env, int stage_fd, struct child *ret_child,
    struct err *err)
{
	const int more[] = {stage_fd, trust_fd(env)};

	return start_linked(env, ROLE_VERIFY, CHILD_TO_BUILD, more,
	    countof(more), ret_child, err);
}

/* It has no link to the supervisor. */
static int
start_unlinked(const struct role_env *env, enum role role, enum child_kind kind,
    int link, struct child *ret_child, struct err *err)
{
	const struct role_start start = start_of(env, role, kind);
	struct role_fds fds = {.fds = {link}, .count = 1};
	int none = -1;
	pid_t pid;

	TRY(launch(env, &start, &fds, &pid, err));
	return child_adopt(pid, &none, ret_child, err);
}

/* It has no task yet. */
static void
child_end(struct child *child)
{
	if (child->pid == 0)
		return;
	child_kill(child);
	child_collect(child);
}

/* Without waiting: what does not fit into the link is fetched again. NULL:
 * none of it. */
static int
give_cache(const struct role_env *env, const struct child *child,
    struct err *err)
{
	const int bytes = BUILD_LINK_BYTES;
	bool is_full = false;

	(void)setsockopt(child->link, SOL_SOCKET, SO_SNDBUFFORCE, &bytes,
	    sizeof(bytes));
	for (size_t i = 0; env != NULL && i < IMAGE_CACHE_BLOBS; i++) {
		const struct image_cache_entry *entry = &env->cache->entries[i];
		const struct build_call cached = {
		    .kind = BUILD_CACHED,
		    .cached = entry->digest,
		};

		if (entry->sealed != NULL)
			TRY(ipc_send_now(child->link, &cached,
			    LINK_BYTES(build_call, cached), entry->sealed,
			    &is_full, err));
		if (is_full)
			break;
	}
	return 0;
}

/* One with a link of its own to the supervisor, and then these. */
static int
start_linked(const struct role_env *env, enum role role, enum child_kind kind,
    const int *more, size_t count, struct child *ret_child, struct err *err)
{
	const struct role_start start = start_of(env, role, kind);
	struct role_fds fds = {.count = 1 + count};
	CLEANUP(closep) int own = -1;
	int link[2];
	pid_t pid;
	int code;

	TRY(ipc_pair(link, err));
	own = link[0];
	fds.fds[0] = link[1];
	for (size_t i = 0; i < count; i++)
		fds.fds[1 + i] = more[i];
	code = launch(env, &start, &fds, &pid, err);
	close(link[1]);
	TRY(code);
	return child_adopt(pid, &own, ret_child, err);
}

static struct role_start
start_of(const struct role_env *env, enum role role, enum child_kind kind)
{
	return (struct role_start){
	    .role = role,
	    .parent_pid = getpid(),
	    .config = *env->config,
	    .is_development = env->is_development,
	    .kind = kind,
	    .fault = env->fault,
	};
}

/* It has a pipe of its own to speak into, of which we keep the other end. */
static int
launch(const struct role_env *env, const struct role_start *start,
    struct role_fds *fds, pid_t *ret_pid, struct err *err)
{
	CLEANUP(closep) int log = -1;
	const struct role_launcher *launcher = env->launcher;

	TRY(role_log_open(env->logs, (enum role)start->role, &log, err));
	fds->log = log;
	return launcher->launch(launcher->context, start, fds, ret_pid, err);
}

/* A policy is small: one piece. */
static int
trust_fd(const struct role_env *env)
{
	size_t count;

	return sealed_fds(env->trust, &count)[0];
}
