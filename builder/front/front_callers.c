/* Who may come in. */
#include "builder/front/front_state.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/front/varlink.h"
#include "builder/timing.h"

enum { CONNECTIONS_PER_UID = CONNECTIONS / 2 };
enum { ACCEPTS = 16 /* a turn */, ACCEPT_USEC = 1000000 };

static bool accept_caller(struct front *front);
static bool admit(struct front *front, int fd, struct caller *ret_caller,
    struct err *err);
static void log_stranger(struct front *front, uint32_t uid);
static void turn_away(int fd, const struct err *why);

void
front_accept_callers(struct front *front)
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
	struct caller caller;
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
	if (place == NULL || !admit(front, fd, &caller, &err) ||
	    connection_open(place, &(struct stream){.fd = fd},
		front->last_number, &caller, &err) != 0)
		turn_away(fd, &err);
	else
		take_fd(&fd);
	return true;
}

/* Who is it? The kernel says, not the caller. */
static bool
admit(struct front *front, int fd, struct caller *ret_caller, struct err *err)
{
	struct caller caller = {.kind = CALLER_USER};
	struct ucred cred;
	socklen_t len = sizeof(cred);
	size_t open = 0;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) != 0) {
		err_set_errno(err, SYSTEM_FAILED, "SO_PEERCRED");
		return false;
	}
	caller.user = (struct caller_user){cred.uid, cred.gid, cred.pid};
	if (caller_rule_find(front->config, &caller, NULL) == NULL) {
		err_set(err, RPC_NOT_PERMITTED, "user %u may not call",
		    cred.uid);
		log_stranger(front, cred.uid);
		return false;
	}
	for (size_t i = 0; i < CONNECTIONS; i++) {
		if (front->connections[i].state != CONNECTION_FREE &&
		    front->connections[i].caller.user.uid == cred.uid)
			open++;
	}
	if (open >= CONNECTIONS_PER_UID) {
		err_set(err, RPC_BUSY, "%zu connections of user %u", open,
		    cred.uid);
		return false;
	}
	*ret_caller = caller;
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
