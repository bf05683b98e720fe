/*
 * Domains that callers want to be gone, or that nobody got.
 */
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "base/uuid_make.h"
#include "builder/supervisor/supervisor_state.h"

static int try_again(struct removal *removal, const struct front_call *call,
    struct err *err);
static bool may_return(const struct front_call *call,
    const struct caller *owner);
static void return_restart(struct supervisor *sup,
    const struct front_call *call);

int
supervisor_call_destroy(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	const struct domain_row *row;
	struct removal *removal;

	if (supervisor_find_domain(sup, call, &row, err) != 0)
		return err->code == DOMAIN_UNKNOWN
		           ? supervisor_destroy_restart(sup, call, err)
		           : (int)err->code;
	supervisor_drop_restart(sup, row->receipt.guest.uuid);
	removal = supervisor_find_removal(sup, row->receipt.guest.uuid);
	if (removal != NULL)
		return try_again(removal, call, err);
	return supervisor_remove_domain(sup, &row->receipt, call->connection,
	    &call->caller, err);
}

/* It is being removed already. */
static int
try_again(struct removal *removal, const struct front_call *call,
    struct err *err)
{
	if (removal->connection != NO_CONNECTION ||
	    removal->step != REMOVAL_ERASE)
		return err_set(err, RPC_BUSY, "d%u is being removed",
		    removal->entry.domid);
	/* How this ends is what he wants to know, not how a build did. */
	removal->answer = (struct err){.code = ERR_NONE};
	removal->connection = call->connection;
	removal->due_usec = 0;
	return 0;
}

/* From now on it has to go, whatever becomes of this daemon. */
int
supervisor_remove_domain(struct supervisor *sup, const struct receipt *receipt,
    uint32_t connection, const struct caller *caller, struct err *err)
{
	struct journal_pending entry = {
	    .state = JOURNAL_BUILT,
	    .domid = receipt->domid,
	};
	struct removal_terms terms = {
	    .step = REMOVAL_ERASE,
	    .connection = connection,
	    .caller = *caller,
	};
	struct err ignored;

	/* Each build under way may have to be undone. */
	if (supervisor_count_removals(sup) +
		supervisor_count_tasks(sup, TASK_BUILD) >=
	    SUPERVISOR_REMOVALS)
		return supervisor_refuse_full(sup, err);
	TRY(uuid_random(entry.handle, err));
	memcpy(entry.uuid, receipt->guest.uuid, UUID_BYTES);
	TRY(journal_begin(sup->journal, &entry, err));
	if (supervisor_add_removal(sup, &entry, &terms, err) != 0) {
		journal_forget_pending(sup->journal, entry.handle, &ignored);
		return (int)err->code;
	}
	/* Before its id is free. */
	supervisor_end_client(sup, receipt->domid);
	return 0;
}

/* A front speaks for its own callers: those at the socket, or one domain. */
static bool
may_return(const struct front_call *call, const struct caller *owner)
{
	return call->caller.kind == CALLER_DOMAIN
	           ? caller_is(&call->caller, owner)
	           : owner->kind == CALLER_USER;
}

/* Until its receipt is delivered a domain is not the caller's. By id and uuid:
 * it may be gone, and another caller's may have its uuid by now; or it ended
 * meanwhile, and was built again. */
int
supervisor_call_undelivered(struct supervisor *sup,
    const struct front_call *call, struct err *err)
{
	const struct domain_row *row;
	int code;

	/* Nobody waits for an answer to this one. */
	return_restart(sup, call);
	if (domain_table_find(&sup->domains, &call->selector, NULL, &row,
		err) != 0 ||
	    !may_return(call, &row->receipt.caller) ||
	    domain_table_lineage(&sup->domains, row)->first_domid !=
		call->selector.domid ||
	    supervisor_find_removal(sup, row->receipt.guest.uuid) != NULL)
		return 0;
	code = supervisor_remove_domain(sup, &row->receipt, NO_CONNECTION,
	    &call->caller, err);
	if (code != 0)
		supervisor_log_left_behind(sup, row->receipt.domid, 0, err);
	else
		log_line("cancelled domid=%u reason=\"the caller is gone\"",
		    row->receipt.domid);
	return 0;
}

static void
return_restart(struct supervisor *sup, const struct front_call *call)
{
	struct restart *restart =
	    supervisor_find_restart(sup, call->selector.uuid);
	struct err ignored;

	if (restart != NULL &&
	    restart->built.lineage.first_domid == call->selector.domid &&
	    may_return(call, &restart->built.receipt.caller))
		supervisor_end_build_again(sup, restart, NO_CONNECTION,
		    &ignored);
}

int
supervisor_refuse_full(const struct supervisor *sup, struct err *err)
{
	return err_set(err, RPC_BUSY,
	    "%u domains wait to be removed: 'assay status' says why",
	    supervisor_count_removals(sup));
}
