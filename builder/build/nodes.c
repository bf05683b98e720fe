#include "builder/build/nodes.h"

#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "builder/build/domain_claim.h"
#include "builder/ipc.h"

static int call(struct nodes *nodes, const struct nodes_call *call,
    size_t bytes, struct err *err);
static int call_with_rings(struct nodes *nodes, enum nodes_call_kind kind,
    const struct nodes_rings *rings, struct err *err);
static int finish(struct nodes *nodes, struct err *err);
static link_take take_done, answer;

static const struct link_rule rules[] = {
    [NODES_DONE] = {LINK_BIT(0), LINK_OFTEN, 0, 0, 0,
	LINK_BYTES(nodes_report, done), take_done},
    [NODES_ASK] = {LINK_BIT(0), LINK_OFTEN, 0, 0, 0,
	LINK_BYTES(nodes_report, of), answer},
};

const struct link_table nodes_reports = {
    "a report",
    rules,
    countof(rules),
    NULL,
};

int
nodes_check(struct nodes *nodes, struct err *err)
{
	const struct nodes_call check = {.kind = NODES_CHECK};

	TRY(call(nodes, &check, LINK_KIND_BYTES, err));
	return finish(nodes, err);
}

/* Domain 0 has a name too, and is on no list. */
int
nodes_find(struct nodes *nodes, const struct domain_list *list,
    const char *name, uint32_t *ret_domid, struct err *err)
{
	struct nodes_call find = {.kind = NODES_FIND};
	struct nodes_names *names = &find.names;

	snprintf(names->name, sizeof(names->name), "%s", name);
	names->count = list->count + 1;
	for (uint32_t i = 0; i < list->count; i++)
		names->domids[i + 1] = (uint16_t)list->infos[i].domid;
	TRY(call(nodes, &find, LINK_BYTES(nodes_call, names), err));
	TRY(finish(nodes, err));
	*ret_domid = nodes->done.found < names->count
	                 ? names->domids[nodes->done.found]
	                 : UINT32_MAX;
	return 0;
}

/* Of the uuid there may be another domain, of the id not. */
int
nodes_send(struct nodes *nodes, const struct nodes_facts *facts,
    struct err *err)
{
	struct nodes_call send = {.kind = NODES_SEND, .facts = *facts};

	nodes->claim = (struct domain_claim){.domid = facts->domid};
	memcpy(nodes->claim.uuid, facts->guest.uuid, UUID_BYTES);
	return call(nodes, &send, LINK_BYTES(nodes_call, facts), err);
}

int
nodes_publish(struct nodes *nodes, const struct nodes_rings *rings,
    struct err *err)
{
	TRY(finish(nodes, err));
	return call_with_rings(nodes, NODES_PUBLISH, rings, err);
}

int
nodes_introduce(struct nodes *nodes, const struct nodes_rings *rings,
    struct err *err)
{
	return call_with_rings(nodes, NODES_INTRODUCE, rings, err);
}

int
nodes_remove(struct nodes *nodes, const struct domain_claim *claim,
    struct err *err)
{
	struct nodes_call remove = {
	    .kind = NODES_REMOVE,
	    .claim.domid = claim->domid,
	};
	struct err ignored;

	if (nodes->is_busy)
		(void)finish(nodes, &ignored);
	nodes->claim = *claim;
	memcpy(remove.claim.uuid, claim->uuid, UUID_BYTES);
	TRY(call(nodes, &remove, LINK_BYTES(nodes_call, claim), err));
	return finish(nodes, err);
}

static int
call_with_rings(struct nodes *nodes, enum nodes_call_kind kind,
    const struct nodes_rings *rings, struct err *err)
{
	const struct nodes_call with = {.kind = kind, .rings = *rings};

	TRY(call(nodes, &with, LINK_BYTES(nodes_call, rings), err));
	return finish(nodes, err);
}

static int
call(struct nodes *nodes, const struct nodes_call *call, size_t bytes,
    struct err *err)
{
	if (ipc_send(nodes->link, call, bytes, -1, err) != 0)
		return err_set(err, XENSTORE_FAILED,
		    "the nodes role has ended");
	nodes->is_busy = true;
	return 0;
}

/* Wait for the answer, and say meanwhile whose nodes may go. */
static int
finish(struct nodes *nodes, struct err *err)
{
	bool is_end = false;

	while (nodes->is_busy && !is_end)
		TRY(link_take_one(&nodes_reports, nodes->link, 0, &nodes->place,
		    nodes, &is_end, err));
	nodes->is_busy = false;
	if (is_end)
		return err_set(err, XENSTORE_FAILED,
		    "the nodes role has ended");
	return err_wire_to(&nodes->done.outcome, XENSTORE_FAILED, err);
}

static int
take_done(void *owner, const void *record, struct ipc_fds *fds, struct err *err)
{
	struct nodes *nodes = owner;
	const struct nodes_report *report = record;

	(void)fds;
	(void)err;
	nodes->done = report->done;
	nodes->is_busy = false;
	return 0;
}

static int
answer(void *owner, const void *record, struct ipc_fds *fds, struct err *err)
{
	const struct nodes *nodes = owner;
	const struct nodes_report *report = record;
	struct nodes_call may = {.kind = NODES_MAY};
	struct err why = {0};

	(void)fds;
	err_wire_from(&may.may.outcome,
	    domain_claim_may_remove(&nodes->claim, nodes->xen,
		(enum nodes_of)report->of, &may.may.may, &why),
	    &why);
	return ipc_send(nodes->link, &may, LINK_BYTES(nodes_call, may), -1,
	    err);
}
