#include "cli/libassay/assay.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "cli/libassay/address.h"
#include "cli/libassay/failure.h"
#include "cli/libassay/inbox.h"
#include "cli/libassay/message.h"
#include "cli/libassay/transport.h"

struct assay {
	/* The connection: none if channel is NULL. */
	const struct transport_port *port;
	void *channel;
	void *module;
	struct inbox inbox;
	/* The call that is under way. */
	bool is_calling;
	bool takes_more;
	bool came_early; /* something was there before the call */
	bool can_send;   /* false: what answers does not listen any more */
	char *call;
	size_t call_len;
	size_t sent;
	int timeout_ms;
	int64_t deadline_ms;
	/* What was given back last. */
	char *reply;
	struct failure failure;
};

static int begin(struct assay *assay, const char *method,
    const char *parameters, bool takes_more, int timeout_ms, struct err *err);
static int open_address(struct assay *assay, const char *text, int timeout_ms,
    struct err *err);
static int check_timeout(int timeout_ms, struct err *err);
static int open_channel(struct assay *assay, const struct address *address,
    const char *text, int64_t deadline_ms, struct err *err);
static void notice_early(struct assay *assay);
static int wait_for(struct assay *assay);
static int send_some(struct assay *assay, struct err *err);
static int receive(struct assay *assay, struct bytes *ret_message,
    bool *ret_is_there, struct err *err);
static int read_some(struct assay *assay, size_t *ret_len, struct err *err);
static int refuse_end(ssize_t end, struct err *err);
static int take_reply(struct assay *assay, struct bytes message,
    const char **ret_reply);
static int take_failure(struct assay *assay, const struct failure *failure);
static bool is_in_order(const struct assay *assay);
static void start_clock(struct assay *assay);
static void end_call(struct assay *assay);
static void disconnect(struct assay *assay);
static void forget(struct assay *assay);
static int fail(struct assay *assay, const struct err *err);
static int fail_and_disconnect(struct assay *assay, const struct err *err);

const char *
assay_version(void)
{
	return ASSAY_VERSION;
}

struct assay *
assay_new(void)
{
	return calloc(1, sizeof(struct assay));
}

void
assay_free(struct assay *assay)
{
	if (assay == NULL)
		return;
	disconnect(assay);
	forget(assay);
	free(assay);
}

int
assay_open(struct assay *assay, const char *address, int timeout_ms)
{
	struct err err;

	forget(assay);
	disconnect(assay);
	if (open_address(assay,
		address != NULL ? address : ASSAY_DEFAULT_ADDRESS, timeout_ms,
		&err) != 0)
		return fail_and_disconnect(assay, &err);
	return ASSAY_DONE;
}

int
assay_is_open(const struct assay *assay)
{
	return assay->channel != NULL;
}

int
assay_call(struct assay *assay, const char *method, const char *parameters,
    int timeout_ms, const char **ret_reply)
{
	if (assay_begin(assay, method, parameters, 0, timeout_ms) != ASSAY_DONE)
		return ASSAY_FAILED;
	return assay_next(assay, ret_reply);
}

int
assay_begin(struct assay *assay, const char *method, const char *parameters,
    unsigned int flags, int timeout_ms)
{
	struct err err = {0};

	forget(assay);
	if ((flags & ~(unsigned int)ASSAY_MORE) != 0)
		err_set_field(&err, RPC_PARAMETER_BAD, "flags",
		    "this libassay knows no flags %u", flags);
	else
		begin(assay, method, parameters, (flags & ASSAY_MORE) != 0,
		    timeout_ms, &err);
	return err.code == ERR_NONE ? ASSAY_DONE : fail(assay, &err);
}

int
assay_next(struct assay *assay, const char **ret_reply)
{
	int result = assay_process(assay, ret_reply);

	while (result == ASSAY_WAITING) {
		if (wait_for(assay) != 0) {
			struct err err;

			err_set_errno(&err, SYSTEM_FAILED, "poll");
			return fail_and_disconnect(assay, &err);
		}
		result = assay_process(assay, ret_reply);
	}
	return result;
}

int
assay_process(struct assay *assay, const char **ret_reply)
{
	struct bytes message;
	bool is_there = false;
	struct err err;

	forget(assay);
	if (!assay->is_calling) {
		err_set(&err, RPC_PARAMETER_BAD, "no call is under way");
		return fail(assay, &err);
	}
	assay->port->wake(assay->channel);
	if (send_some(assay, &err) != 0 ||
	    receive(assay, &message, &is_there, &err) != 0)
		return fail_and_disconnect(assay, &err);
	if (is_there)
		return take_reply(assay, message, ret_reply);
	if (assay_wait_ms(assay) > 0)
		return ASSAY_WAITING;
	err_set(&err, CALL_TIMEOUT, "no whole reply within %d ms",
	    assay->timeout_ms);
	return fail_and_disconnect(assay, &err);
}

int
assay_fd(const struct assay *assay)
{
	return assay->channel != NULL ? assay->port->fd(assay->channel) : -1;
}

short
assay_events(const struct assay *assay)
{
	if (assay->channel == NULL)
		return 0;
	return assay->port->events(assay->channel,
	    assay->can_send && assay->sent < assay->call_len);
}

int
assay_wait_ms(const struct assay *assay)
{
	int64_t left_ms = assay->deadline_ms - transport_now_ms();

	if (!assay->is_calling)
		return -1;
	if (left_ms > INT_MAX)
		return INT_MAX;
	return left_ms > 0 ? (int)left_ms : 0;
}

const char *
assay_error_name(const struct assay *assay)
{
	return assay->failure.name;
}

const char *
assay_error_field(const struct assay *assay)
{
	return assay->failure.field;
}

const char *
assay_error_detail(const struct assay *assay)
{
	return assay->failure.detail;
}

const char *
assay_error_remedy(const struct assay *assay)
{
	return assay->failure.remedy;
}

int
assay_error_is_refusal(const struct assay *assay)
{
	return assay->failure.is_refusal;
}

static int
open_address(struct assay *assay, const char *text, int timeout_ms,
    struct err *err)
{
	int64_t deadline_ms = transport_now_ms() + timeout_ms;
	struct address address;

	TRY(check_timeout(timeout_ms, err));
	TRY(address_decode(text, &address, err));
	assay->port = &transport_unix;
	if (address.is_vchan)
		TRY(transport_vchan_load(&assay->module, &assay->port, err));
	return open_channel(assay, &address,
	    address.is_vchan ? text : address.path, deadline_ms, err);
}

static int
check_timeout(int timeout_ms, struct err *err)
{
	if (timeout_ms <= 0)
		return err_set_field(err, RPC_PARAMETER_BAD, "timeout_ms",
		    "a timeout of %d ms", timeout_ms);
	return 0;
}

static int
open_channel(struct assay *assay, const struct address *address,
    const char *text, int64_t deadline_ms, struct err *err)
{
	char why[TRANSPORT_WHY_BYTES] = "";

	if (assay->port->open(address, deadline_ms, &assay->channel, why) == 0)
		return 0;
	if (transport_now_ms() >= deadline_ms)
		return err_set(err, CALL_TIMEOUT, "%s: %s",
		    err_quote_str(text).text, why);
	return err_set(err, DAEMON_UNREACHABLE, "%s: %s",
	    err_quote_str(text).text, why);
}

static int
begin(struct assay *assay, const char *method, const char *parameters,
    bool takes_more, int timeout_ms, struct err *err)
{
	if (assay->channel == NULL)
		return err_set(err, DAEMON_UNREACHABLE, "not connected");
	if (assay->is_calling)
		return err_set(err, RPC_BUSY,
		    "this connection has a call under way");
	TRY(check_timeout(timeout_ms, err));
	TRY(message_encode_call(method, parameters, takes_more, &assay->call,
	    &assay->call_len, err));
	assay->sent = 0;
	assay->can_send = true;
	assay->takes_more = takes_more;
	assay->timeout_ms = timeout_ms;
	assay->is_calling = true;
	start_clock(assay);
	notice_early(assay);
	return 0;
}

/*
 * assayd sends before it is asked only to say why it turns the caller away.
 * What is there now is looked at when the reply is.
 */
static void
notice_early(struct assay *assay)
{
	struct err told_later;
	size_t len = 0;

	if (inbox_is_empty(&assay->inbox))
		read_some(assay, &len, &told_later);
	assay->came_early = !inbox_is_empty(&assay->inbox);
}

static int
wait_for(struct assay *assay)
{
	struct pollfd fd = {
	    .fd = assay_fd(assay),
	    .events = assay_events(assay),
	};

	if (poll(&fd, 1, assay_wait_ms(assay)) < 0 && errno != EINTR)
		return -1;
	return 0;
}

/* A daemon that turned the caller away has said why: that is there to read. */
static int
send_some(struct assay *assay, struct err *err)
{
	while (assay->can_send && assay->sent < assay->call_len) {
		ssize_t n = assay->port->write(assay->channel,
		    assay->call + assay->sent, assay->call_len - assay->sent);

		if (n == TRANSPORT_AGAIN)
			return 0;
		if (n == TRANSPORT_ENDED)
			assay->can_send = false;
		else if (n < 0)
			return refuse_end(n, err);
		else
			assay->sent += (size_t)n;
	}
	return 0;
}

static int
receive(struct assay *assay, struct bytes *ret_message, bool *ret_is_there,
    struct err *err)
{
	size_t len = 0;

	do {
		if (inbox_take(&assay->inbox, ret_message)) {
			*ret_is_there = true;
			return 0;
		}
		TRY(read_some(assay, &len, err));
	} while (len > 0);
	return 0;
}

static int
read_some(struct assay *assay, size_t *ret_len, struct err *err)
{
	char *room;
	size_t size;
	ssize_t n;

	TRY(inbox_room(&assay->inbox, &room, &size, err));
	n = assay->port->read(assay->channel, room, size);
	if (n < 0)
		return refuse_end(n, err);
	inbox_add(&assay->inbox, (size_t)n);
	*ret_len = (size_t)n;
	return 0;
}

static int
refuse_end(ssize_t end, struct err *err)
{
	if (end == TRANSPORT_ENDED)
		return err_set(err, DAEMON_UNREACHABLE,
		    "the connection ended before a whole reply");
	if (end == TRANSPORT_BROKEN)
		return err_set(err, CHANNEL_BROKEN,
		    "the indices of the rings are not what this side left, "
		    "or lie outside");
	return err_set_errno(err, DAEMON_UNREACHABLE, "the connection failed");
}

static int
take_reply(struct assay *assay, struct bytes message, const char **ret_reply)
{
	struct reply reply = {.parameters = NULL};
	struct err err;

	if (message_decode_reply(message, &reply, &err) != 0)
		return fail_and_disconnect(assay, &err);
	if (reply.parameters == NULL)
		return take_failure(assay, &reply.failure);
	assay->reply = reply.parameters;
	if (!is_in_order(assay) || (reply.continues && !assay->takes_more)) {
		err_set(&err, DAEMON_UNREACHABLE,
		    "an answer that is not assayd's: nothing had asked for it");
		return fail_and_disconnect(assay, &err);
	}
	*ret_reply = assay->reply;
	if (reply.continues) {
		start_clock(assay);
		return ASSAY_CONTINUES;
	}
	end_call(assay);
	return ASSAY_DONE;
}

/* If it was no reply to the call, the one to the call may follow. */
static int
take_failure(struct assay *assay, const struct failure *failure)
{
	if (is_in_order(assay))
		end_call(assay);
	else
		disconnect(assay);
	assay->failure = *failure;
	return ASSAY_FAILED;
}

/* Did it come when the whole call was sent? */
static bool
is_in_order(const struct assay *assay)
{
	return !assay->came_early && assay->sent == assay->call_len;
}

static void
start_clock(struct assay *assay)
{
	assay->deadline_ms = transport_now_ms() + assay->timeout_ms;
}

static void
end_call(struct assay *assay)
{
	free(assay->call);
	assay->call = NULL;
	assay->call_len = 0;
	assay->sent = 0;
	assay->is_calling = false;
}

static void
disconnect(struct assay *assay)
{
	end_call(assay);
	if (assay->channel != NULL)
		assay->port->close(assay->channel);
	assay->channel = NULL;
	transport_vchan_unload(assay->module);
	assay->module = NULL;
	inbox_done(&assay->inbox);
}

/* What was given back by the function before. */
static void
forget(struct assay *assay)
{
	free(assay->reply);
	assay->reply = NULL;
	assay->failure = (struct failure){.name = ""};
}

static int
fail(struct assay *assay, const struct err *err)
{
	assay->failure = failure_of_err(err);
	return ASSAY_FAILED;
}

/* A reply that comes later shall not be taken for that of another call. */
static int
fail_and_disconnect(struct assay *assay, const struct err *err)
{
	disconnect(assay);
	free(assay->reply);
	assay->reply = NULL;
	return fail(assay, err);
}
