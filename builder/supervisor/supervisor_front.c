/*
 * The life of fronts. One parses what callers send: it may die, hang or be
 * taken over, and then it is begun again. Builds that run for its callers go
 * on.
 *
 * There is one for all callers of the socket and one for each client domain.
 * What one says is its own callers', whatever numbers it gives them.
 */
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc.h"
#include "builder/ipc_now.h"
#include "builder/ipc_pipe.h"
#include "builder/supervisor/supervisor_state.h"

/* It says that it is alive each second, and an answer is read in no time: only
 * a machine that stands still takes so long. */
enum { SILENT_USEC = 30000000, STUCK_USEC = 10000000 };
enum { FIRST_PAUSE_USEC = 100000, LAST_PAUSE_USEC = 30000000 };
/* One that ran for so long did not die of how it was begun. */
enum { GOOD_RUN_USEC = 60000000 };
/* Some answers: the rest waits in our queue, where it can be counted. */
enum { SOCKET_BYTES = 32768 };

_Static_assert(FRONT_CONNECTION_MAX == (1u << PLACE_SHIFT) - 1, "a number");
_Static_assert(SUPERVISOR_FRONTS <= 1 << (32 - PLACE_SHIFT), "a place");

/* Who takes a call, and from whom. */
struct called {
	struct supervisor *sup;
	struct front_child *front;
};

static void keep(struct supervisor *sup, struct front_child *front);
static uint64_t deadline_of(const struct front_child *front);
static int start(struct supervisor *sup, struct front_child *front,
    const struct front_ring *ring, struct err *err);
static int launch(struct supervisor *sup, int calls, int answers,
    const struct front_ring *ring, pid_t *ret_pid, struct err *err);
static int open_links(int ret_calls[2], int ret_answers[2], struct err *err);
static void bury(struct supervisor *sup, struct front_child *front);
static void forget_callers(struct supervisor *sup,
    const struct front_child *front);
static void forget(const struct callers *gone, uint32_t *connection);
static uint32_t place_of(const struct supervisor *sup,
    const struct front_child *front);
static int take(const struct called *called, const struct front_call *call,
    struct err *err);
static link_take take_build;
static link_take take_selector;
static link_take take_wait;
static link_take take_plain;
static int check_selector(const struct domain_selector *selector,
    struct err *err);

/* It may ask what its callers may ask, at any time and as often as they do. */
#define CALL(member, take)                                   \
	{                                                    \
		LINK_BIT(FRONT_SERVES), LINK_OFTEN, 0, 0, 0, \
		    LINK_BYTES(front_call, member), take     \
	}

static const struct link_rule rules[] = {
    [FRONT_BUILD] = CALL(build, take_build),
    [FRONT_LIST_IMAGES] = CALL(caller, take_plain),
    [FRONT_LIST_DOMAINS] = CALL(caller, take_plain),
    [FRONT_DESTROY] = CALL(selector, take_selector),
    [FRONT_STATUS] = CALL(caller, take_plain),
    [FRONT_ATTEST] = CALL(attest_request, take_plain),
    [FRONT_LOG] = CALL(log_offset, take_plain),
    [FRONT_CANCEL] = CALL(caller, take_plain),
    [FRONT_UNDELIVERED] = CALL(selector, take_selector),
    [FRONT_ALIVE] = CALL(caller, take_plain),
    [FRONT_DESCRIBE] = CALL(selector, take_selector),
    [FRONT_PAUSE] = CALL(selector, take_selector),
    [FRONT_UNPAUSE] = CALL(selector, take_selector),
    [FRONT_SHUTDOWN] = CALL(selector, take_selector),
    [FRONT_WAIT] = CALL(wait, take_wait),
};

const struct link_table supervisor_front_calls = {
    "a call",
    rules,
    countof(rules),
    ipc_pipe_receive_some,
};

int
supervisor_fronts_init(struct supervisor *sup, struct err *err)
{
	for (size_t i = 0; i < SUPERVISOR_FRONTS; i++) {
		sup->fronts[i].calls_fd = -1;
		sup->fronts[i].answers.fd = -1;
	}
	for (size_t i = 0; i < SUPERVISOR_FRONTS; i++)
		TRY(outbox_init(&sup->fronts[i].answers,
		    sizeof(struct front_answer),
		    i == FRONT_OF_SOCKET ? FRONT_ANSWERS : CLIENT_ANSWERS,
		    false, err));
	return 0;
}

void
supervisor_fronts_done(struct supervisor *sup)
{
	for (size_t i = 0; i < SUPERVISOR_FRONTS; i++)
		outbox_done(&sup->fronts[i].answers);
}

void
supervisor_keep_fronts(struct supervisor *sup)
{
	struct front_child *front = &sup->fronts[FRONT_OF_SOCKET];
	uint64_t now = timing_now_usec();
	struct err err;

	for (size_t i = 0; i < SUPERVISOR_FRONTS; i++)
		keep(sup, &sup->fronts[i]);
	if (front->pid != 0 || sup->stop_usec != 0 || now < front->next_usec)
		return;
	if (start(sup, front, NULL, &err) != 0) {
		log_line("failed role=front code=%s detail=\"%s\"",
		    err_name(err.code), log_quote(err.text).text);
		front->next_usec = now + LAST_PAUSE_USEC;
	}
}

static void
keep(struct supervisor *sup, struct front_child *front)
{
	uint64_t now = timing_now_usec();

	if (front->pid == 0)
		return;
	if (!supervisor_can_take_call(sup, front))
		front->heard_usec = now; /* we do not read what it says */
	if (outbox_is_stuck(&front->answers, STUCK_USEC))
		supervisor_lose_front(front, "it reads no answers");
	if (now - front->heard_usec >= SILENT_USEC)
		supervisor_lose_front(front, "it is silent");
	if (front->is_lost)
		bury(sup, front);
}

uint64_t
supervisor_front_deadline(const struct supervisor *sup)
{
	const struct front_child *front = &sup->fronts[FRONT_OF_SOCKET];
	uint64_t first = front->pid == 0 ? front->next_usec : UINT64_MAX;

	if (sup->stop_usec != 0)
		return UINT64_MAX;
	for (size_t i = 0; i < SUPERVISOR_FRONTS; i++) {
		uint64_t next = deadline_of(&sup->fronts[i]);

		first = next < first ? next : first;
	}
	return first;
}

static uint64_t
deadline_of(const struct front_child *front)
{
	uint64_t next = front->heard_usec + SILENT_USEC;

	if (front->pid == 0)
		return UINT64_MAX;
	if (front->answers.full_usec != 0 &&
	    front->answers.full_usec + STUCK_USEC < next)
		next = front->answers.full_usec + STUCK_USEC;
	return next;
}

void
supervisor_serve_front(struct supervisor *sup, struct front_child *front)
{
	struct called called = {sup, front};
	struct err err;

	switch (link_serve(&supervisor_front_calls, front->calls_fd,
	    FRONT_SERVES, &front->place, &called, &err)) {
	case LINK_TAKEN:
		front->heard_usec = timing_now_usec();
		break;
	case LINK_END:
		/* One for a domain ends with its session. */
		if (place_of(sup, front) == FRONT_OF_SOCKET)
			supervisor_lose_front(front, "it died");
		else
			front->is_lost = true;
		break;
	case LINK_UNREADABLE:
		supervisor_lose_front(front, err.text);
		break;
	case LINK_REFUSED:
	case LINK_FAILED:
		supervisor_lose_front(front, "it broke its protocol");
		break;
	}
}

void
supervisor_flush_front(struct front_child *front)
{
	struct err err;

	if (outbox_flush(&front->answers, &err) != 0)
		supervisor_lose_front(front, err.text);
}

/* Each call under way has an answer to come, and a listing has memory. */
bool
supervisor_can_take_call(const struct supervisor *sup,
    const struct front_child *front)
{
	uint32_t place = place_of(sup, front);
	bool is_of_all = place == FRONT_OF_SOCKET;
	uint32_t answers = is_of_all ? FRONT_CALLS : CLIENT_CALLS;
	uint32_t listings = is_of_all ? FRONT_LISTINGS : CLIENT_LISTINGS;

	return outbox_room(&front->answers) >= answers &&
	       front->answers.attached + supervisor_count_looks(sup, place) <
	           listings;
}

void
supervisor_lose_front(struct front_child *front, const char *why)
{
	if (front->pid == 0 || front->is_lost)
		return;
	log_line("lost role=front reason=\"%s\"", log_quote(why).text);
	front->is_lost = true;
}

/* Whoever waits at the socket hears of it at once. */
void
supervisor_stop_fronts(struct supervisor *sup)
{
	closep(&sup->listen_fd);
	for (size_t i = 0; i < SUPERVISOR_FRONTS; i++) {
		if (sup->fronts[i].pid != 0)
			bury(sup, &sup->fronts[i]);
	}
}

bool
callers_has(const struct callers *callers, uint32_t connection)
{
	return connection >= callers->first && connection <= callers->last;
}

/* Number 0 is nobody's. */
struct callers
supervisor_callers_of(const struct supervisor *sup,
    const struct front_child *front)
{
	const uint32_t place = place_of(sup, front) << PLACE_SHIFT;

	return (struct callers){place | 1, place | FRONT_CONNECTION_MAX};
}

void
supervisor_answer(struct supervisor *sup, uint32_t connection, int code,
    const struct err *outcome)
{
	struct front_answer reply = {
	    .kind = ANSWER_OUTCOME,
	    .connection = connection,
	};

	err_wire_from(&reply.outcome, code, outcome);
	supervisor_send(sup, &reply, NULL);
}

void
supervisor_send(struct supervisor *sup, const struct front_answer *reply,
    struct sealed *attached)
{
	const size_t size = front_answer_bytes(reply->kind);
	struct front_answer sent = *reply;
	struct front_child *front =
	    &sup->fronts[reply->connection >> PLACE_SHIFT];
	struct err err;

	bug_unless(
	    size > 0 && reply->connection >> PLACE_SHIFT < SUPERVISOR_FRONTS);
	if (reply->connection == NO_CONNECTION || front->is_lost) {
		sealed_free(attached);
		return;
	}
	sent.connection &= FRONT_CONNECTION_MAX;
	if (outbox_put(&front->answers, &sent, size, attached, &err) != 0)
		supervisor_lose_front(front, err.text);
	else
		supervisor_flush_front(front);
}

int
supervisor_begin_front(struct supervisor *sup, struct front_child *front,
    const struct front_ring *ring, struct err *err)
{
	return start(sup, front, ring, err);
}

void
supervisor_end_front(struct supervisor *sup, struct front_child *front)
{
	if (front->pid != 0)
		bury(sup, front);
}

static int
start(struct supervisor *sup, struct front_child *front,
    const struct front_ring *ring, struct err *err)
{
	int calls[2] = {-1, -1};
	int answers[2] = {-1, -1};
	pid_t pid;
	int code;

	TRY(open_links(calls, answers, err));
	code = launch(sup, calls[1], answers[1], ring, &pid, err);
	close(calls[1]);
	close(answers[1]);
	if (code != 0) {
		close(calls[0]);
		close(answers[0]);
		return code;
	}
	front->pid = pid;
	front->calls_fd = calls[0];
	front->place = (struct link_place){0};
	outbox_attach(&front->answers, answers[0]);
	front->started_usec = timing_now_usec();
	front->heard_usec = front->started_usec;
	return 0;
}

static int
launch(struct supervisor *sup, int calls, int answers,
    const struct front_ring *ring, pid_t *ret_pid, struct err *err)
{
	if (ring != NULL)
		return role_start_front_ring(&sup->env, calls, answers, ring,
		    ret_pid, err);
	return role_start_front(&sup->env, calls, answers, sup->listen_fd,
	    ret_pid, err);
}

/* The front can send nothing through the socket: not even a descriptor. */
static int
open_links(int ret_calls[2], int ret_answers[2], struct err *err)
{
	int bytes = SOCKET_BYTES;

	TRY(ipc_pipe(ret_calls, err));
	if (ipc_pair(ret_answers, err) == 0 &&
	    shutdown(ret_answers[0], SHUT_RD) == 0 &&
	    setsockopt(ret_answers[0], SOL_SOCKET, SO_SNDBUF, &bytes,
		sizeof(bytes)) == 0)
		return 0;
	if (ret_answers[0] >= 0)
		err_set_errno(err, SYSTEM_FAILED, "the front's socket");
	for (int i = 0; i < 2; i++) {
		closep(&ret_calls[i]);
		closep(&ret_answers[i]);
	}
	return (int)err->code;
}

/* It holds no device, so that a kill ends it at once. */
static void
bury(struct supervisor *sup, struct front_child *front)
{
	uint64_t now = timing_now_usec();

	kill(front->pid, SIGKILL);
	waitpid(front->pid, NULL, 0);
	closep(&front->calls_fd);
	closep(&front->answers.fd);
	outbox_attach(&front->answers, -1);
	front->pid = 0;
	front->is_lost = false;
	if (now - front->started_usec >= GOOD_RUN_USEC)
		front->pause_usec = 0;
	front->next_usec = now + front->pause_usec;
	front->pause_usec =
	    front->pause_usec == 0 ? FIRST_PAUSE_USEC : front->pause_usec * 2;
	if (front->pause_usec > LAST_PAUSE_USEC)
		front->pause_usec = LAST_PAUSE_USEC;
	forget_callers(sup, front);
}

/* The next front gives their numbers to others. */
static void
forget_callers(struct supervisor *sup, const struct front_child *front)
{
	const struct callers gone = supervisor_callers_of(sup, front);

	supervisor_cancel_looks(sup, &gone);
	supervisor_cancel_shutdowns(sup, &gone);
	supervisor_cancel_waits(sup, &gone);
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++)
		forget(&gone, &sup->jobs[i].connection);
	for (size_t i = 0; i < SUPERVISOR_EVIDENCE; i++)
		forget(&gone, &sup->evidence[i].connection);
	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++)
		forget(&gone, &sup->removals[i].connection);
}

static void
forget(const struct callers *gone, uint32_t *connection)
{
	if (callers_has(gone, *connection))
		*connection = NO_CONNECTION;
}

static uint32_t
place_of(const struct supervisor *sup, const struct front_child *front)
{
	return (uint32_t)(front - sup->fronts);
}

/* --- what a call has to get right, whatever is asked ------------------ */

static int
take_build(void *called, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	const struct front_call *call = record;

	(void)fds;
	if (!ipc_is_bool(&call->build.has_manifest) ||
	    !ipc_is_bool(&call->build.is_paused))
		return err_set(err, BUG, "a build with no bool");
	if (!life_is_legal(&call->build.life))
		return err_set(err, BUG, "a build with no such action");
	return take(called, call, err);
}

static int
take_selector(void *called, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	const struct front_call *call = record;

	(void)fds;
	TRY(check_selector(&call->selector, err));
	return take(called, call, err);
}

static int
take_wait(void *called, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	const struct front_call *call = record;

	(void)fds;
	TRY(check_selector(&call->wait.selector, err));
	if (call->wait.until > WAIT_SHUTDOWN ||
	    call->wait.seconds > LIMIT_WAIT_SECONDS)
		return err_set(err, BUG, "a wait for nothing");
	return take(called, call, err);
}

static int
check_selector(const struct domain_selector *selector, struct err *err)
{
	if (!ipc_is_bool(&selector->has_uuid) ||
	    memchr(selector->name, '\0', sizeof(selector->name)) == NULL)
		return err_set(err, BUG, "a domain by nothing");
	return 0;
}

static int
take_plain(void *called, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	(void)fds;
	return take(called, record, err);
}

/* Whose call it is says the front's place, and not the front. */
static int
take(const struct called *called, const struct front_call *asked,
    struct err *err)
{
	struct front_call call = *asked;
	const bool is_of_domain =
	    place_of(called->sup, called->front) != FRONT_OF_SOCKET;
	/* The front of a domain asks once, before it ends. */
	const bool is_asked = is_of_domain && call.kind == FRONT_ALIVE &&
	                      call.connection != NO_CONNECTION;
	const bool is_news = call.kind == FRONT_UNDELIVERED ||
	                     (call.kind == FRONT_ALIVE && !is_asked);

	/* No front's end would end what nobody asked for. */
	if ((call.connection == NO_CONNECTION) != is_news)
		return err_set(err, BUG,
		    "a call of nobody, or news of a caller");
	if (call.connection > FRONT_CONNECTION_MAX)
		return err_set(err, BUG, "a caller with a number of another");
	if (is_of_domain)
		call.caller = *supervisor_client_of(called->sup,
		    place_of(called->sup, called->front));
	else if (call.caller.kind != CALLER_USER &&
		 call.caller.kind != CALLER_UNKNOWN)
		return err_set(err, BUG, "a caller at the socket that is none");
	if (!is_news)
		call.connection |= place_of(called->sup, called->front)
		                   << PLACE_SHIFT;
	supervisor_take_call(called->sup, &call);
	return 0;
}
