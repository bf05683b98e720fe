/*
 * What callers ask of one domain that assayd built: to be described, paused,
 * unpaused, asked to shut down. Who does it checks id and uuid once more.
 */
#include "base/sealing.h"
#include "base/scope.h"
#include "builder/look_link.h"
#include "builder/supervisor/supervisor_state.h"

static int act(struct supervisor *sup, const struct front_call *call,
    uint32_t what, struct err *err);
static int find_living(struct supervisor *sup, const struct front_call *call,
    const struct domain_row **ret_row, struct err *err);

int
supervisor_call_describe(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	const struct front_answer reply = {
	    .kind = ANSWER_MEMORY,
	    .connection = call->connection,
	};
	const struct domain_row *row;
	struct sealed *memory = NULL;

	TRY(supervisor_see_domain(sup, &call->caller, &call->selector, &row,
	    err));
	TRY(sealed_from_bytes("domain", bytes_of(row, sizeof(*row)), &memory,
	    err));
	supervisor_send(sup, &reply, memory);
	return 0;
}

int
supervisor_call_pause(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	return act(sup, call, LOOK_PAUSE, err);
}

int
supervisor_call_unpause(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	return act(sup, call, LOOK_UNPAUSE, err);
}

int
supervisor_call_shutdown(struct supervisor *sup, const struct front_call *call,
    struct err *err)
{
	const struct domain_row *row;

	TRY(find_living(sup, call, &row, err));
	return supervisor_ask_shutdown(sup, call->connection, &row->receipt,
	    err);
}

static int
act(struct supervisor *sup, const struct front_call *call, uint32_t what,
    struct err *err)
{
	const struct domain_row *row;

	TRY(find_living(sup, call, &row, err));
	return supervisor_look_act(sup, call->connection, what, &row->receipt,
	    err);
}

/* One that has to go is left alone until it has gone. */
static int
find_living(struct supervisor *sup, const struct front_call *call,
    const struct domain_row **ret_row, struct err *err)
{
	TRY(supervisor_find_domain(sup, call, ret_row, err));
	if (supervisor_find_removal(sup, (*ret_row)->receipt.guest.uuid) !=
	    NULL)
		return err_set(err, RPC_BUSY, "d%u is being removed",
		    (*ret_row)->receipt.domid);
	return 0;
}
