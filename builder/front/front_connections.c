/* Serving connections: calls out of messages, replies, and the end. */
#include "builder/front/front_state.h"

#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/front/varlink.h"
#include "builder/timing.h"

static bool take_message(struct front *front, struct connection *conn);
static void take_call(struct front *front, struct connection *conn,
    struct bytes message);
static int start_call(struct front *front, struct connection *conn,
    struct varlink_call *call, json_t **ret_reply, struct err *err);

void
front_serve_connection(struct front *front, struct connection *conn,
    short revents)
{
	if (conn->state == CONNECTION_READING && (revents & POLLIN) != 0) {
		if (!connection_read(conn))
			front_hang_up(front, conn);
		else
			front_take_messages(front, conn);
		return;
	}
	if (conn->state == CONNECTION_DRAINING && (revents & POLLIN) != 0) {
		if (!connection_discard(conn))
			connection_close(conn);
		return;
	}
	if ((revents & (POLLHUP | POLLERR)) != 0) {
		front_hang_up(front, conn);
		return;
	}
	if (conn->state != CONNECTION_WRITING)
		return;
	if (!connection_write(conn)) {
		front_hang_up(front, conn);
		return;
	}
	if (!connection_is_written(conn))
		return;
	if (conn->closes_after_reply) {
		connection_drain(conn);
		return;
	}
	connection_next(conn);
	front_take_messages(front, conn);
}

bool
front_takes_calls(const struct front *front)
{
	return front->calls.count < QUEUE_READ;
}

void
front_take_messages(struct front *front, struct connection *conn)
{
	while (conn->state == CONNECTION_READING && front_takes_calls(front) &&
	       take_message(front, conn))
		continue;
	front->is_behind |= conn->state == CONNECTION_READING &&
	                    conn->in_len > 0 && !front_takes_calls(front);
}

/* False if there is no whole one. */
static bool
take_message(struct front *front, struct connection *conn)
{
	struct bytes message;
	bool is_too_long;
	bool is_whole = connection_message(conn, &message, &is_too_long);
	struct err err = {0};

	if (is_too_long) {
		err_set(&err, RPC_TOO_LARGE, "a message over %zu bytes",
		    LIMIT_RPC_MESSAGE_BYTES);
		conn->closes_after_reply = true;
		front_reply_error(conn, &err, "");
	} else if (is_whole) {
		take_call(front, conn, message);
	}
	return is_whole || is_too_long;
}

static void
take_call(struct front *front, struct connection *conn, struct bytes message)
{
	struct varlink_call call = {0};
	json_t *local = NULL;
	struct err err = {0};
	int code = varlink_call_decode(message, &call, &err);

	connection_consume(conn, message);
	conn->is_oneway = call.is_oneway;
	if (code != 0) {
		/* Where the next message begins is anybody's guess. */
		conn->closes_after_reply = true;
		front_reply_error(conn, &err, "");
		return;
	}
	code = start_call(front, conn, &call, &local, &err);
	if (code != 0)
		front_reply_error(conn, &err, call.method);
	else if (local != NULL)
		front_reply(conn, varlink_reply_encode(local));
	else
		conn->state = CONNECTION_WAITING;
	varlink_call_done(&call);
}

static int
start_call(struct front *front, struct connection *conn,
    struct varlink_call *call, json_t **ret_reply, struct err *err)
{
	const struct method *method = method_find(call->method);
	char caller[CALLER_TEXT_SIZE];
	struct front_call decoded;

	if (method == NULL)
		return err_set(err, RPC_METHOD_UNKNOWN, "method %s",
		    err_quote_str(call->method).text);
	if (call->is_oneway && method_makes_domain(method)) {
		log_line("refused build caller=%s code=RPC_MALFORMED "
			 "detail=\"a oneway call cannot be given a receipt\"",
		    caller_text(&conn->caller, caller));
		return err_set(err, RPC_MALFORMED,
		    "oneway: this call has a receipt to give");
	}
	TRY(method_decode(method, call->parameters, &decoded, ret_reply, err));
	if (method_is_local(method))
		return 0;
	conn->method = method;
	decoded.connection = conn->number;
	decoded.caller = conn->caller;
	front_tell_supervisor(front, &decoded);
	return 0;
}

void
front_reply_error(struct connection *conn, const struct err *error,
    const char *method)
{
	front_reply(conn, varlink_error_encode(error, method));
}

void
front_reply(struct connection *conn, char *text)
{
	if (text == NULL) {
		log_line("failed code=NO_MEMORY detail=\"a reply\"");
		_exit(1);
	}
	if (conn->is_oneway) {
		free(text);
		connection_next(conn);
		return;
	}
	connection_reply(conn, text);
}

void
front_hang_up(struct front *front, struct connection *conn)
{
	struct front_call cancel = {
	    .kind = FRONT_CANCEL,
	    .connection = conn->number,
	};

	if (conn->state == CONNECTION_WAITING)
		front_tell_supervisor(front, &cancel);
	if (conn->state == CONNECTION_WRITING && conn->has_receipt)
		front_return_domain(front, conn->domid, conn->uuid);
	connection_close(conn);
}

void
front_close_late(struct front *front)
{
	uint64_t now = timing_now_usec();

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *conn = &front->connections[i];

		if (conn->state != CONNECTION_FREE &&
		    conn->state != CONNECTION_WAITING &&
		    conn->deadline_usec < now)
			front_hang_up(front, conn);
	}
}
