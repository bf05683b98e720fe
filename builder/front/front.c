#include "builder/front/front.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_limit.h"
#include "base/scope.h"
#include "builder/front/connection.h"
#include "builder/front_link.h"
#include "builder/ipc.h"
#include "builder/ipc_pipe.h"
#include "builder/outbox.h"
#include "builder/timing.h"
#include "builder/front/front_sandbox.h"

enum { POLL_ANSWERS, POLL_CALLS, POLL_LISTEN, POLL_FIRST };
enum { CONNECTIONS = LIMIT_RPC_CONNECTIONS };
enum { CONNECTIONS_PER_UID = LIMIT_RPC_CONNECTIONS / 2 };
enum { ACCEPTS = 16 /* a turn */, ACCEPT_USEC = 1000000 };

/* Calls that wait for the supervisor: nothing new is read from callers beyond
 * the first number; each of them can still hang up, and each answer for one
 * that is gone can bring a domain back. */
enum {
	QUEUE_READ = 16,
	QUEUE = QUEUE_READ + CONNECTIONS + LIMIT_BUILDS + CONNECTIONS,
};

/* Refused strangers in the log: so many at once, and one each second. */
enum { LOG_BURST = 20, LOG_USEC = 1000000 };

static const uint64_t alive_usec = 1000000;

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
	struct connection connections[CONNECTIONS];
};

static int enter(struct front *front, int parent_pid, struct err *err);
static void serve(struct front *front) __attribute__((noreturn));
static void fill_poll(const struct front *front, struct pollfd *fds);
static void say_alive(struct front *front);
static void catch_up(struct front *front);
static bool takes_calls(const struct front *front);
static void accept_callers(struct front *front);
static bool accept_caller(struct front *front);
static bool admit(struct front *front, int fd, struct peer *ret_peer,
    struct err *err);
static void log_stranger(struct front *front, uint32_t uid);
static void turn_away(int fd, const struct err *why);
static void serve_connection(struct front *front, struct connection *conn,
    short revents);
static void take_messages(struct front *front, struct connection *conn);
static bool take_message(struct front *front, struct connection *conn);
static void take_call(struct front *front, struct connection *conn,
    struct bytes message);
static int start_call(struct front *front, struct connection *conn,
    struct varlink_call *call, json_t **ret_reply, struct err *err);
static void serve_answer(struct front *front);
static link_take take_answer;
static struct connection *find_waiting(struct front *front, uint32_t number);
static void finish_call(struct connection *conn,
    const struct front_answer *answer, struct ipc_fds *fds);
static void reply_error(struct connection *conn, const struct err *error,
    const char *method);
static void reply(struct connection *conn, char *text);
static void hang_up(struct front *front, struct connection *conn);
static void return_domain(struct front *front, uint32_t domid,
    const uint8_t uuid[UUID_BYTES]);
static void close_late(struct front *front);
static void tell_supervisor(struct front *front, const struct front_call *call);

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
};

const struct link_table front_answers = {
    "an answer",
    rules,
    countof(rules),
    false,
};

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
			serve_answer(front);
		say_alive(front);
		if (outbox_flush(&front->calls, &err) != 0)
			_exit(0);
		catch_up(front);
		for (size_t i = 0; i < CONNECTIONS; i++) {
			struct connection *conn = &front->connections[i];

			/* Its descriptor may be another one by now. */
			if (fds[POLL_FIRST + i].revents != 0 &&
			    conn->fd == fds[POLL_FIRST + i].fd)
				serve_connection(front, conn,
				    fds[POLL_FIRST + i].revents);
		}
		close_late(front);
		if (fds[POLL_LISTEN].revents != 0)
			accept_callers(front);
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
	tell_supervisor(front, &alive);
}

/* No more may come from these callers to wake us. */
static void
catch_up(struct front *front)
{
	if (!front->is_behind || !takes_calls(front))
		return;
	front->is_behind = false;
	for (size_t i = 0; i < CONNECTIONS; i++)
		take_messages(front, &front->connections[i]);
}

static bool
takes_calls(const struct front *front)
{
	return front->calls.count < QUEUE_READ;
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

		if ((conn->state == CONNECTION_READING && takes_calls(front)) ||
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

/* Callers */

static void
accept_callers(struct front *front)
{
	for (int i = 0; i < ACCEPTS && accept_caller(front); i++)
		continue;
}

/* False if nobody waits. */
static bool
accept_caller(struct front *front)
{
	CLEANUP(closep)
	int fd =
	    accept4(front->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct connection *place = NULL;
	struct peer peer;
	struct err err = {0};

	if (fd < 0) {
		/* Whoever waits there would wake us again at once. */
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS)
			front->accept_usec = timing_now_usec() + ACCEPT_USEC;
		return false;
	}
	for (size_t i = 0; i < CONNECTIONS && place == NULL; i++) {
		if (front->connections[i].state == CONNECTION_FREE)
			place = &front->connections[i];
	}
	if (place == NULL)
		err_set(&err, RPC_BUSY, "%d connections are open", CONNECTIONS);
	front->last_number = connection_number_after(front->last_number,
	    front->connections, CONNECTIONS);
	if (place == NULL || !admit(front, fd, &peer, &err) ||
	    connection_open(place, fd, front->last_number, &peer, &err) != 0)
		turn_away(fd, &err);
	else
		take_fd(&fd);
	return true;
}

/* Who is it? The kernel says, not the caller. */
static bool
admit(struct front *front, int fd, struct peer *ret_peer, struct err *err)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);
	size_t open = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0) {
		err_set_errno(err, SYSTEM_FAILED, "SO_PEERCRED");
		return false;
	}
	if (!daemon_config_allows_uid(front->config, cred.uid)) {
		err_set(err, RPC_NOT_PERMITTED, "user %u is not in allow_uids",
		    cred.uid);
		log_stranger(front, cred.uid);
		return false;
	}
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (front->connections[i].state != CONNECTION_FREE &&
		    front->connections[i].peer.uid == cred.uid)
			open++;
	}
	if (open >= CONNECTIONS_PER_UID) {
		err_set(err, RPC_BUSY, "%zu connections of user %u", open,
		    cred.uid);
		return false;
	}
	*ret_peer = (struct peer){.uid = cred.uid, .pid = cred.pid};
	return true;
}

static void
log_stranger(struct front *front, uint32_t uid)
{
	uint64_t missed;

	if (!log_limit_allows(&front->log_limit, timing_now_usec(), &missed))
		return;
	log_line("refused connection uid=%u code=RPC_NOT_PERMITTED missed=%llu",
	    uid, (unsigned long long)missed);
}

static void
turn_away(int fd, const struct err *why)
{
	CLEANUP(freep) char *text = varlink_error_encode(why, "");

	if (text != NULL)
		(void)!send(fd, text, strlen(text) + 1,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void
serve_connection(struct front *front, struct connection *conn, short revents)
{
	if (conn->state == CONNECTION_READING && (revents & POLLIN) != 0) {
		if (!connection_read(conn))
			hang_up(front, conn);
		else
			take_messages(front, conn);
		return;
	}
	if (conn->state == CONNECTION_DRAINING && (revents & POLLIN) != 0) {
		if (!connection_discard(conn))
			connection_close(conn);
		return;
	}
	if ((revents & (POLLHUP | POLLERR)) != 0) {
		hang_up(front, conn);
		return;
	}
	if (conn->state != CONNECTION_WRITING)
		return;
	if (!connection_write(conn)) {
		hang_up(front, conn);
		return;
	}
	if (!connection_is_written(conn))
		return;
	if (conn->closes_after_reply) {
		connection_drain(conn);
		return;
	}
	connection_next(conn);
	take_messages(front, conn);
}

/* All that are in the buffer, until one has to wait for something: no more
 * may come to wake us. */
static void
take_messages(struct front *front, struct connection *conn)
{
	while (conn->state == CONNECTION_READING && takes_calls(front) &&
	       take_message(front, conn))
		continue;
	front->is_behind |= conn->state == CONNECTION_READING &&
	                    conn->in_len > 0 && !takes_calls(front);
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
		reply_error(conn, &err, "");
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
		reply_error(conn, &err, "");
		return;
	}
	code = start_call(front, conn, &call, &local, &err);
	if (code != 0)
		reply_error(conn, &err, call.method);
	else if (local != NULL)
		reply(conn, varlink_reply_encode(local));
	else
		conn->state = CONNECTION_WAITING;
	varlink_call_done(&call);
}

static int
start_call(struct front *front, struct connection *conn,
    struct varlink_call *call, json_t **ret_reply, struct err *err)
{
	const struct method *method = method_find(call->method);
	struct front_call decoded;

	if (method == NULL)
		return err_set(err, RPC_METHOD_UNKNOWN, "method %s",
		    err_quote_str(call->method).text);
	if (call->is_oneway && method_makes_domain(method)) {
		log_line("refused build uid=%u code=RPC_MALFORMED "
			 "detail=\"a oneway call cannot be given a receipt\"",
		    conn->peer.uid);
		return err_set(err, RPC_MALFORMED,
		    "oneway: this call has a receipt to give");
	}
	TRY(method_decode(method, call->parameters, &decoded, ret_reply, err));
	if (method_is_local(method))
		return 0;
	conn->method = method;
	decoded.connection = conn->number;
	decoded.peer = conn->peer;
	tell_supervisor(front, &decoded);
	return 0;
}

/* The supervisor */

/* One that is not understood, or that nobody may get: begin again. */
static void
serve_answer(struct front *front)
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
			return_domain(front, answer->receipt.domid,
			    answer->receipt.guest.uuid);
		return 0;
	}
	if (!method_takes(conn->method, answer))
		return err_set(err, BUG, "answer %u to %s", answer->kind,
		    conn->method->name);
	finish_call(conn, answer, fds);
	take_messages(front, conn);
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
		reply_error(conn, &err, "");
		return;
	}
	if (memory != NULL)
		attached = sealed_bytes(memory);
	if (err_wire_to(&answer->outcome, BUG, &err) != 0 ||
	    method_check_attached(conn->method, attached, &err) != 0) {
		reply_error(conn, &err, "");
		return;
	}
	conn->has_receipt = method_makes_domain(conn->method);
	conn->domid = answer->receipt.domid;
	memcpy(conn->uuid, answer->receipt.guest.uuid, UUID_BYTES);
	reply(conn, varlink_reply_encode(
			method_encode(conn->method, answer, attached)));
}

/* It waits in our queue if need be. */
static void
tell_supervisor(struct front *front, const struct front_call *call)
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

/* Replies and ends */

static void
reply_error(struct connection *conn, const struct err *error,
    const char *method)
{
	reply(conn, varlink_error_encode(error, method));
}

static void
reply(struct connection *conn, char *text)
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

static void
hang_up(struct front *front, struct connection *conn)
{
	struct front_call cancel = {
	    .kind = FRONT_CANCEL,
	    .connection = conn->number,
	};

	if (conn->state == CONNECTION_WAITING)
		tell_supervisor(front, &cancel);
	if (conn->state == CONNECTION_WRITING && conn->has_receipt)
		return_domain(front, conn->domid, conn->uuid);
	connection_close(conn);
}

static void
return_domain(struct front *front, uint32_t domid,
    const uint8_t uuid[UUID_BYTES])
{
	struct front_call call = {
	    .kind = FRONT_UNDELIVERED,
	    .selector = {.domid = domid, .has_uuid = true},
	};

	memcpy(call.selector.uuid, uuid, UUID_BYTES);
	tell_supervisor(front, &call);
}

static void
close_late(struct front *front)
{
	uint64_t now = timing_now_usec();

	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *conn = &front->connections[i];

		if (conn->state != CONNECTION_FREE &&
		    conn->state != CONNECTION_WAITING &&
		    conn->deadline_usec < now)
			hang_up(front, conn);
	}
}
