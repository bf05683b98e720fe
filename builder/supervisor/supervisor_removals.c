/*
 * Domains that have to go: what a failed build left, what a caller wants to be
 * destroyed, what an earlier assayd could not finish.
 *
 * A domain is gone when Xen was asked and no longer has it; that it is gone is
 * on record when the tpm role says so; and only then it is forgotten. Each step
 * is tried again, after longer and longer pauses, for as long as assayd runs;
 * the journal keeps it for the next one.
 */
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "builder/supervisor/libxl_json.h"
#include "builder/supervisor/supervisor_state.h"

enum { FIRST_PAUSE_USEC = 1000000, DOUBLINGS = 6 };
/* Room in the tpm role's queue that builds and callers need more. */
enum { RECORDS_ROOM = SUPERVISOR_JOBS + SUPERVISOR_EVIDENCE };

static bool has_channel(const struct supervisor *sup,
    const struct removal *removal);
static void end_try(struct supervisor *sup, struct removal *removal, int code,
    const struct err *outcome);
static void forget_receipt(struct supervisor *sup,
    const struct removal *removal);
static struct removal *find_free(struct supervisor *sup);
static void take_step(struct supervisor *sup, struct removal *removal);
static int start_erase(struct supervisor *sup, struct removal *removal,
    struct err *err);
static int start_record(struct supervisor *sup, struct removal *removal,
    struct err *err);
static int forget(struct supervisor *sup, struct removal *removal,
    struct err *err);
static void step_done(struct supervisor *sup, struct removal *removal);
static void step_failed(struct removal *removal, const struct err *why);
static void tell_caller(struct supervisor *sup, struct removal *removal,
    int code, const struct err *outcome);
static struct removal *find_erased(struct supervisor *sup,
    const struct job *job);

int
supervisor_add_removal(struct supervisor *sup,
    const struct journal_pending *entry, const struct removal_terms *terms,
    struct err *err)
{
	struct removal *removal = find_free(sup);

	if (removal == NULL)
		return err_set(err, RPC_BUSY,
		    "%d domains wait to be removed: 'assay status' says why",
		    SUPERVISOR_REMOVALS);
	*removal = (struct removal){
	    .step = terms->step,
	    .is_first = true,
	    .entry = *entry,
	    .why = terms->why,
	    .connection = terms->connection,
	    .caller = terms->caller,
	};
	if (terms->answer != NULL)
		removal->answer = *terms->answer;
	return 0;
}

void
supervisor_run_removals(struct supervisor *sup)
{
	uint64_t now = timing_now_usec();

	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		struct removal *removal = &sup->removals[i];

		if (removal->step != REMOVAL_NONE && !removal->is_under_way &&
		    removal->due_usec <= now && !has_channel(sup, removal))
			take_step(sup, removal);
	}
}

/* The next domain of its id would find it. */
static bool
has_channel(const struct supervisor *sup, const struct removal *removal)
{
	return removal->step == REMOVAL_ERASE &&
	       supervisor_client_is_ending(sup, removal->entry.domid);
}

uint64_t
supervisor_removal_deadline(const struct supervisor *sup)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		const struct removal *removal = &sup->removals[i];

		if (removal->step != REMOVAL_NONE && !removal->is_under_way &&
		    removal->due_usec != 0 && removal->due_usec < next &&
		    !has_channel(sup, removal))
			next = removal->due_usec;
	}
	return next;
}

void
supervisor_end_erase(struct supervisor *sup, const struct job *job, int code,
    const struct err *outcome)
{
	struct removal *removal = find_erased(sup, job);
	struct err failure = *outcome;

	if (removal == NULL)
		return;
	if (code == 0)
		code = supervisor_forget_libxl(sup, job->domid,
		    removal->entry.uuid, &failure);
	end_try(sup, removal, code, &failure);
}

int
supervisor_forget_libxl(const struct supervisor *sup, uint32_t domid,
    const uint8_t uuid[UUID_BYTES], struct err *err)
{
	const char *dir = sup->config->libxl_dir;

	if (domid == 0 || dir[0] == '\0')
		return 0;
	return libxl_json_remove(dir, domid, uuid, err);
}

static void
end_try(struct supervisor *sup, struct removal *removal, int code,
    const struct err *outcome)
{
	removal->is_under_way = false;
	tell_caller(sup, removal, code, outcome);
	if (code != 0) {
		supervisor_log_left_behind(sup, removal->entry.domid,
		    removal->tries + 1, outcome);
		step_failed(removal, outcome);
		return;
	}
	log_line("%s domid=%u code=0",
	    removal->entry.state == JOURNAL_BUILT ? "done destroy" : "cleaned",
	    removal->entry.domid);
	forget_receipt(sup, removal);
	step_done(sup, removal);
}

/* Who repeats a call has it tried again at once. */
void
supervisor_log_left_behind(struct supervisor *sup, uint32_t domid,
    uint32_t tries, const struct err *why)
{
	uint64_t missed;

	if (!log_limit_allows(&sup->left_behind, timing_now_usec(), &missed))
		return;
	log_line("left_behind domid=%u tries=%u code=%s missed=%llu "
		 "detail=\"%s\"",
	    domid, tries, err_name(why->code), (unsigned long long)missed,
	    log_quote(why->text).text);
}

bool
supervisor_end_record(struct supervisor *sup, uint32_t tag, int code,
    const struct err *outcome)
{
	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		struct removal *removal = &sup->removals[i];

		if (removal->step != REMOVAL_RECORD || removal->tag != tag)
			continue;
		removal->tag = 0;
		removal->is_under_way = false;
		if (code == 0)
			step_done(sup, removal);
		else
			step_failed(removal, outcome);
		return true;
	}
	return false;
}

struct removal *
supervisor_find_removal(struct supervisor *sup, const uint8_t uuid[UUID_BYTES])
{
	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		if (sup->removals[i].step == REMOVAL_ERASE &&
		    memcmp(sup->removals[i].entry.uuid, uuid, UUID_BYTES) == 0)
			return &sup->removals[i];
	}
	return NULL;
}

uint32_t
supervisor_count_removals(const struct supervisor *sup)
{
	uint32_t count = 0;

	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++)
		count += sup->removals[i].step != REMOVAL_NONE;
	return count;
}

uint32_t
supervisor_count_failed(const struct supervisor *sup)
{
	uint32_t count = 0;

	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++)
		count += sup->removals[i].step != REMOVAL_NONE &&
		         sup->removals[i].entry.state != JOURNAL_BUILT;
	return count;
}

bool
supervisor_has_first_removals(const struct supervisor *sup)
{
	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		if (sup->removals[i].step != REMOVAL_NONE &&
		    sup->removals[i].is_first)
			return true;
	}
	return false;
}

/* From now on its uuid is free for others: what is left of it to do goes by its
 * handle. A receipt that stays is of no domain, and the next start drops it.
 * One of another id is a later domain's: this one was removed before an assayd
 * died, and is removed once more. */
static void
forget_receipt(struct supervisor *sup, const struct removal *removal)
{
	struct domain_selector selector = {.has_uuid = true};
	const struct domain_row *row;
	struct err err;

	memcpy(selector.uuid, removal->entry.uuid, UUID_BYTES);
	if (domain_table_find(&sup->domains, &selector, NULL, &row, &err) ==
		0 &&
	    row->receipt.domid != removal->entry.domid)
		return;
	domain_table_remove(&sup->domains, removal->entry.uuid);
	supervisor_note_change(sup);
	if (journal_forget_receipt(sup->journal, removal->entry.uuid, &err) !=
	    0)
		log_line("journal code=%s detail=\"%s\"", err_name(err.code),
		    log_quote(err.text).text);
}

static struct removal *
find_free(struct supervisor *sup)
{
	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		if (sup->removals[i].step == REMOVAL_NONE)
			return &sup->removals[i];
	}
	return NULL;
}

/* What cannot even be begun for want of a place is not a try. */
static void
take_step(struct supervisor *sup, struct removal *removal)
{
	struct err err;
	int code = 0;

	switch (removal->step) {
	case REMOVAL_ERASE:
		code = start_erase(sup, removal, &err);
		break;
	case REMOVAL_RECORD:
		code = start_record(sup, removal, &err);
		break;
	case REMOVAL_FORGET:
		code = forget(sup, removal, &err);
		break;
	case REMOVAL_NONE:
		return;
	}
	if (code == RPC_BUSY) {
		removal->due_usec = 0; /* as soon as anything has ended */
	} else if (code != 0) {
		if (removal->step == REMOVAL_ERASE)
			tell_caller(sup, removal, code, &err);
		step_failed(removal, &err);
	}
}

static int
start_erase(struct supervisor *sup, struct removal *removal, struct err *err)
{
	struct task task = {
	    .kind = TASK_ERASE,
	    .claim =
		{
		    .domid = removal->entry.domid,
		    .may_have_uuid = removal->entry.state != JOURNAL_MADE,
		},
	};
	struct job_terms terms = {
	    .caller = removal->caller,
	    .seconds = sup->config->build_seconds,
	};

	if (supervisor_count_tasks(sup, TASK_ERASE) >= SUPERVISOR_ERASES)
		return err_set(err, RPC_BUSY, "domains are being removed");
	memcpy(task.claim.handle, removal->entry.handle, UUID_BYTES);
	memcpy(task.claim.uuid, removal->entry.uuid, UUID_BYTES);
	TRY(supervisor_start_task(sup, &task, &terms, err));
	removal->is_under_way = true;
	return 0;
}

static int
start_record(struct supervisor *sup, struct removal *removal, struct err *err)
{
	if (outbox_room(&sup->records) <= RECORDS_ROOM)
		return err_set(err, RPC_BUSY, "the tpm role is busy");
	TRY(supervisor_record_end(sup, &removal->entry, removal->why,
	    &removal->tag, err));
	removal->is_under_way = true;
	return 0;
}

static int
forget(struct supervisor *sup, struct removal *removal, struct err *err)
{
	TRY(journal_forget_pending(sup->journal, removal->entry.handle, err));
	*removal = (struct removal){.step = REMOVAL_NONE};
	return 0;
}

/* What was never put on record needs no event that ends it. */
static void
step_done(struct supervisor *sup, struct removal *removal)
{
	removal->tries = 0;
	removal->due_usec = 0;
	removal->step = removal->step == REMOVAL_ERASE &&
	                        removal->entry.state != JOURNAL_MADE
	                    ? REMOVAL_RECORD
	                    : REMOVAL_FORGET;
	take_step(sup, removal);
}

static void
step_failed(struct removal *removal, const struct err *why)
{
	uint32_t doublings =
	    removal->tries < DOUBLINGS ? removal->tries : DOUBLINGS;

	removal->is_first = false;
	removal->tries++;
	removal->last = *why;
	removal->due_usec =
	    timing_now_usec() + ((uint64_t)FIRST_PAUSE_USEC << doublings);
}

/* Of a build that failed he hears why; of a destroy, how it ended. */
static void
tell_caller(struct supervisor *sup, struct removal *removal, int code,
    const struct err *outcome)
{
	uint32_t connection = removal->connection;
	struct err told = *outcome;

	removal->connection = NO_CONNECTION;
	if (removal->answer.code != ERR_NONE)
		supervisor_answer(sup, connection, (int)removal->answer.code,
		    &removal->answer);
	else if (code != 0)
		supervisor_answer(sup, connection,
		    err_prefix(&told, "not removed yet"), &told);
	else
		supervisor_answer(sup, connection, 0, NULL);
}

static struct removal *
find_erased(struct supervisor *sup, const struct job *job)
{
	for (size_t i = 0; i < SUPERVISOR_REMOVALS; i++) {
		struct removal *removal = &sup->removals[i];

		if (removal->step == REMOVAL_ERASE && removal->is_under_way &&
		    memcmp(removal->entry.handle, job->task.claim.handle,
			UUID_BYTES) == 0)
			return removal;
	}
	return NULL;
}
