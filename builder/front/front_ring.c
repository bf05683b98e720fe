/*
 * A front for one domain: its ring is the one connection, and lasts for one
 * session. Which domain that is the supervisor knows, and not this process.
 */
#include "builder/front/front_state.h"

#include <poll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/front/front_ring_sandbox.h"
#include "builder/front/ring.h"
#include "builder/timing.h"

/* The front's numbers: of the one caller, and of what is asked last. */
enum { NUMBER_OF_CALLER = 1, NUMBER_OF_LAST };

/* A client that writes all the time does not keep us from all else. */
enum { ROUNDS = 64 };

static void move(struct front *front);
static short ready_of(const struct connection *conn);
static void end_session(struct front *front);

void
front_run_ring(const struct daemon_config *config,
    const struct channel_offer *offer, const int *devices,
    const struct front_link *link, int parent_pid)
{
	static struct ring ring;
	struct front *front = front_make(config, link);
	const struct caller client = {
	    .kind = CALLER_DOMAIN,
	    .domain.domid = offer->domid,
	};
	struct stream stream = {.fd = -1, .ring = &ring};
	struct err err = {0};
	int code = ring_open(&ring, offer, devices, &err);

	stream.fd = ring.events_fd;
	if (code == 0)
		code = connection_open(&front->connections[0], &stream,
		    NUMBER_OF_CALLER, &client, &err);
	if (code != 0) {
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    log_quote(err.text).text);
		_exit(1);
	}
	front->ring = &ring;
	front_begin(front, &front_ring_sandbox, parent_pid);
}

void
front_serve_ring(struct front *front)
{
	if (!front->is_ring_over) {
		ring_take_events(front->ring, timing_now_usec());
		move(front);
	}
	if (!front->is_ring_over &&
	    front->connections[0].state == CONNECTION_FREE)
		end_session(front);
	if (front->is_last_heard && front->calls.count == 0)
		_exit(0);
}

int
front_ring_poll_ms(const struct front *front)
{
	uint64_t now = timing_now_usec();
	uint64_t next = ring_deadline(front->ring);

	if (front->is_ring_busy)
		return 0;
	if (front->is_ring_over || next >= now + 1000000)
		return 1000;
	return next <= now ? 0 : (int)((next - now) / 1000 + 1);
}

/* What was under way has been given up, or has come back by now. */
void
front_hear_last(struct front *front, const struct front_answer *answer)
{
	front->is_last_heard |= front->is_ring_over &&
	                        answer->kind == ANSWER_OUTCOME &&
	                        answer->connection == NUMBER_OF_LAST;
}

static void
move(struct front *front)
{
	struct connection *conn = &front->connections[0];
	struct ring *ring = front->ring;
	uint64_t before;
	int rounds = 0;

	do {
		before = ring->moved;
		front_serve_connection(front, conn, ready_of(conn));
	} while (ring->moved != before && conn->state != CONNECTION_FREE &&
		 ++rounds < ROUNDS);
	front->is_ring_busy = rounds == ROUNDS;
	if (conn->state == CONNECTION_WAITING && !ring_has_client(ring))
		front_hang_up(front, conn);
	else if (conn->state == CONNECTION_READING && ring_awaits_client(ring))
		connection_next(conn); /* its time begins later */
}

static short
ready_of(const struct connection *conn)
{
	switch (conn->state) {
	case CONNECTION_WRITING:
		return POLLOUT;
	case CONNECTION_READING:
	case CONNECTION_DRAINING:
		return POLLIN;
	case CONNECTION_FREE:
	case CONNECTION_WAITING:
		break;
	}
	return 0;
}

/*
 * One session for each ring. A receipt may be on its way to a client that left,
 * and its domain has to go: what the supervisor answers to this comes behind.
 */
static void
end_session(struct front *front)
{
	static const struct front_call last = {
	    .kind = FRONT_ALIVE,
	    .connection = NUMBER_OF_LAST,
	};
	const struct err *over = &front->ring->over;

	front->is_ring_over = true;
	front->is_ring_busy = false;
	if (over->code != ERR_NONE)
		log_line("ended session code=%s detail=\"%s\"",
		    err_name(over->code), log_quote(over->text).text);
	front_tell_supervisor(front, &last);
}
