#include "builder/nodes/nodes_role.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/nodes/nodes_sandbox.h"
#include "builder/nodes/xenstore_nodes.h"
#include "builder/nodes_link.h"
#include "builder/xen/fault.h"
#include "builder/xen/store_xenstored.h"

struct nodes_role {
	int link;
	struct link_place place;
	uint16_t xenconsoled_domid;
	struct store_port xenstored; /* the real one */
	struct store_port store;    /* the same, or a layer of faults over it */
	struct xenstore_nodes sent; /* until they are published */
	bool may;                   /* what NODES_MAY said last */
};

/* What nodes of an earlier domain are asked for. */
struct question {
	struct nodes_role *role;
	enum nodes_of of;
};

enum { NAME_PATH = sizeof("/local/domain/65535/name") };

static int prepare(struct nodes_role *role, const struct role_start *start,
    struct err *err);
static int serve(struct nodes_role *role, struct err *err);
static int serve_call(struct nodes_role *role, enum nodes_state state,
    struct err *err);
static int tell_done(const struct nodes_role *role, int code, uint32_t found,
    const struct err *why, struct err *err);
static int find(struct nodes_role *role, const struct nodes_names *names,
    uint32_t *ret_found, struct err *err);
static int begin(struct nodes_role *role, const struct nodes_facts *facts,
    struct err *err);
static int publish(struct nodes_role *role, const struct nodes_rings *rings,
    struct err *err);
static int remove_all(struct nodes_role *role, const struct nodes_claim *claim,
    struct err *err);
static int ask(void *context, bool *ret_may, struct err *err);
static int64_t wall_clock_usec(void);
static link_take take_check, take_find, take_send, take_publish, take_introduce,
    take_remove, take_may;

#define RULE(state, times, after, member, take)          \
	{                                                \
		LINK_BIT(state), times, after, 0, 0,     \
		    LINK_BYTES(nodes_call, member), take \
	}

static const struct link_rule rules[] = {
    [NODES_CHECK] = {LINK_BIT(NODES_SERVES), LINK_ONCE, 0, 0, 0,
	LINK_KIND_BYTES, take_check},
    [NODES_FIND] = RULE(NODES_SERVES, LINK_ONCE, 0, names, take_find),
    [NODES_SEND] = RULE(NODES_SERVES, LINK_ONCE, 0, facts, take_send),
    [NODES_PUBLISH] = RULE(NODES_SERVES, LINK_ONCE, LINK_BIT(NODES_SEND), rings,
	take_publish),
    [NODES_INTRODUCE] = RULE(NODES_SERVES, LINK_ONCE, LINK_BIT(NODES_PUBLISH),
	rings, take_introduce),
    [NODES_REMOVE] = RULE(NODES_SERVES, LINK_ONCE, 0, claim, take_remove),
    [NODES_MAY] = RULE(NODES_ASKED, LINK_OFTEN, 0, may, take_may),
};

const struct link_table nodes_calls = {
    "a call",
    rules,
    countof(rules),
    NULL,
};

void
nodes_role_run(const struct role_start *start, int link)
{
	struct nodes_role role = {
	    .link = link,
	    .xenconsoled_domid = start->config.daemons.xenconsoled_domid,
	};
	struct err err = {0};

	log_set_process("assayd[nodes]");
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

static int
prepare(struct nodes_role *role, const struct role_start *start,
    struct err *err)
{
	/* None hits who undoes what one hit. */
	static const struct fault none;

	TRY(store_xenstored_open(&role->xenstored, err));
	fault_wrap_store(start->kind == CHILD_TO_BUILD ? &start->fault : &none,
	    &role->xenstored, &role->store);
	return sandbox_enter(&nodes_sandbox,
	    start->config.users.of[SANDBOX_BUILD], err);
}

/* Whoever waits for the next build has to know that xenstored has ended before
 * there is one. */
static int
serve(struct nodes_role *role, struct err *err)
{
	struct pollfd fds[] = {
	    {.fd = role->link, .events = POLLIN},
	    {.fd = role->xenstored.fds[0], .events = POLLRDHUP},
	    {.fd = role->xenstored.fds[1], .events = POLLRDHUP},
	};

	if (poll(fds, countof(fds), -1) < 0 && errno != EINTR)
		return err_set_errno(err, SYSTEM_FAILED, "poll");
	if (fds[0].revents != 0)
		return serve_call(role, NODES_SERVES, err);
	if ((fds[1].revents | fds[2].revents) != 0)
		_exit(0);
	return 0;
}

static int
serve_call(struct nodes_role *role, enum nodes_state state, struct err *err)
{
	bool is_end;

	TRY(link_take_one(&nodes_calls, role->link, state, &role->place, role,
	    &is_end, err));
	if (is_end)
		_exit(0);
	return 0;
}

static int
tell_done(const struct nodes_role *role, int code, uint32_t found,
    const struct err *why, struct err *err)
{
	struct nodes_report report = {
	    .kind = NODES_DONE,
	    .done.found = found,
	};

	err_wire_from(&report.done.outcome, code, why);
	return ipc_send(role->link, &report, LINK_BYTES(nodes_report, done), -1,
	    err);
}

static int
take_check(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct nodes_role *role = owner;
	struct err why = {0};
	int code = 0;

	(void)record;
	(void)fds;
	if (!role->store.ops->is_connected(role->store.store))
		code = err_set(&why, XENSTORE_FAILED, "xenstored has ended");
	return tell_done(role, code, 0, &why, err);
}

static int
take_find(void *owner, const void *record, struct ipc_fds *fds, struct err *err)
{
	const struct nodes_call *call = record;
	uint32_t found = 0;
	struct err why = {0};
	int code;

	(void)fds;
	code = find(owner, &call->names, &found, &why);
	return tell_done(owner, code, found, &why, err);
}

static int
find(struct nodes_role *role, const struct nodes_names *names,
    uint32_t *ret_found, struct err *err)
{
	char texts[LIMIT_DOMAINS + 1][NAME_PATH];
	const char *paths[LIMIT_DOMAINS + 1];

	if (names->count > countof(paths) ||
	    !ipc_is_line(names->name, sizeof(names->name)))
		return err_set(err, BUG, "names");
	for (uint32_t i = 0; i < names->count; i++) {
		paths[i] = texts[i];
		snprintf(texts[i], sizeof(texts[i]), "/local/domain/%u/name",
		    names->domids[i]);
	}
	return role->store.ops->find(role->store.store, paths, names->count,
	    names->name, ret_found, err);
}

static int
take_send(void *owner, const void *record, struct ipc_fds *fds, struct err *err)
{
	const struct nodes_call *call = record;
	struct err why = {0};
	int code;

	(void)fds;
	code = begin(owner, &call->facts, &why);
	return tell_done(owner, code, 0, &why, err);
}

/* Whatever an earlier domain of this id left behind (XSA-115, XSA-322) must not
 * be seen by the new one. The id is the new one's; of its uuid there may be
 * another. */
static int
begin(struct nodes_role *role, const struct nodes_facts *facts, struct err *err)
{
	struct question question = {role, NODES_OF_UUID};
	const struct store_guard of_uuid = {ask, &question};

	if (!ipc_is_line(facts->guest.name, sizeof(facts->guest.name)) ||
	    !ipc_is_line(facts->cmdline, sizeof(facts->cmdline)) ||
	    facts->guest.vcpus > LIMIT_VCPUS)
		return err_set(err, BUG, "facts");
	TRY(xenstore_nodes_remove(&role->store, facts->domid,
	    role->xenconsoled_domid, NULL, err));
	TRY(xenstore_nodes_remove_vm(&role->store, facts->guest.uuid, &of_uuid,
	    err));
	TRY(xenstore_nodes_make(facts, role->xenconsoled_domid,
	    wall_clock_usec(), &role->sent, err));
	return role->store.ops->send(role->store.store, role->sent.nodes,
	    role->sent.count, err);
}

static int
take_publish(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	const struct nodes_call *call = record;
	struct err why = {0};
	int code;

	(void)fds;
	code = publish(owner, &call->rings, &why);
	return tell_done(owner, code, 0, &why, err);
}

static int
publish(struct nodes_role *role, const struct nodes_rings *rings,
    struct err *err)
{
	CLEANUP(xenstore_nodes_done) struct xenstore_nodes nodes = {0};

	TRY(xenstore_nodes_make_rings(rings->domid, &rings->rings, &nodes,
	    err));
	return role->store.ops->write(role->store.store, nodes.nodes,
	    nodes.count, err);
}

static int
take_introduce(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	const struct nodes_role *role = owner;
	const struct nodes_call *call = record;
	struct err why = {0};
	int code;

	(void)fds;
	code = role->store.ops->introduce(role->store.store, call->rings.domid,
	    call->rings.rings.xenstore_frame, call->rings.xenstore_port, &why);
	return tell_done(owner, code, 0, &why, err);
}

static int
take_remove(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	const struct nodes_call *call = record;
	struct err why = {0};
	int code;

	(void)fds;
	code = remove_all(owner, &call->claim, &why);
	return tell_done(owner, code, 0, &why, err);
}

/* Both are tried; the first failure is told. */
static int
remove_all(struct nodes_role *role, const struct nodes_claim *claim,
    struct err *err)
{
	struct question id = {role, NODES_OF_ID};
	struct question uuid = {role, NODES_OF_UUID};
	const struct store_guard of_id = {ask, &id};
	const struct store_guard of_uuid = {ask, &uuid};
	struct err later = {0};
	int first = xenstore_nodes_remove(&role->store, claim->domid,
	    role->xenconsoled_domid, &of_id, err);
	int code = xenstore_nodes_remove_vm(&role->store, claim->uuid, &of_uuid,
	    first == 0 ? err : &later);

	return first == 0 ? code : first;
}

/* Of who has Xen: may they go? */
static int
ask(void *context, bool *ret_may, struct err *err)
{
	const struct question *question = context;
	struct nodes_role *role = question->role;
	const struct nodes_report report = {
	    .kind = NODES_ASK,
	    .of = question->of,
	};

	TRY(ipc_send(role->link, &report, LINK_BYTES(nodes_report, of), -1,
	    err));
	TRY(serve_call(role, NODES_ASKED, err));
	*ret_may = role->may;
	return 0;
}

/* That Xen could not be asked is what the removal fails with. */
static int
take_may(void *owner, const void *record, struct ipc_fds *fds, struct err *err)
{
	struct nodes_role *role = owner;
	const struct nodes_call *call = record;

	(void)fds;
	if (!ipc_is_bool(&call->may.may))
		return err_set(err, BUG, "neither yes nor no");
	role->may = call->may.may;
	return err_wire_to(&call->may.outcome, XEN_FAILED, err);
}

static int64_t
wall_clock_usec(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
