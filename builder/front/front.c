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

static int enter(struct front *front, int parent_pid, struct err *err);
static void serve(struct front *front) __attribute__((noreturn));
static void fill_poll(const struct front *front, struct pollfd *fds);
static void say_alive(struct front *front);
static void catch_up(struct front *front);

void
front_run(const struct daemon_config *config, int listen_fd,
    const struct front_link *link, int parent_pid)
{
	struct front *front = calloc(1, sizeof(*front));
	struct err err = {0};

	log_set_process("assayd[front]");
	if (front == NULL)
		_exit(1);
	front->config = config;
	front->listen_fd = listen_fd;
	front->answers_fd = link->answers_fd;
	front->log_limit = (struct log_limit){LOG_BURST, LOG_USEC, 0, 0, 0};
	for (size_t i = 0; i < CONNECTIONS; i++)
		front->connections[i].fd = -1;
	if (outbox_init(&front->calls, sizeof(struct front_call), QUEUE, true,
		&err) != 0)
		_exit(1);
	outbox_attach(&front->calls, link->calls_fd);
	if (enter(front, parent_pid, &err) != 0) {
		log_line("failed code=%s detail=\"%s\"", err_name(err.code),
		    log_quote(err.text).text);
		_exit(1);
	}
	serve(front);
}

static int
enter(struct front *front, int parent_pid, struct err *err)
{
	int keep[] = {front->listen_fd, front->answers_fd, front->calls.fd};

	json_object_seed(0); /* while /dev/urandom can still be opened */
	TRY(sandbox_die_with_parent(parent_pid, err));
	TRY(sandbox_keep_only(keep, countof(keep), err));
	return sandbox_enter(&front_sandbox,
	    front->config->users.of[SANDBOX_FRONT], err);
}

static void
serve(struct front *front)
{
	struct pollfd fds[POLL_FIRST + CONNECTIONS];
	struct err err;

	for (;;) {
		fill_poll(front, fds);
		if (poll(fds, countof(fds), 1000) < 0 && errno != EINTR)
			_exit(1);
		/* What the supervisor has to say always before what it is
		 * asked: so neither waits for the other. */
		if (fds[POLL_ANSWERS].revents != 0)
			front_serve_answer(front);
		say_alive(front);
		if (outbox_flush(&front->calls, &err) != 0)
			_exit(0);
		catch_up(front);
		for (size_t i = 0; i < CONNECTIONS; i++) {
			struct connection *conn = &front->connections[i];

			/* Its descriptor may be another one by now. */
			if (fds[POLL_FIRST + i].revents != 0 &&
			    conn->fd == fds[POLL_FIRST + i].fd)
				front_serve_connection(front, conn,
				    fds[POLL_FIRST + i].revents);
		}
		front_close_late(front);
		if (fds[POLL_LISTEN].revents != 0)
			front_accept_callers(front);
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
		fds[POLL_FIRST + i] = (struct pollfd){
		    .fd = conn->state == CONNECTION_FREE ? -1 : conn->fd,
		    .events = events,
		};
	}
}
