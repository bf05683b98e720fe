/*
 * Hearing that domains came, went or shut down, through a child that listens to
 * xenstored. It says that something changed; what there is now a look tells.
 *
 * xenstored may end, hang, or be begun again: the child is ended and begun
 * again too, and its first words have Xen looked at, so that nothing that
 * happened meanwhile is missed.
 */
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/ipc_now.h"
#include "builder/supervisor/supervisor_state.h"
#include "builder/watch_link.h"

/* xenstored answers in milliseconds; a child that waits longer is ended. */
enum { ANSWER_USEC = 10000000 };
enum { FIRST_PAUSE_USEC = 100000, LAST_PAUSE_USEC = 5000000 };

static int begin_watch(struct supervisor *sup, struct err *err);
static link_take take_changed;
static link_take take_asked;
static struct shutdown_call *find_asked(struct watch *watch, bool is_used,
    uint32_t number);
static void set_deadline(struct watch *watch);
static void lose_watcher(struct supervisor *sup, const char *why);

static const struct link_rule rules[] = {
    [WATCH_CHANGED] = {LINK_BIT(WATCH_BEGINS) | LINK_BIT(WATCH_WATCHES),
	LINK_OFTEN, 0, 0, 0, LINK_KIND_BYTES, take_changed},
    [WATCH_ASKED] = {LINK_BIT(WATCH_WATCHES), LINK_OFTEN, 0, 0, 0,
	sizeof(struct watch_report), take_asked},
};

const struct link_table supervisor_watch_reports = {
    "a report",
    rules,
    countof(rules),
    NULL,
};

void
supervisor_note_change(struct supervisor *sup)
{
	sup->has_changed = true;
}

void
supervisor_heed_change(struct supervisor *sup)
{
	if (!sup->has_changed)
		return;
	sup->has_changed = false;
	supervisor_check_clients(sup);
	supervisor_serve_waiters(sup);
	supervisor_reap(sup);
}

void
supervisor_keep_watch(struct supervisor *sup)
{
	struct watch *watch = &sup->watch;
	uint64_t now = timing_now_usec();
	struct err err;

	if (watch->child.pid != 0 && watch->deadline_usec != 0 &&
	    now >= watch->deadline_usec)
		lose_watcher(sup, "xenstored is silent");
	if (watch->child.pid != 0 || sup->stop_usec != 0 ||
	    now < watch->next_usec)
		return;
	if (begin_watch(sup, &err) == 0)
		return;
	log_line("failed role=watch code=%s detail=\"%s\"", err_name(err.code),
	    log_quote(err.text).text);
	watch->next_usec = now + LAST_PAUSE_USEC;
}

uint64_t
supervisor_watch_deadline(const struct supervisor *sup)
{
	const struct watch *watch = &sup->watch;

	if (sup->stop_usec != 0)
		return UINT64_MAX;
	if (watch->child.pid == 0)
		return watch->next_usec;
	return watch->deadline_usec != 0 ? watch->deadline_usec : UINT64_MAX;
}

void
supervisor_serve_watch(struct supervisor *sup)
{
	struct watch *watch = &sup->watch;
	const uint32_t state =
	    watch->is_watching ? WATCH_WATCHES : WATCH_BEGINS;
	struct err err;

	switch (link_serve(&supervisor_watch_reports, watch->child.link, state,
	    &watch->place, sup, &err)) {
	case LINK_TAKEN:
		break;
	case LINK_END:
		lose_watcher(sup, "it died");
		break;
	case LINK_UNREADABLE:
	case LINK_REFUSED:
	case LINK_FAILED:
		lose_watcher(sup, err.text);
		break;
	}
}

int
supervisor_ask_shutdown(struct supervisor *sup, uint32_t connection,
    const struct receipt *receipt, struct err *err)
{
	struct watch *watch = &sup->watch;
	struct watch_call call = {
	    .kind = WATCH_ASK_SHUTDOWN,
	    .number = watch->number + 1,
	    .domid = receipt->domid,
	};
	struct shutdown_call *asked = find_asked(watch, false, 0);
	bool is_full = false;

	if (asked == NULL)
		return err_set(err, RPC_BUSY, "%d guests are being asked",
		    SHUTDOWN_CALLS);
	if (!watch->is_watching)
		return err_set(err, XENSTORE_FAILED,
		    "there is no connection to xenstored");
	memcpy(call.uuid, receipt->guest.uuid, UUID_BYTES);
	TRY(ipc_send_now(watch->child.link, &call, sizeof(call), NULL, &is_full,
	    err));
	if (is_full)
		return err_set(err, RPC_BUSY, "the watch role is busy");
	watch->number = call.number;
	*asked = (struct shutdown_call){true, call.number, connection};
	set_deadline(watch);
	return 0;
}

void
supervisor_cancel_shutdowns(struct supervisor *sup, const struct callers *gone)
{
	for (size_t i = 0; i < SHUTDOWN_CALLS; i++) {
		struct shutdown_call *asked = &sup->watch.asked[i];

		if (callers_has(gone, asked->connection))
			asked->connection = NO_CONNECTION;
	}
}

void
supervisor_drop_watch(struct supervisor *sup)
{
	graves_add(&sup->graves, &sup->watch.child);
	sup->watch = (struct watch){.child = CHILD_NONE};
}

static int
begin_watch(struct supervisor *sup, struct err *err)
{
	struct watch *watch = &sup->watch;

	/* Those that hang end when they can. */
	if (!graves_have_room(&sup->graves, SUPERVISOR_JOBS))
		return err_set(err, XENSTORE_FAILED,
		    "too many processes that asked xenstored have not ended");
	TRY(role_start_watch(&sup->env, &watch->child, err));
	watch->place = (struct link_place){0};
	watch->deadline_usec = timing_now_usec() + ANSWER_USEC;
	return 0;
}

static int
take_changed(void *supervisor, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct supervisor *sup = supervisor;
	struct watch *watch = &sup->watch;

	(void)record;
	(void)fds;
	(void)err;
	if (!watch->is_watching) {
		watch->is_watching = true;
		watch->pause_usec = 0;
		set_deadline(watch);
	}
	supervisor_want_look(sup);
	return 0;
}

static int
take_asked(void *supervisor, const void *record, struct ipc_fds *fds,
    struct err *err)
{
	struct supervisor *sup = supervisor;
	struct watch *watch = &sup->watch;
	const struct watch_report *report = record;
	struct shutdown_call *asked = find_asked(watch, true, report->number);
	struct err outcome;
	int code;

	(void)fds;
	if (asked == NULL)
		return err_set(err, BUG, "the answer to another call");
	code = err_wire_to(&report->outcome, XENSTORE_FAILED, &outcome);
	asked->is_used = false;
	set_deadline(watch);
	supervisor_answer(sup, asked->connection, code, &outcome);
	return 0;
}

/* The one of this number; or one that is free. */
static struct shutdown_call *
find_asked(struct watch *watch, bool is_used, uint32_t number)
{
	for (size_t i = 0; i < SHUTDOWN_CALLS; i++) {
		struct shutdown_call *asked = &watch->asked[i];

		if (asked->is_used == is_used &&
		    (!is_used || asked->number == number))
			return asked;
	}
	return NULL;
}

/* Each answer gives the next one its time. */
static void
set_deadline(struct watch *watch)
{
	watch->deadline_usec = 0;
	for (size_t i = 0; i < SHUTDOWN_CALLS; i++) {
		if (watch->asked[i].is_used)
			watch->deadline_usec = timing_now_usec() + ANSWER_USEC;
	}
}

/* Whoever waits for it hears so. One that never came up has said why. */
static void
lose_watcher(struct supervisor *sup, const char *why)
{
	struct watch lost = sup->watch;
	struct err err;
	uint64_t missed;

	if (lost.is_watching &&
	    log_limit_allows(&sup->lost_looks, timing_now_usec(), &missed))
		log_line("lost role=watch missed=%llu detail=\"%s\"",
		    (unsigned long long)missed, log_quote(why).text);
	lost.pause_usec =
	    lost.pause_usec == 0 ? FIRST_PAUSE_USEC : lost.pause_usec * 2;
	if (lost.pause_usec > LAST_PAUSE_USEC)
		lost.pause_usec = LAST_PAUSE_USEC;
	graves_add(&sup->graves, &sup->watch.child);
	sup->watch = (struct watch){
	    .child = CHILD_NONE,
	    .number = lost.number,
	    .pause_usec = lost.pause_usec,
	    .next_usec = timing_now_usec() + lost.pause_usec,
	};
	err_set(&err, XENSTORE_FAILED,
	    "the process that asks xenstored was lost: it may have asked");
	for (size_t i = 0; i < SHUTDOWN_CALLS; i++) {
		if (lost.asked[i].is_used)
			supervisor_answer(sup, lost.asked[i].connection,
			    (int)err.code, &err);
	}
}
