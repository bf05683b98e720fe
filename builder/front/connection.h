/*
 * One caller's connection: a byte stream cut into messages, one call at a
 * time, one reply at a time. Never blocks.
 */
#ifndef ASSAY_BUILDER_FRONT_CONNECTION_H
#define ASSAY_BUILDER_FRONT_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "builder/front/methods.h"
#include "builder/front/stream.h"
#include "builder/request.h"

enum connection_state {
	CONNECTION_FREE,
	CONNECTION_READING,  /* for a call */
	CONNECTION_WAITING,  /* for the supervisor's answer */
	CONNECTION_WRITING,  /* the reply */
	CONNECTION_DRAINING, /* the last reply is out; the caller still sends */
};

struct connection {
	enum connection_state state;
	struct stream stream;
	uint32_t number; /* no other open connection has it */
	struct caller caller;
	uint64_t deadline_usec;
	char *in; /* what was read and not yet used */
	size_t in_len;
	char *out; /* the reply with its zero byte */
	size_t out_len;
	size_t out_done;
	bool closes_after_reply;
	/* The call that is answered now. */
	const struct method *method;
	bool is_oneway;
	bool has_receipt; /* the reply under way hands over a domain */
	uint32_t domid;   /* that one */
	uint8_t uuid[UUID_BYTES];
};

/*
 * A number for the next one: after `last`, up to FRONT_CONNECTION_MAX and then
 * from the beginning, but neither that of nobody (NO_CONNECTION) nor one that a
 * long call among these still has.
 */
uint32_t connection_number_after(uint32_t last,
    const struct connection *connections, size_t count);

/* Errors: NO_MEMORY. Takes the stream on success. */
int connection_open(struct connection *connection, const struct stream *stream,
    uint32_t number, const struct caller *caller, struct err *err);
void connection_close(struct connection *connection);

/*
 * Read what there is and has room. False if the caller closed, or the read
 * failed.
 */
bool connection_read(struct connection *connection);

/*
 * Is a whole message there? It is borrowed from the buffer, without its zero
 * byte, until connection_consume(). *ret_is_too_long is set if the message is
 * over the limit, whole or not.
 */
bool connection_message(const struct connection *connection,
    struct bytes *ret_message, bool *ret_is_too_long);

/* Take the message out of the buffer. */
void connection_consume(struct connection *connection, struct bytes message);

/* Start sending a reply; takes the text. */
void connection_reply(struct connection *connection, char *text);

/* Send some of it; false if the caller is gone. */
bool connection_write(struct connection *connection);
bool connection_is_written(const struct connection *connection);

/*
 * Say that no reply will follow, and let the caller finish sending: closing at
 * once could cost it the reply that says why.
 */
void connection_drain(struct connection *connection);

/* Read and forget; false when the caller closed. */
bool connection_discard(struct connection *connection);

/* Begin to wait for the next call. */
void connection_next(struct connection *connection);

#endif
