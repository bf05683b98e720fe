/*
 * Domains that may call. Each has a channel, which the channel role offers, and
 * a front of its own for each session on it. Who the caller is stands here, and
 * nowhere else: by which domain the channel was made for.
 *
 * When the domain is gone its channel is taken away before anything else can
 * have its id: what is left of it is a page and a port that Xen would give to
 * the next domain of that id.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc_now.h"
#include "builder/supervisor/channel_devices.h"
#include "builder/supervisor/supervisor_state.h"

/* Of each domain: so many sessions at once, and then one each second. After a
 * failure it takes longer. */
enum { SESSIONS = 20, SESSION_USEC = 1000000, AGAIN_USEC = 10000000 };
/* The role answers in milliseconds, and removes what it wrote before it ends.
 */
enum { ANSWER_USEC = 10000000, LEAVE_MS = 1000 };

static void begin_client(struct supervisor *sup, const struct caller *caller);
static struct caller caller_of(const struct receipt *receipt);
static bool lives(const struct supervisor *sup, const struct caller *caller);
static bool may_live(const struct supervisor *sup,
    const struct domain_row *row);
static bool has_heir(const struct supervisor *sup,
    const struct domain_row *row);
static void end_client(struct supervisor *sup, struct client *client);
static void keep(struct supervisor *sup, struct client *client);
static void end_session(struct supervisor *sup, struct client *client);
static void offer(struct supervisor *sup, struct client *client);
static int begin_role(struct supervisor *sup, struct err *err);
static void ask(struct supervisor *sup, enum channel_call_kind kind,
    uint32_t domid, const int *devices);
static int send_call(struct supervisor *sup, const struct channel_call *call,
    const int *devices, struct err *err);
static void lose_role(struct supervisor *sup, const char *why);
static link_take take_offered;
static link_take take_done;
static link_take take_refused;
static int take_first(struct supervisor *sup,
    const struct channel_answer *answer, struct channel_call *ret_call,
    struct err *err);
static void put_off(struct client *client, const struct err *why);
static struct client *find(struct supervisor *sup, uint32_t domid);
static struct front_child *front_of(struct supervisor *sup,
    const struct client *client);
static void close_devices(struct client *client);

#define ANSWER(member, take)                                   \
	{                                                      \
		LINK_BIT(CHANNEL_SERVES), LINK_OFTEN, 0, 0, 0, \
		    LINK_BYTES(channel_answer, member), take   \
	}

static const struct link_rule rules[] = {
    [CHANNEL_OFFERED] = ANSWER(offer, take_offered),
    [CHANNEL_DONE] = ANSWER(domid, take_done),
    [CHANNEL_REFUSED] = ANSWER(outcome, take_refused),
};

const struct link_table supervisor_channel_answers = {
    "an answer",
    rules,
    countof(rules),
    false,
};

static const struct client no_client = {.devices = {-1, -1}};

void
supervisor_clients_init(struct supervisor *sup)
{
	sup->channels = (struct channels){
	    .child = CHILD_NONE,
	    .full = {.burst = 1, .usec = AGAIN_USEC},
	};
	for (size_t i = 0; i < LIMIT_CLIENTS; i++)
		sup->clients[i] = no_client;
}

void
supervisor_check_clients(struct supervisor *sup)
{
	for (size_t i = 0; i < LIMIT_CLIENTS; i++) {
		struct client *client = &sup->clients[i];

		if (client->step != CLIENT_NONE && !lives(sup, &client->caller))
			end_client(sup, client);
	}
	for (uint32_t i = 0; i < sup->domains.count && sup->stop_usec == 0;
	     i++) {
		const struct domain_row *row = &sup->domains.rows[i];
		const struct caller caller = caller_of(&row->receipt);

		if (caller_rule_find(sup->config, &caller, NULL) != NULL &&
		    may_live(sup, row) &&
		    find(sup, caller.domain.domid) == NULL)
			begin_client(sup, &caller);
	}
}

void
supervisor_end_client(struct supervisor *sup, uint32_t domid)
{
	struct client *client = find(sup, domid);

	if (domid == 0 || client == NULL)
		return;
	end_client(sup, client);
	supervisor_want_look(sup);
}

bool
supervisor_client_is_ending(const struct supervisor *sup, uint32_t domid)
{
	const struct channels *channels = &sup->channels;

	for (uint32_t i = 0; i < channels->asked_count; i++) {
		if (channels
			->asked[(channels->asked_first + i) %
				countof(channels->asked)]
			.domid == domid)
			return true;
	}
	return false;
}

void
supervisor_keep_clients(struct supervisor *sup)
{
	struct channels *channels = &sup->channels;

	if (channels->deadline_usec != 0 &&
	    timing_now_usec() >= channels->deadline_usec)
		lose_role(sup, "it is silent");
	for (size_t i = 0; i < LIMIT_CLIENTS && sup->stop_usec == 0; i++)
		keep(sup, &sup->clients[i]);
}

uint64_t
supervisor_client_deadline(const struct supervisor *sup)
{
	uint64_t next = UINT64_MAX;

	if (sup->stop_usec != 0)
		return next;
	if (sup->channels.deadline_usec != 0)
		next = sup->channels.deadline_usec;
	for (size_t i = 0; i < LIMIT_CLIENTS; i++) {
		const struct client *client = &sup->clients[i];

		if (client->step == CLIENT_WAITS && client->due_usec < next)
			next = client->due_usec;
	}
	return next;
}

const struct caller *
supervisor_client_of(const struct supervisor *sup, uint32_t place)
{
	return &sup->clients[place - FRONT_OF_CLIENTS].caller;
}

void
supervisor_serve_channels(struct supervisor *sup)
{
	struct channels *channels = &sup->channels;
	struct err err;

	switch (link_serve(&supervisor_channel_answers, channels->child.link,
	    CHANNEL_SERVES, &channels->place, sup, &err)) {
	case LINK_TAKEN:
		break;
	case LINK_END:
		lose_role(sup, "it died");
		break;
	case LINK_UNREADABLE:
	case LINK_REFUSED:
	case LINK_FAILED:
		lose_role(sup, err.text);
		break;
	}
}

/* Fronts have been stopped. */
void
supervisor_drop_clients(struct supervisor *sup)
{
	struct child *child = &sup->channels.child;
	struct pollfd end = {.fd = child->pidfd, .events = POLLIN};

	for (size_t i = 0; i < LIMIT_CLIENTS; i++) {
		close_devices(&sup->clients[i]);
		sup->clients[i] = no_client;
	}
	if (child->pid == 0)
		return;
	child_close_link(child);
	(void)poll(&end, 1, LEAVE_MS);
	graves_add(&sup->graves, child);
	sup->channels.asked_count = 0;
	sup->channels.deadline_usec = 0;
}

static void
begin_client(struct supervisor *sup, const struct caller *caller)
{
	struct client *client = find(sup, 0);
	uint64_t missed;

	if (client != NULL) {
		*client = no_client;
		client->step = CLIENT_WAITS;
		client->caller = *caller;
		log_line("began client domid=%u image=%s", caller->domain.domid,
		    caller->domain.image);
	} else if (log_limit_allows(&sup->channels.full, timing_now_usec(),
		       &missed)) {
		log_line("refused client domid=%u code=RPC_BUSY missed=%llu "
			 "detail=\"%d domains have channels\"",
		    caller->domain.domid, (unsigned long long)missed,
		    LIMIT_CLIENTS);
	}
}

/* As the receipt has it, which assayd wrote. */
static struct caller
caller_of(const struct receipt *receipt)
{
	struct caller caller = {
	    .kind = CALLER_DOMAIN,
	    .domain =
		{
		    .domid = receipt->domid,
		    .envelope = receipt->image.envelope,
		},
	};

	memcpy(caller.domain.uuid, receipt->guest.uuid, UUID_BYTES);
	snprintf(caller.domain.image, sizeof(caller.domain.image), "%s",
	    receipt->image.name);
	snprintf(caller.domain.role, sizeof(caller.domain.role), "%s",
	    receipt->image.role);
	return caller;
}

/* By id and uuid: an id is used again. */
static bool
lives(const struct supervisor *sup, const struct caller *caller)
{
	for (uint32_t i = 0; i < sup->domains.count; i++) {
		const struct domain_row *row = &sup->domains.rows[i];
		const struct caller other = caller_of(&row->receipt);

		if (caller_is(caller, &other))
			return may_live(sup, row);
	}
	return false;
}

/* One that has to go gets no channel, and keeps none. */
static bool
may_live(const struct supervisor *sup, const struct domain_row *row)
{
	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		const struct removal *removal = &sup->removals[i];

		if (removal->step != REMOVAL_NONE &&
		    memcmp(removal->entry.uuid, row->receipt.guest.uuid,
			UUID_BYTES) == 0)
			return false;
	}
	return !row->is_dying && !has_heir(sup, row);
}

/* Another domain with its id: one of them is gone, and a look tells which. */
static bool
has_heir(const struct supervisor *sup, const struct domain_row *row)
{
	const uint32_t domid = row->receipt.domid;

	for (uint32_t i = 0; i < sup->domains.count; i++) {
		const struct domain_row *other = &sup->domains.rows[i];

		if (other != row && other->receipt.domid == domid)
			return true;
	}
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		const struct job *job = &sup->jobs[i];

		if (job->state == JOB_RUNNING && job->task.kind == TASK_BUILD &&
		    job->domid == domid)
			return true;
	}
	return false;
}

/* Its front first: when that has ended nothing of ours has the page or the port
 * any more. What it had begun is undone. */
static void
end_client(struct supervisor *sup, struct client *client)
{
	struct front_child *front = front_of(sup, client);
	const struct callers callers = supervisor_callers_of(sup, front);
	const uint32_t domid = client->caller.domain.domid;

	log_line("ended client domid=%u", domid);
	supervisor_cancel_callers(sup, &callers);
	supervisor_end_front(sup, front);
	close_devices(client);
	*client = no_client;
	ask(sup, CHANNEL_FORGET, domid, NULL);
}

static void
keep(struct supervisor *sup, struct client *client)
{
	if (client->step == CLIENT_SERVED && front_of(sup, client)->pid == 0)
		end_session(sup, client);
	if (client->step == CLIENT_WAITS &&
	    client->due_usec <= timing_now_usec())
		offer(sup, client);
}

/* The ring was for one session: whoever was in the middle of a message begins
 * at the beginning of another ring. */
static void
end_session(struct supervisor *sup, struct client *client)
{
	const uint64_t most = (uint64_t)SESSIONS * SESSION_USEC;
	uint64_t now = timing_now_usec();

	if (client->sessions_until_usec < now)
		client->sessions_until_usec = now;
	client->sessions_until_usec += SESSION_USEC;
	client->step = CLIENT_WAITS;
	client->due_usec = client->sessions_until_usec > now + most
	                       ? client->sessions_until_usec - most
	                       : now;
	ask(sup, CHANNEL_WITHDRAW, client->caller.domain.domid, NULL);
}

static void
offer(struct supervisor *sup, struct client *client)
{
	struct err err;

	if ((sup->channels.child.pid == 0 && begin_role(sup, &err) != 0) ||
	    channel_devices_open(client->devices, &err) != 0) {
		put_off(client, &err);
		return;
	}
	client->step = CLIENT_ASKED;
	ask(sup, CHANNEL_OFFER, client->caller.domain.domid, client->devices);
}

static int
begin_role(struct supervisor *sup, struct err *err)
{
	struct channels *channels = &sup->channels;

	/* Those that hang end when they can. */
	if (!graves_have_room(&sup->graves, SUPERVISOR_JOBS))
		return err_set(err, XENSTORE_FAILED,
		    "too many processes that asked xenstored have not ended");
	TRY(role_start_channel(&sup->env, &channels->child, err));
	channels->place = (struct link_place){0};
	if (!channels->is_cleared)
		ask(sup, CHANNEL_CLEAR, 0, NULL);
	channels->is_cleared = true;
	return 0;
}

/* What cannot be asked is lost with the role. */
static void
ask(struct supervisor *sup, enum channel_call_kind kind, uint32_t domid,
    const int *devices)
{
	struct channels *channels = &sup->channels;
	const struct channel_call call = {.kind = kind, .domid = domid};
	struct err err;

	if (channels->child.pid == 0)
		return; /* a new one knows of nothing */
	if (send_call(sup, &call, devices, &err) != 0) {
		lose_role(sup, err.text);
		return;
	}
	channels->asked[(channels->asked_first + channels->asked_count++) %
			countof(channels->asked)] = call;
	if (channels->asked_count == 1)
		channels->deadline_usec = timing_now_usec() + ANSWER_USEC;
}

static int
send_call(struct supervisor *sup, const struct channel_call *call,
    const int *devices, struct err *err)
{
	const struct channels *channels = &sup->channels;
	bool is_full = channels->asked_count == countof(channels->asked);

	if (!is_full)
		TRY(ipc_send_fds_now(channels->child.link, call, sizeof(*call),
		    devices, devices == NULL ? 0 : CHANNEL_FDS, &is_full, err));
	return is_full ? err_set(err, SYSTEM_FAILED, "it takes no calls") : 0;
}

/*
 * xenstored may have ended, and nodes with it: all that was offered is offered
 * again. What clients have begun goes on without them. Which old rings they
 * hold the next role does not know.
 */
static void
lose_role(struct supervisor *sup, const char *why)
{
	struct channels *channels = &sup->channels;
	struct err err;

	log_line("lost role=channel reason=\"%s\"", log_quote(why).text);
	graves_add(&sup->graves, &channels->child);
	channels->asked_count = 0;
	channels->deadline_usec = 0;
	err_set(&err, SYSTEM_FAILED, "the channel role is begun again");
	for (size_t i = 0; i < LIMIT_CLIENTS; i++) {
		struct client *client = &sup->clients[i];

		if (client->step != CLIENT_ASKED &&
		    client->step != CLIENT_SERVED)
			continue;
		supervisor_end_front(sup, front_of(sup, client));
		put_off(client, &err);
	}
}

static int
take_offered(void *supervisor, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct supervisor *sup = supervisor;
	const struct channel_answer *answer = record;
	struct front_ring ring = {.offer = answer->offer};
	struct channel_call call;
	struct client *client;
	struct err why;

	(void)fds;
	TRY(take_first(sup, answer, &call, err));
	if (call.kind != CHANNEL_OFFER || answer->offer.domid != call.domid)
		return err_set(err, BUG, "a channel that nobody asked for");
	client = find(sup, call.domid);
	if (client == NULL || client->step != CLIENT_ASKED ||
	    supervisor_client_is_ending(sup, call.domid))
		return 0; /* it is gone, and that is forgotten next */
	memcpy(ring.devices, client->devices, sizeof(ring.devices));
	if (supervisor_begin_front(sup, front_of(sup, client), &ring, &why) !=
	    0) {
		put_off(client, &why);
		ask(sup, CHANNEL_WITHDRAW, call.domid, NULL);
		return 0;
	}
	client->step = CLIENT_SERVED;
	close_devices(client);
	return 0;
}

static int
take_done(void *supervisor, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct channel_call call;

	(void)fds;
	TRY(take_first(supervisor, record, &call, err));
	return call.kind == CHANNEL_OFFER
	           ? err_set(err, BUG, "an offer without a ring")
	           : 0;
}

static int
take_refused(void *supervisor, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct supervisor *sup = supervisor;
	const struct channel_answer *answer = record;
	struct channel_call call;
	struct client *client;
	struct err why;

	(void)fds;
	TRY(take_first(sup, answer, &call, err));
	if (err_wire_to(&answer->outcome, XEN_FAILED, &why) == 0)
		return err_set(err, BUG, "a refusal without a reason");
	client = find(sup, call.domid);
	if (call.kind == CHANNEL_OFFER && client != NULL &&
	    client->step == CLIENT_ASKED)
		put_off(client, &why);
	else
		log_line("failed role=channel code=%s detail=\"%s\"",
		    err_name(why.code), log_quote(why.text).text);
	return 0;
}

/* It answers what was asked, in that order. */
static int
take_first(struct supervisor *sup, const struct channel_answer *answer,
    struct channel_call *ret_call, struct err *err)
{
	struct channels *channels = &sup->channels;

	*ret_call = channels->asked[channels->asked_first];
	if (channels->asked_count == 0 || ret_call->domid != answer->domid)
		return err_set(err, BUG, "an answer to nothing");
	channels->asked_first =
	    (channels->asked_first + 1) % countof(channels->asked);
	channels->asked_count--;
	channels->deadline_usec =
	    channels->asked_count > 0 ? timing_now_usec() + ANSWER_USEC : 0;
	return 0;
}

static void
put_off(struct client *client, const struct err *why)
{
	log_line("failed client domid=%u code=%s detail=\"%s\"",
	    client->caller.domain.domid, err_name(why->code),
	    log_quote(why->text).text);
	close_devices(client);
	client->step = CLIENT_WAITS;
	client->due_usec = timing_now_usec() + AGAIN_USEC;
}

/* 0: a place that is free. */
static struct client *
find(struct supervisor *sup, uint32_t domid)
{
	for (size_t i = 0; i < LIMIT_CLIENTS; i++) {
		if (sup->clients[i].caller.domain.domid == domid)
			return &sup->clients[i];
	}
	return NULL;
}

static struct front_child *
front_of(struct supervisor *sup, const struct client *client)
{
	return &sup->fronts[FRONT_OF_CLIENTS + (client - sup->clients)];
}

static void
close_devices(struct client *client)
{
	for (int i = 0; i < CHANNEL_FDS; i++)
		closep(&client->devices[i]);
}
