/*
 * Callers that wait for a domain: until it runs, until it is shut down, and no
 * longer than they said. Nobody looks for them: the watch role hears of it, and
 * a look tells what it is.
 */
#include <string.h>

#include "base/scope.h"
#include "builder/supervisor/supervisor_state.h"

static struct domain_state state_of(const struct supervisor *sup,
    const struct waiter *waiter);
static bool has_come(const struct waiter *waiter,
    const struct domain_state *state);
static int add_waiter(struct supervisor *sup, const struct waiter *waiter,
    struct err *err);
static void answer(struct supervisor *sup, const struct waiter *waiter,
    const struct domain_state *state);

int
supervisor_call_wait(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	const struct wait_request *request = &call->wait;
	struct waiter waiter = {
	    .is_used = true,
	    .connection = call->connection,
	    .until = request->until,
	    .deadline_usec = timing_now_usec() + request->seconds * 1000000ull,
	};
	const struct domain_row *row;
	struct domain_state state;

	TRY(supervisor_see_domain(sup, &call->caller, &request->selector, &row,
	    err));
	waiter.domid = row->receipt.domid;
	memcpy(waiter.uuid, row->receipt.guest.uuid, UUID_BYTES);
	state = state_of(sup, &waiter);
	if (!has_come(&waiter, &state))
		return add_waiter(sup, &waiter, err);
	answer(sup, &waiter, &state);
	return 0;
}

void
supervisor_serve_waiters(struct supervisor *sup)
{
	for (size_t i = 0; i < WAITERS; i++) {
		struct waiter *waiter = &sup->waiters[i];
		struct domain_state state;

		if (!waiter->is_used)
			continue;
		state = state_of(sup, waiter);
		if (!has_come(waiter, &state))
			continue;
		waiter->is_used = false;
		answer(sup, waiter, &state);
	}
}

void
supervisor_end_late_waits(struct supervisor *sup)
{
	const uint64_t now = timing_now_usec();
	struct err err;

	for (size_t i = 0; i < WAITERS; i++) {
		struct waiter *waiter = &sup->waiters[i];

		if (!waiter->is_used || now < waiter->deadline_usec)
			continue;
		waiter->is_used = false;
		err_set(&err, WAIT_OVER, "d%u: in this time it was not %s",
		    waiter->domid,
		    waiter->until == WAIT_RUNNING ? "running" : "shut down");
		supervisor_answer(sup, waiter->connection, (int)err.code, &err);
	}
}

uint64_t
supervisor_wait_deadline(const struct supervisor *sup)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < WAITERS; i++) {
		const struct waiter *waiter = &sup->waiters[i];

		if (waiter->is_used && waiter->deadline_usec < next)
			next = waiter->deadline_usec;
	}
	return next;
}

void
supervisor_cancel_waits(struct supervisor *sup, const struct callers *gone)
{
	for (size_t i = 0; i < WAITERS; i++) {
		if (callers_has(gone, sup->waiters[i].connection))
			sup->waiters[i].is_used = false;
	}
}

/* By id and uuid: another one may have either by now. */
static struct domain_state
state_of(const struct supervisor *sup, const struct waiter *waiter)
{
	struct domain_state state = {
	    .domid = waiter->domid,
	    .state = DOMAIN_GONE,
	};

	memcpy(state.uuid, waiter->uuid, UUID_BYTES);
	for (uint32_t i = 0; i < sup->domains.count; i++) {
		const struct domain_row *row = &sup->domains.rows[i];

		if (row->receipt.domid != waiter->domid ||
		    memcmp(row->receipt.guest.uuid, waiter->uuid, UUID_BYTES) !=
			0)
			continue;
		state.reason = row->shutdown_reason;
		if (row->is_dying)
			state.state = DOMAIN_DYING;
		else if (row->is_shutdown)
			state.state = DOMAIN_SHUT_DOWN;
		else
			state.state =
			    row->is_paused ? DOMAIN_PAUSED : DOMAIN_RUNNING;
	}
	return state;
}

/* What is shut down never runs again, nor what is gone. */
static bool
has_come(const struct waiter *waiter, const struct domain_state *state)
{
	switch ((enum domain_state_kind)state->state) {
	case DOMAIN_GONE:
	case DOMAIN_SHUT_DOWN:
		return true;
	case DOMAIN_RUNNING:
		return waiter->until == WAIT_RUNNING;
	case DOMAIN_PAUSED:
	case DOMAIN_DYING:
		break;
	}
	return false;
}

static int
add_waiter(struct supervisor *sup, const struct waiter *waiter, struct err *err)
{
	for (size_t i = 0; i < WAITERS; i++) {
		if (sup->waiters[i].is_used)
			continue;
		sup->waiters[i] = *waiter;
		return 0;
	}
	return err_set(err, RPC_BUSY, "%d callers wait for domains", WAITERS);
}

static void
answer(struct supervisor *sup, const struct waiter *waiter,
    const struct domain_state *state)
{
	const struct front_answer reply = {
	    .kind = ANSWER_STATE,
	    .connection = waiter->connection,
	    .state = *state,
	};

	supervisor_send(sup, &reply, NULL);
}
