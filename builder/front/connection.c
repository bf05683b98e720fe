#include "builder/front/connection.h"

#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "builder/front_link.h"
#include "builder/timing.h"

/* The longest message, its zero byte, and one more to see that it is over. */
static const size_t buffer_bytes = LIMIT_RPC_MESSAGE_BYTES + 2;

enum { DRAIN_USEC = 2000000 };

uint32_t
connection_number_after(uint32_t last, const struct connection *connections,
    size_t count)
{
	for (;;) {
		uint32_t number = ++last & FRONT_CONNECTION_MAX;
		bool is_used = number == NO_CONNECTION;

		for (size_t i = 0; i < count; i++)
			is_used |= connections[i].number == number;
		if (!is_used)
			return number;
	}
}

int
connection_open(struct connection *connection, const struct stream *stream,
    uint32_t number, const struct caller *caller, struct err *err)
{
	char *in = malloc(buffer_bytes);

	if (in == NULL)
		return err_set(err, NO_MEMORY, "connection");
	*connection = (struct connection){
	    .stream = *stream,
	    .number = number,
	    .caller = *caller,
	    .in = in,
	};
	connection_next(connection);
	return 0;
}

void
connection_close(struct connection *connection)
{
	stream_close(&connection->stream);
	free(connection->in);
	free(connection->out);
	*connection = (struct connection){
	    .state = CONNECTION_FREE,
	    .stream = STREAM_NONE,
	};
}

bool
connection_read(struct connection *connection)
{
	size_t got;

	if (connection->in_len == buffer_bytes)
		return true;
	if (!stream_read(&connection->stream,
		connection->in + connection->in_len,
		buffer_bytes - connection->in_len, &got))
		return false;
	connection->in_len += got;
	return true;
}

bool
connection_message(const struct connection *connection,
    struct bytes *ret_message, bool *ret_is_too_long)
{
	const char *end = memchr(connection->in, '\0', connection->in_len);
	size_t len = end == NULL ? 0 : (size_t)(end - connection->in);

	*ret_is_too_long = end == NULL
	                       ? connection->in_len > LIMIT_RPC_MESSAGE_BYTES
	                       : len > LIMIT_RPC_MESSAGE_BYTES;
	if (end == NULL)
		return false;
	*ret_message = bytes_of(connection->in, len);
	return true;
}

void
connection_consume(struct connection *connection, struct bytes message)
{
	size_t used = message.len + 1;

	memmove(connection->in, connection->in + used,
	    connection->in_len - used);
	connection->in_len -= used;
}

void
connection_reply(struct connection *connection, char *text)
{
	/* The text's own NUL ends the message on the wire. */
	connection->out = text;
	connection->out_len = strlen(text) + 1;
	connection->out_done = 0;
	connection->state = CONNECTION_WRITING;
	connection->deadline_usec =
	    timing_now_usec() + LIMIT_RPC_IDLE_SECONDS * 1000000ull;
}

bool
connection_write(struct connection *connection)
{
	size_t sent;

	if (!stream_write(&connection->stream,
		connection->out + connection->out_done,
		connection->out_len - connection->out_done, &sent))
		return false;
	connection->out_done += sent;
	return true;
}

bool
connection_is_written(const struct connection *connection)
{
	return connection->out_done == connection->out_len;
}

void
connection_drain(struct connection *connection)
{
	stream_finish(&connection->stream);
	connection->state = CONNECTION_DRAINING;
	connection->deadline_usec = timing_now_usec() + DRAIN_USEC;
}

bool
connection_discard(struct connection *connection)
{
	connection->in_len = 0;
	return connection_read(connection);
}

void
connection_next(struct connection *connection)
{
	free(connection->out);
	connection->out = NULL;
	connection->method = NULL;
	connection->is_oneway = false;
	connection->has_receipt = false;
	connection->state = CONNECTION_READING;
	connection->deadline_usec =
	    timing_now_usec() + LIMIT_RPC_IDLE_SECONDS * 1000000ull;
}
