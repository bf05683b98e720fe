#include "builder/watch/watch_role.h"

#include <errno.h>
#include <poll.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/watch/watch_sandbox.h"
#include "builder/watch_link.h"
#include "builder/xen/xenstore_shutdown.h"
#include "builder/xen/xenstore_watch.h"

/* What comes in so short a time is one change: xenstored cannot have Xen looked
 * at more often. */
enum { PAUSE_NSEC = 10000000 };

struct watch_role {
	int link;
	struct link_place place;
	int events_fd;                 /* xenstored speaks */
	struct xenstore_link requests; /* and is spoken to */
};

static int prepare(struct watch_role *role, const struct role_start *start,
    struct err *err);
static int serve(struct watch_role *role, struct err *err);
static int tell_change(struct watch_role *role, struct err *err);
static int serve_call(struct watch_role *role, struct err *err);
static link_take take_ask_shutdown;

static const struct link_rule rules[] = {
    [WATCH_ASK_SHUTDOWN] = {LINK_BIT(WATCH_SERVES), LINK_OFTEN, 0, 0, 0,
	sizeof(struct watch_call), take_ask_shutdown},
};

const struct link_table watch_calls = {
    "a call",
    rules,
    countof(rules),
    NULL,
};

void
watch_role_run(const struct role_start *start, int link)
{
	struct watch_role role = {
	    .link = link,
	    .events_fd = -1,
	    .requests = XENSTORE_LINK_NONE,
	};
	struct err err = {0};

	log_set_process("assayd[watch]");
	if (sandbox_die_with_parent(start->parent_pid, &err) != 0 ||
	    sandbox_keep_only(&link, 1, &err) != 0)
		_exit(1);
	if (prepare(&role, start, &err) == 0) {
		while (serve(&role, &err) == 0)
			continue;
	}
	log_line("failed code=%s detail=\"%s\"", err_name(err.code),
	    log_quote(err.text).text);
	_exit(1);
}

/* The first thing that it says: from now on nothing is missed. */
static int
prepare(struct watch_role *role, const struct role_start *start,
    struct err *err)
{
	const struct watch_report ready = {.kind = WATCH_CHANGED};

	TRY(xenstore_watch_open(&role->events_fd, err));
	TRY(xenstore_link_open(&role->requests, err));
	TRY(sandbox_enter(&watch_sandbox, start->config.users.of[SANDBOX_BUILD],
	    err));
	return ipc_send(role->link, &ready, LINK_KIND_BYTES, -1, err);
}

static int
serve(struct watch_role *role, struct err *err)
{
	struct pollfd fds[] = {
	    {.fd = role->link, .events = POLLIN},
	    {.fd = role->events_fd, .events = POLLIN},
	};

	if (poll(fds, countof(fds), -1) < 0 && errno != EINTR)
		return err_set_errno(err, SYSTEM_FAILED, "poll");
	if (fds[0].revents != 0)
		TRY(serve_call(role, err));
	if (fds[1].revents != 0)
		TRY(tell_change(role, err));
	return 0;
}

static int
tell_change(struct watch_role *role, struct err *err)
{
	static const struct timespec pause = {.tv_nsec = PAUSE_NSEC};
	const struct watch_report changed = {.kind = WATCH_CHANGED};

	nanosleep(&pause, NULL);
	TRY(xenstore_watch_take(role->events_fd, err));
	return ipc_send(role->link, &changed, LINK_KIND_BYTES, -1, err);
}

static int
serve_call(struct watch_role *role, struct err *err)
{
	switch (link_serve(&watch_calls, role->link, WATCH_SERVES, &role->place,
	    role, err)) {
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

/* Whoever asked is told why it did not work; the role goes on. */
static int
take_ask_shutdown(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct watch_role *role = owner;
	const struct watch_call *call = record;
	struct watch_report report = {
	    .kind = WATCH_ASKED,
	    .number = call->number,
	};
	struct err why = {0};

	(void)fds;
	err_wire_from(&report.outcome,
	    xenstore_shutdown_ask(&role->requests, call->domid, call->uuid,
		&why),
	    &why);
	return ipc_send(role->link, &report, sizeof(report), -1, err);
}
