/*
 * Guests that shut down: what their request says is done with them, and those
 * that are built again.
 *
 * A restart is a build like any other: decided, measured and put on record
 * anew, for the caller who asked first. It is in the journal before the domain
 * that ended is removed, so that it is made whatever becomes of this daemon;
 * and it is made when that one is gone, and on record as gone.
 *
 * A guest decides when and how it ends. One that ends soon after it began waits
 * longer and longer for the next time, and then is not built again: each build
 * takes room in the event log that nobody gives back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/err_meaning.h"
#include "base/log.h"
#include "base/scope.h"
#include "builder/supervisor/supervisor_state.h"

/* Who lives for so long has worked. */
enum { GOOD_LIFE_USEC = 60000000 };
/* In a row: the pauses before them are 1, 2, 4, .. 64 seconds. */
enum { QUICK_RESTARTS = 8, PAUSE_USEC = 1000000, DOUBLINGS = 6 };
/* Who was built again so often is so no more often than that: one guest shall
 * not fill the log in days. */
enum { FREE_RESTARTS = 16, SPACE_USEC = 600000000 };
/* A restart that failed for what may pass is tried so often. */
enum { TRIES = 8 };
/* What there was no room for. */
enum { AGAIN_USEC = 1000000 };

static int reap(struct supervisor *sup, const struct domain_row *row,
    struct err *err);
static int plan(struct supervisor *sup, const struct domain_row *row,
    enum domain_end end, struct restart **ret_restart, struct err *err);
static uint64_t due_usec(const struct lineage *lineage, uint64_t now);
static uint64_t pause_usec(uint32_t times);
static void begin(struct supervisor *sup, struct restart *restart);
static void end_try(struct supervisor *sup, struct restart *restart,
    const struct err *why);
static void refuse(const struct built *built, const struct err *why);
static void forget(const struct supervisor *sup, struct restart *restart);
static bool is_stale(struct supervisor *sup, const struct built *built);
static bool is_being_removed(const struct supervisor *sup,
    const uint8_t uuid[UUID_BYTES]);
static struct job *find_build(struct supervisor *sup,
    const struct restart *restart);

int
supervisor_load_restarts(struct supervisor *sup, struct err *err)
{
	CLEANUP(freep)
	struct built *built = calloc(LIMIT_DOMAINS, sizeof(*built));
	uint32_t count = 0;

	if (built == NULL)
		return err_set(err, NO_MEMORY, "restarts");
	TRY(journal_read_again(sup->journal, built, LIMIT_DOMAINS, &count,
	    err));
	for (uint32_t i = 0; i < count; i++) {
		struct restart restart = {RESTART_REMOVING, built[i], 0, 0};
		struct restart *place = NULL;

		for (size_t at = 0; at < RESTARTS && place == NULL; at++) {
			if (sup->restarts[at].step == RESTART_NONE)
				place = &sup->restarts[at];
		}
		if (place == NULL || is_stale(sup, &built[i]))
			forget(sup, &restart);
		else
			*place = restart;
	}
	return 0;
}

/* It was built again already, or it was not removed yet and is looked at once
 * more. */
static bool
is_stale(struct supervisor *sup, const struct built *built)
{
	const uint8_t *uuid = built->receipt.guest.uuid;

	return domain_table_has_uuid(&sup->domains, uuid) &&
	       !is_being_removed(sup, uuid);
}

void
supervisor_reap(struct supervisor *sup)
{
	struct err err;

	sup->reap_usec = 0;
	if (sup->stop_usec != 0)
		return;
	for (uint32_t i = 0; i < sup->domains.count; i++) {
		const struct domain_row *row = &sup->domains.rows[i];

		if (!row->is_shutdown || row->is_dying ||
		    supervisor_find_removal(sup, row->receipt.guest.uuid) !=
			NULL)
			continue;
		if (reap(sup, row, &err) != 0)
			sup->reap_usec = timing_now_usec() + AGAIN_USEC;
	}
}

static int
reap(struct supervisor *sup, const struct domain_row *row, struct err *err)
{
	const enum domain_end end = domain_end_of(row->shutdown_reason);
	const enum life_action action =
	    (enum life_action)domain_table_lineage(&sup->domains, row)
		->request.life.on[end];
	struct restart *restart = NULL;

	if (action == LIFE_PRESERVE)
		return 0;
	if (action == LIFE_RESTART)
		TRY(plan(sup, row, end, &restart, err));
	if (supervisor_remove_domain(sup, &row->receipt, NO_CONNECTION,
		&row->receipt.caller, err) != 0) {
		if (restart != NULL)
			forget(sup, restart);
		return (int)err->code;
	}
	log_line("reaped domid=%u name=%s end=%s action=%s", row->receipt.domid,
	    row->receipt.guest.name, domain_end_name(end),
	    life_action_name(action));
	return 0;
}

/* *ret_restart is NULL if it ended too soon too often. */
static int
plan(struct supervisor *sup, const struct domain_row *row, enum domain_end end,
    struct restart **ret_restart, struct err *err)
{
	const uint64_t now = timing_now_usec();
	struct restart restart = {
	    .step = RESTART_REMOVING,
	    .built = {row->receipt, *domain_table_lineage(&sup->domains, row)},
	};
	struct lineage *lineage = &restart.built.lineage;
	struct err why;

	lineage->quick =
	    now - lineage->born_usec < GOOD_LIFE_USEC ? lineage->quick + 1 : 0;
	lineage->restarts++;
	lineage->after = (struct event_after){row->receipt.domid, end};
	restart.due_usec = due_usec(lineage, now);
	if (lineage->quick > QUICK_RESTARTS) {
		err_set(&why, RESTART_LOOP,
		    "d%u: it ended within %u seconds %u times in a row",
		    row->receipt.domid, GOOD_LIFE_USEC / 1000000,
		    lineage->quick);
		refuse(&restart.built, &why);
		return 0;
	}
	for (size_t i = 0; i < RESTARTS; i++) {
		if (sup->restarts[i].step != RESTART_NONE)
			continue;
		TRY(journal_keep_again(sup->journal, &restart.built, err));
		sup->restarts[i] = restart;
		*ret_restart = &sup->restarts[i];
		return 0;
	}
	return err_set(err, RPC_BUSY, "%d domains are built again", RESTARTS);
}

static uint64_t
due_usec(const struct lineage *lineage, uint64_t now)
{
	uint64_t due = now + pause_usec(lineage->quick);
	uint64_t spaced = lineage->born_usec + SPACE_USEC;

	return lineage->restarts > FREE_RESTARTS && spaced > due ? spaced : due;
}

/* The first time there is none. */
static uint64_t
pause_usec(uint32_t times)
{
	uint32_t doublings = times - 1 < DOUBLINGS ? times - 1 : DOUBLINGS;

	return times == 0 ? 0 : (uint64_t)PAUSE_USEC << doublings;
}

void
supervisor_run_restarts(struct supervisor *sup)
{
	const uint64_t now = timing_now_usec();

	if (sup->reap_usec != 0 && now >= sup->reap_usec)
		supervisor_reap(sup);
	for (size_t i = 0; i < RESTARTS && sup->stop_usec == 0; i++) {
		struct restart *restart = &sup->restarts[i];

		if ((restart->step != RESTART_REMOVING &&
			restart->step != RESTART_WAITING) ||
		    is_being_removed(sup, restart->built.receipt.guest.uuid))
			continue;
		restart->step = RESTART_WAITING;
		if (now >= restart->due_usec)
			begin(sup, restart);
	}
}

uint64_t
supervisor_restart_deadline(const struct supervisor *sup)
{
	uint64_t next = sup->reap_usec != 0 ? sup->reap_usec : UINT64_MAX;

	if (sup->stop_usec != 0)
		return UINT64_MAX;
	for (size_t i = 0; i < RESTARTS; i++) {
		const struct restart *restart = &sup->restarts[i];

		if (restart->step == RESTART_WAITING &&
		    restart->due_usec < next &&
		    !is_being_removed(sup, restart->built.receipt.guest.uuid))
			next = restart->due_usec;
	}
	return next;
}

static void
begin(struct supervisor *sup, struct restart *restart)
{
	struct err err;

	if (supervisor_build_again(sup, &restart->built, &err) == 0)
		restart->step = RESTART_BUILDING;
	else
		end_try(sup, restart, &err);
}

/* One that is stopped with this daemon is the next one's. */
void
supervisor_end_restart(struct supervisor *sup, const struct job *job, int code,
    const struct err *outcome)
{
	struct restart *restart =
	    supervisor_find_restart(sup, job->task.build.guest.uuid);

	if (restart == NULL || restart->step != RESTART_BUILDING)
		return;
	if (code == 0)
		forget(sup, restart);
	else if (sup->stop_usec == 0)
		end_try(sup, restart, outcome);
}

/* What this host cannot do now it may be able to do soon. */
static void
end_try(struct supervisor *sup, struct restart *restart, const struct err *why)
{
	const bool is_busy = why->code == RPC_BUSY;

	if (is_busy || (err_class_of(why->code) == ERR_CLASS_ENVIRONMENT &&
			   ++restart->tries < TRIES)) {
		restart->step = RESTART_WAITING;
		restart->due_usec = timing_now_usec() +
		                    pause_usec(is_busy ? 1 : restart->tries);
		return;
	}
	refuse(&restart->built, why);
	forget(sup, restart);
}

static void
refuse(const struct built *built, const struct err *why)
{
	const struct event_after *after = &built->lineage.after;
	char text[CALLER_TEXT_SIZE];

	log_line("refused restart name=%s after=%u end=%s caller=%s code=%s "
		 "detail=\"%s\"",
	    built->receipt.guest.name, after->domid,
	    domain_end_name((enum domain_end)after->end),
	    caller_text(&built->receipt.caller, text), err_name(why->code),
	    log_quote(why->text).text);
}

static void
forget(const struct supervisor *sup, struct restart *restart)
{
	struct err err;

	if (journal_forget_again(sup->journal,
		restart->built.receipt.guest.uuid, &err) != 0)
		log_line("journal code=%s detail=\"%s\"", err_name(err.code),
		    log_quote(err.text).text);
	restart->step = RESTART_NONE;
}

int
supervisor_refuse_restarting(struct supervisor *sup,
    const struct build_request *request, struct err *err)
{
	for (size_t i = 0; i < RESTARTS; i++) {
		const struct restart *restart = &sup->restarts[i];
		const struct guest *guest = &restart->built.receipt.guest;

		if (restart->step == RESTART_NONE)
			continue;
		if (memcmp(guest->uuid, request->guest.uuid, UUID_BYTES) == 0)
			return err_set_field(err, DOMAIN_EXISTS, "uuid",
			    "uuid: a domain that has it is built again");
		if (strcmp(guest->name, request->guest.name) == 0)
			return err_set_field(err, DOMAIN_EXISTS, "name",
			    "name %s: is built again", guest->name);
	}
	return 0;
}

const struct receipt *
supervisor_restart_held(const struct supervisor *sup, size_t at)
{
	const struct restart *restart = &sup->restarts[at];
	const struct receipt *receipt = &restart->built.receipt;

	if (restart->step != RESTART_REMOVING &&
	    restart->step != RESTART_WAITING)
		return NULL;
	return domain_table_has_uuid(&sup->domains, receipt->guest.uuid)
	           ? NULL
	           : receipt;
}

void
supervisor_drop_restart(struct supervisor *sup, const uint8_t uuid[UUID_BYTES])
{
	struct restart *restart = supervisor_find_restart(sup, uuid);

	if (restart != NULL && restart->step != RESTART_BUILDING)
		forget(sup, restart);
}

int
supervisor_destroy_restart(struct supervisor *sup,
    const struct front_call *call, struct err *err)
{
	for (size_t i = 0; i < RESTARTS; i++) {
		struct restart *restart = &sup->restarts[i];
		const struct receipt *receipt = &restart->built.receipt;

		if (restart->step == RESTART_NONE ||
		    !domain_table_is_selected(receipt, &call->selector) ||
		    !supervisor_may_see(sup, &call->caller, &receipt->caller))
			continue;
		TRY(supervisor_allow_change(sup, &call->caller, receipt, err));
		return supervisor_end_build_again(sup, restart,
		    call->connection, err);
	}
	return err_set(err, DOMAIN_UNKNOWN, "assayd built no such domain");
}

/* The caller hears when nothing is left of what was begun. */
int
supervisor_end_build_again(struct supervisor *sup, struct restart *restart,
    uint32_t connection, struct err *err)
{
	struct job *job = find_build(sup, restart);

	if (job != NULL && job->connection != NO_CONNECTION)
		return err_set(err, RPC_BUSY, "%s is being removed",
		    restart->built.receipt.guest.name);
	forget(sup, restart);
	if (job == NULL) {
		supervisor_answer(sup, connection, 0, NULL);
		return 0;
	}
	job->connection = connection;
	job->is_unwanted = true;
	job_kill(job, BUILD_CANCELLED);
	return 0;
}

struct restart *
supervisor_find_restart(struct supervisor *sup, const uint8_t uuid[UUID_BYTES])
{
	for (size_t i = 0; i < RESTARTS; i++) {
		struct restart *restart = &sup->restarts[i];

		if (restart->step != RESTART_NONE &&
		    memcmp(restart->built.receipt.guest.uuid, uuid,
			UUID_BYTES) == 0)
			return restart;
	}
	return NULL;
}

/* It, or what was built in its place and failed; or it is not on record yet. */
static bool
is_being_removed(const struct supervisor *sup, const uint8_t uuid[UUID_BYTES])
{
	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		if (sup->removals[i].step != REMOVAL_NONE &&
		    memcmp(sup->removals[i].entry.uuid, uuid, UUID_BYTES) == 0)
			return true;
	}
	return false;
}

static struct job *
find_build(struct supervisor *sup, const struct restart *restart)
{
	for (size_t i = 0; i < SUPERVISOR_JOBS; i++) {
		struct job *job = &sup->jobs[i];

		if (restart->step == RESTART_BUILDING &&
		    job->state == JOB_RUNNING && job->task.kind == TASK_BUILD &&
		    memcmp(job->task.build.guest.uuid,
			restart->built.receipt.guest.uuid, UUID_BYTES) == 0)
			return job;
	}
	return NULL;
}
