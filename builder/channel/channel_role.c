#include "builder/channel/channel_role.h"

#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/channel/channel_nodes.h"
#include "builder/channel/channel_rings.h"
#include "builder/channel/channel_sandbox.h"
#include "builder/ipc.h"

struct channel_role {
	int link;
	struct link_place place;
	struct channel_rings rings;
	struct xenstore_batch store;
};

static int prepare(struct channel_role *role, const struct role_start *start,
    struct err *err);
static void serve(struct channel_role *role) __attribute__((noreturn));
static link_take take_clear;
static link_take take_offer;
static link_take take_withdraw;
static link_take take_forget;
static int offer(struct channel_role *role, uint32_t domid, const int *devices,
    struct channel_offer *ret_offer, struct err *err);
static int publish(struct channel_role *role, uint32_t domid,
    const int *devices, const struct channel_page *page, uint32_t *ret_port,
    struct err *err);
static int answer_done(struct channel_role *role, uint32_t domid, int code,
    const struct err *outcome, struct err *err);
static void leave(struct channel_role *role) __attribute__((noreturn));

#define CALL(times, fds, take)                                \
	{                                                     \
		LINK_BIT(CHANNEL_SERVES), times, 0, fds, fds, \
		    sizeof(struct channel_call), take         \
	}

static const struct link_rule rules[] = {
    [CHANNEL_CLEAR] = CALL(LINK_ONCE, 0, take_clear),
    [CHANNEL_OFFER] = CALL(LINK_OFTEN, CHANNEL_FDS, take_offer),
    [CHANNEL_WITHDRAW] = CALL(LINK_OFTEN, 0, take_withdraw),
    [CHANNEL_FORGET] = CALL(LINK_OFTEN, 0, take_forget),
};

const struct link_table channel_calls = {
    "a call",
    rules,
    countof(rules),
    false,
};

void
channel_role_run(const struct role_start *start, int link)
{
	static struct channel_role role;
	struct err err = {0};

	log_set_process("assayd[channel]");
	role.link = link;
	role.rings.probe_fd = -1;
	role.store.link = XENSTORE_LINK_NONE;
	if (prepare(&role, start, &err) == 0)
		serve(&role);
	log_line("failed code=%s detail=\"%s\"", err_name(err.code),
	    log_quote(err.text).text);
	_exit(1);
}

/* What it holds is open before its sandbox; devices of rings come one by one.
 */
static int
prepare(struct channel_role *role, const struct role_start *start,
    struct err *err)
{
	TRY(sandbox_die_with_parent(start->parent_pid, err));
	TRY(sandbox_keep_only(&role->link, 1, err));
	TRY(channel_device_open_grants(&role->rings.probe_fd, err));
	TRY(xenstore_link_open(&role->store.link, err));
	return sandbox_enter(&channel_sandbox,
	    start->config.users.of[SANDBOX_BUILD], err);
}

static void
serve(struct channel_role *role)
{
	struct err err;

	for (;;) {
		switch (link_serve(&channel_calls, role->link, CHANNEL_SERVES,
		    &role->place, role, &err)) {
		case LINK_TAKEN:
			break;
		case LINK_END:
			leave(role);
		case LINK_UNREADABLE:
		case LINK_REFUSED:
		case LINK_FAILED:
			log_line("failed code=%s detail=\"%s\"",
			    err_name(err.code), log_quote(err.text).text);
			_exit(1);
		}
	}
}

static int
take_clear(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct channel_role *role = owner;
	const struct channel_call *call = record;
	struct err why = {0};

	(void)fds;
	return answer_done(role, call->domid,
	    channel_nodes_clear(&role->store, &why), &why, err);
}

static int
take_offer(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct channel_role *role = owner;
	const struct channel_call *call = record;
	struct channel_answer answer = {
	    .kind = CHANNEL_OFFERED,
	    .domid = call->domid,
	};
	struct err why = {0};

	if (offer(role, call->domid, fds->fd, &answer.offer, &why) != 0)
		return answer_done(role, call->domid, (int)why.code, &why, err);
	return ipc_send(role->link, &answer, LINK_BYTES(channel_answer, offer),
	    -1, err);
}

static int
take_withdraw(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct channel_role *role = owner;
	const struct channel_call *call = record;
	struct err why = {0};

	(void)fds;
	channel_rings_withdraw(&role->rings, call->domid);
	return answer_done(role, call->domid,
	    channel_nodes_remove(&role->store, call->domid, &why), &why, err);
}

static int
take_forget(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct channel_role *role = owner;
	const struct channel_call *call = record;
	struct err why = {0};

	(void)fds;
	channel_rings_forget(&role->rings, call->domid);
	return answer_done(role, call->domid,
	    channel_nodes_remove(&role->store, call->domid, &why), &why, err);
}

static int
offer(struct channel_role *role, uint32_t domid, const int *devices,
    struct channel_offer *ret_offer, struct err *err)
{
	struct channel_page page;
	uint32_t port = 0;

	if (domid == 0 || domid > UINT16_MAX ||
	    channel_rings_has(&role->rings, domid))
		return err_set(err, BUG, "a second ring for d%u", domid);
	TRY(channel_rings_offer(&role->rings, domid, devices[CHANNEL_FD_GRANTS],
	    &page, err));
	if (publish(role, domid, devices, &page, &port, err) != 0) {
		channel_rings_withdraw(&role->rings, domid);
		return (int)err->code;
	}
	*ret_offer = (struct channel_offer){page.offset, port, domid};
	return 0;
}

/* The domain is told last. */
static int
publish(struct channel_role *role, uint32_t domid, const int *devices,
    const struct channel_page *page, uint32_t *ret_port, struct err *err)
{
	const int grants = devices[CHANNEL_FD_GRANTS];

	TRY(channel_device_format(grants, page, err));
	TRY(channel_device_bind(devices[CHANNEL_FD_EVENTS], domid, ret_port,
	    err));
	TRY(channel_device_say_end(grants, page, *ret_port, err));
	return channel_nodes_write(&role->store, domid, page->ref, *ret_port,
	    err);
}

/* xenstored that is begun again knows another process of this role. */
static int
answer_done(struct channel_role *role, uint32_t domid, int code,
    const struct err *outcome, struct err *err)
{
	struct channel_answer answer = {
	    .kind = code == 0 ? CHANNEL_DONE : CHANNEL_REFUSED,
	    .domid = domid,
	};

	if (code != 0)
		err_wire_from(&answer.outcome, code, outcome);
	TRY(ipc_send(role->link, &answer,
	    code == 0 ? LINK_BYTES(channel_answer, domid)
		      : LINK_BYTES(channel_answer, outcome),
	    -1, err));
	if (code != 0 && !xenstore_link_is_alive(&role->store.link))
		return err_set(err, XENSTORE_FAILED, "xenstored has ended");
	return 0;
}

/* assayd ends, and nothing is offered any more. */
static void
leave(struct channel_role *role)
{
	struct err ignored;

	(void)channel_nodes_clear(&role->store, &ignored);
	_exit(0);
}
