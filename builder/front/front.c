#include "builder/front/front.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/front/front_sandbox.h"
#include "builder/front/front_state.h"
#include "builder/timing.h"

enum { POLL_ANSWERS, POLL_CALLS, POLL_LISTEN, POLL_FIRST };
/* Refused strangers in the log: so many at once, and one each second. */
enum { LOG_BURST = 20, LOG_USEC = 1000000 };

static const uint64_t alive_usec = 1000000;

static int enter(struct front *front, const struct sandbox *sandbox,
    int parent_pid, struct err *err);
static void serve(struct front *front) __attribute__((noreturn));
static int poll_ms(const struct front *front);
static void serve_sockets(struct front *front, const struct pollfd *fds);
static void fill_poll(const struct front *front, struct pollfd *fds);
static void say_alive(struct front *front);
static void catch_up(struct front *front);

void
front_run(const struct daemon_config *config, int listen_fd,
    const struct front_link *link, int parent_pid)
{
	struct front *front = front_make(config, link);

	front->listen_fd = listen_fd;
	front_begin(front, &front_sandbox, parent_pid);
}

struct front *
front_make(const struct daemon_config *config, const struct front_link *link)
{
	struct front *front = calloc(1, sizeof(*front));
	struct err err = {0};

	log_set_process("assayd[front]");
	if (front == NULL)
		_exit(1);
	front->config = config;
	front->listen_fd = -1;
	front->answers_fd = link->answers_fd;
	front->log_limit = (struct log_limit){LOG_BURST, LOG_USEC, 0, 0, 0};
	for (size_t i = 0; i < CONNECTIONS; i++)
		front->connections[i].stream = STREAM_NONE;
	if (outbox_init(&front->calls, sizeof(struct front_call), QUEUE, true,
		&err) != 0)
		_exit(1);
	outbox_attach(&front->calls, link->calls_fd);
	return front;
}

void
front_begin(struct front *front, const struct sandbox *sandbox, int parent_pid)
{
	struct err err = {0};

	if (enter(front, sandbox, parent_pid, &err) != 0) {
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    log_quote(err.text).text);
		_exit(1);
	}
	serve(front);
}

static int
enter(struct front *front, const struct sandbox *sandbox, int parent_pid,
    struct err *err)
{
	int keep[] = {
	    front->listen_fd, front->answers_fd, front->calls.fd,
	    front->connections[0].stream.fd, /* of a ring */
	};

	json_object_seed(0); /* while /dev/urandom can still be opened */
	TRY(sandbox_die_with_parent(parent_pid, err));
	TRY(sandbox_keep_only(keep, countof(keep), err));
	return sandbox_enter(sandbox, front->config->users.of[SANDBOX_FRONT],
	    err);
}

static void
serve(struct front *front)
{
	struct pollfd fds[POLL_FIRST + CONNECTIONS];
	struct err err;

	for (;;) {
		fill_poll(front, fds);
		if (poll(fds, countof(fds), poll_ms(front)) < 0 &&
		    errno != EINTR)
			_exit(1);
		/* What the supervisor has to say always before what it is
		 * asked: so neither waits for the other. */
		if (fds[POLL_ANSWERS].revents != 0)
			front_serve_answer(front);
		say_alive(front);
		if (outbox_flush(&front->calls, &err) != 0)
			_exit(0);
		catch_up(front);
		if (front->ring != NULL)
			front_serve_ring(front);
		else
			serve_sockets(front, fds + POLL_FIRST);
		front_close_late(front);
		if (fds[POLL_LISTEN].revents != 0)
			front_accept_callers(front);
	}
}

static int
poll_ms(const struct front *front)
{
	return front->ring != NULL ? front_ring_poll_ms(front) : 1000;
}

static void
serve_sockets(struct front *front, const struct pollfd *fds)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *conn = &front->connections[i];

		/* Its descriptor may be another one by now. */
		if (fds[i].revents != 0 && conn->stream.fd == fds[i].fd)
			front_serve_connection(front, conn, fds[i].revents);
	}
}

/* A front that is silent is begun again. */
static void
say_alive(struct front *front)
{
	static const struct front_call alive = {.kind = FRONT_ALIVE};
	uint64_t now = timing_now_usec();

	if (now - front->alive_usec < alive_usec || front->calls.count > 0)
		return;
	front->alive_usec = now;
	front_tell_supervisor(front, &alive);
}

/* No more may come from these callers to wake us. */
static void
catch_up(struct front *front)
{
	if (!front->is_behind || !front_takes_calls(front))
		return;
	front->is_behind = false;
	for (size_t i = 0; i < CONNECTIONS; i++)
		front_take_messages(front, &front->connections[i]);
}

static void
fill_poll(const struct front *front, struct pollfd *fds)
{
	fds[POLL_ANSWERS] =
	    (struct pollfd){.fd = front->answers_fd, .events = POLLIN};
	fds[POLL_CALLS] = (struct pollfd){
	    .fd = front->calls.fd,
	    .events = front->calls.count > 0 ? POLLOUT : 0,
	};
	fds[POLL_LISTEN] = (struct pollfd){
	    .fd =
		timing_now_usec() < front->accept_usec ? -1 : front->listen_fd,
	    .events = POLLIN,
	};
	for (size_t i = 0; i < CONNECTIONS; i++) {
		const struct connection *conn = &front->connections[i];
		short events = 0; /* only POLLHUP and POLLERR */

		if ((conn->state == CONNECTION_READING &&
			front_takes_calls(front)) ||
		    conn->state == CONNECTION_DRAINING)
			events = POLLIN;
		else if (conn->state == CONNECTION_WRITING)
			events = POLLOUT;
		if (front->ring != NULL)
			events = POLLIN; /* events are read */
		fds[POLL_FIRST + i] = (struct pollfd){
		    .fd = conn->stream.fd,
		    .events = events,
		};
	}
}
