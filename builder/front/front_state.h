/*
 * The front's state, shared by its files: front.c (its life and its loop),
 * front_callers.c (who may come in), front_ring.c (the one domain
 * that a front may be for), front_connections.c (serving them) and
 * front_supervisor.c (the link to the supervisor). Nobody else includes this.
 */
#ifndef ASSAY_BUILDER_FRONT_FRONT_STATE_H
#define ASSAY_BUILDER_FRONT_FRONT_STATE_H

#include "base/log_limit.h"
#include "builder/front/connection.h"
#include "builder/front/front.h"
#include "builder/front_link.h"
#include "builder/outbox.h"
#include "builder/sandbox.h"

enum { CONNECTIONS = LIMIT_RPC_CONNECTIONS };

/* Calls that wait for the supervisor: nothing new is read from callers beyond
 * the first number; each of them can still hang up, and each answer for one
 * that is gone can bring a domain back. */
enum {
	QUEUE_READ = 16,
	QUEUE = QUEUE_READ + CONNECTIONS + LIMIT_BUILDS + CONNECTIONS,
};

struct front {
	const struct daemon_config *config;
	int listen_fd;
	int answers_fd;
	struct link_place place; /* of its answers */
	struct outbox calls;     /* to the supervisor */
	uint64_t alive_usec;     /* when it last heard of us */
	uint64_t accept_usec;    /* nobody is let in before */
	struct log_limit log_limit;
	bool is_behind; /* messages were read and not looked at yet */
	uint32_t last_number;
	struct ring *ring;  /* of the domain that is served; NULL: callers come
	                     * to the socket */
	bool is_ring_busy;  /* more can be moved at once */
	bool is_ring_over;  /* its session */
	bool is_last_heard; /* and no answer is under way any more */
	struct connection connections[CONNECTIONS];
};

/* One that has no callers yet; then it serves for good. */
struct front *front_make(const struct daemon_config *config,
    const struct front_link *link);
void front_begin(struct front *front, const struct sandbox *sandbox,
    int parent_pid) __attribute__((noreturn));

/* --- one domain, on a ring ------------------------------------------- */

/* Move what can be moved, whether an event came or not. The front ends after
 * the session. */
void front_serve_ring(struct front *front);

/* How long nothing may be looked at. */
int front_ring_poll_ms(const struct front *front);

/* An answer that no caller waits for: is it the last one? */
void front_hear_last(struct front *front, const struct front_answer *answer);

/* --- who may come in ------------------------------------------------- */

/* Those who wait at the socket: let in, or told why not. */
void front_accept_callers(struct front *front);

/* --- connections ----------------------------------------------------- */

/* What poll() says of one. */
void front_serve_connection(struct front *front, struct connection *conn,
    short revents);

/* May more be read from callers? */
bool front_takes_calls(const struct front *front);

/* All that are in the buffer, until one has to wait for something: no more
 * may come to wake us. */
void front_take_messages(struct front *front, struct connection *conn);

/* `text` is taken; the front ends if it is NULL: memory is short. */
void front_reply(struct connection *conn, char *text);
void front_reply_error(struct connection *conn, const struct err *error,
    const char *method);

void front_hang_up(struct front *front, struct connection *conn);

/* Hang up on whoever is too slow. */
void front_close_late(struct front *front);

/* --- the link to the supervisor -------------------------------------- */

/* An answer is there to be read. The front ends with the link. */
void front_serve_answer(struct front *front);

/* It waits in our queue if need be. */
void front_tell_supervisor(struct front *front, const struct front_call *call);

/* That nobody got this domain. */
void front_return_domain(struct front *front, uint32_t domid,
    const uint8_t uuid[UUID_BYTES]);

#endif
