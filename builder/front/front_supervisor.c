/* The link to the supervisor: what it is asked, and what it answers. */
#include "builder/front/front_state.h"

#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/front/varlink.h"
#include "builder/ipc.h"
#include "builder/ipc_pipe.h"

static link_take take_answer;
static struct connection *find_waiting(struct front *front, uint32_t number);
static void finish_call(struct connection *conn,
    const struct front_answer *answer, struct ipc_fds *fds);

#define ANSWER(min_fds, max_fds, member)                                \
	{                                                               \
		LINK_BIT(FRONT_WAITS), LINK_OFTEN, 0, min_fds, max_fds, \
		    LINK_BYTES(front_answer, member), take_answer       \
	}

static const struct link_rule rules[] = {
    [ANSWER_OUTCOME] = ANSWER(0, 0, outcome),
    [ANSWER_RECEIPT] = ANSWER(0, 0, receipt),
    [ANSWER_STATUS] = ANSWER(1, SEALED_PIECES, status),
    [ANSWER_MEMORY] = ANSWER(1, SEALED_PIECES, outcome),
    [ANSWER_STATE] = ANSWER(0, 0, state),
};

const struct link_table front_answers = {
    "an answer",
    rules,
    countof(rules),
    NULL,
};

/* One that is not understood, or that nobody may get: begin again. */
void
front_serve_answer(struct front *front)
{
	struct err err;

	switch (link_serve(&front_answers, front->answers_fd, FRONT_WAITS,
	    &front->place, front, &err)) {
	case LINK_TAKEN:
		break;
	case LINK_END:
		_exit(0);
	case LINK_UNREADABLE:
	case LINK_REFUSED:
	case LINK_FAILED:
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    log_quote(err.text).text);
		_exit(1);
	}
}

/* The caller may be gone. A domain made for it must not stay. */
static int
take_answer(void *owner, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct front *front = owner;
	const struct front_answer *answer = record;
	struct connection *conn = find_waiting(front, answer->connection);

	if (conn == NULL) {
		if (answer->kind == ANSWER_RECEIPT)
			front_return_domain(front, answer->receipt.domid,
			    answer->receipt.guest.uuid);
		front_hear_last(front, answer);
		return 0;
	}
	if (!method_takes(conn->method, answer))
		return err_set(err, BUG, "answer %u to %s", answer->kind,
		    conn->method->name);
	finish_call(conn, answer, fds);
	front_take_messages(front, conn);
	return 0;
}

static struct connection *
find_waiting(struct front *front, uint32_t number)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *conn = &front->connections[i];

		if (conn->state == CONNECTION_WAITING && conn->number == number)
			return conn;
	}
	return NULL;
}

/* `fds`: sealed memory that came along, or none. */
static void
finish_call(struct connection *conn, const struct front_answer *answer,
    struct ipc_fds *fds)
{
	CLEANUP(sealed_freep) struct sealed *memory = NULL;
	struct bytes attached = {0};
	struct err err = {0};

	if (fds->count > 0 && ipc_take_sealed(fds, FRONT_ATTACHED_BYTES,
				  "an answer", &memory, &err) != 0) {
		front_reply_error(conn, &err, "");
		return;
	}
	if (memory != NULL)
		attached = sealed_bytes(memory);
	if (err_wire_to(&answer->outcome, BUG, &err) != 0 ||
	    method_check_attached(conn->method, attached, &err) != 0) {
		front_reply_error(conn, &err, "");
		return;
	}
	conn->has_receipt = method_makes_domain(conn->method);
	conn->domid = answer->receipt.domid;
	memcpy(conn->uuid, answer->receipt.guest.uuid, UUID_BYTES);
	front_reply(conn, varlink_reply_encode(
			      method_encode(conn->method, answer, attached)));
}

void
front_tell_supervisor(struct front *front, const struct front_call *call)
{
	struct err err = {0};

	_Static_assert(sizeof(*call) <= IPC_PIPE_BYTES, "a call is a packet");
	if (outbox_put(&front->calls, call, front_call_bytes(call->kind), NULL,
		&err) == 0 &&
	    outbox_flush(&front->calls, &err) == 0)
		return;
	log_line("failed code=%s detail=\"%s\"", err_name(err.code),
	    log_quote(err.text).text);
	_exit(1);
}

void
front_return_domain(struct front *front, uint32_t domid,
    const uint8_t uuid[UUID_BYTES])
{
	struct front_call call = {
	    .kind = FRONT_UNDELIVERED,
	    .selector = {.domid = domid, .has_uuid = true},
	};

	memcpy(call.selector.uuid, uuid, UUID_BYTES);
	front_tell_supervisor(front, &call);
}
