#include "measure/verify/evidence_log.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "measure/event_decode.h"
#include "measure/event_log.h"
#include "measure/verify/event_log_decode.h"
#include "measure/verify/started_domains.h"

/* The register as it would be, while going through the log. */
struct replay {
	const struct pcr_values *quoted;
	unsigned pcr;
	struct event_log_reader reader;
	struct boot_history *history;
	/* By their places in the history: those without an end, and all. */
	struct started_domains started;
	struct started_domains built;
	struct pcr_digests now;
	struct pcr_digests before; /* the last record */
	size_t count;              /* records so far */
	size_t start_count;
	struct event last;  /* not told yet: was it measured? */
	bool is_unmeasured; /* the last one, as a start event shows */
	enum event_kind told;
	size_t matched_at; /* events after which it was the quoted value */
	bool has_matched;
};

static int check_record(const struct event_log_record *record,
    struct event *ret_event, struct err *err);
static int check_sequence(const struct replay *replay,
    const struct event_log_record *record, const struct event *event,
    struct err *err);
static int find_missing(const struct replay *replay, struct err *err);
static int check_start(struct replay *replay, const struct event_start *start,
    struct err *err);
static int tell_last(struct replay *replay, struct err *err);
static int tell_unmeasured(struct boot_history *history,
    const struct event *event, struct err *err);
static int tell_measured(struct replay *replay, const struct event *event,
    struct err *err);
static int tell_start(struct replay *replay, const struct event_start *start,
    struct err *err);
static int tell_rules(struct boot_history *history,
    const struct event_rules *rules, bool is_start, struct err *err);
static int tell_measured_build(struct replay *replay,
    const struct event_build *build, struct err *err);
static bool is_caller_known(const struct replay *replay,
    const struct caller *by);
static int tell_build(struct boot_history *history,
    const struct event_build *build, struct err *err);
static void tell_end(struct replay *replay, const struct event *event);
static void tell_stray(struct boot_history *history, enum event_kind kind,
    const uint8_t *uuid, uint32_t domid);
static void hold(struct replay *replay, const struct event *event);
static int extend(struct replay *replay, const struct event_log_record *record,
    struct err *err);
static bool is_quoted(const struct replay *replay, enum pcr_bank bank);
static bool is_at(const struct replay *replay, const struct pcr_digest *values,
    const struct pcr_digest *expected);
static void note_match(struct replay *replay);
static int check_end(const struct replay *replay, struct err *err);
static void replay_done(struct replay *replay);

int
evidence_log_check(struct bytes log, unsigned pcr,
    const struct pcr_values *quoted, struct boot_history *ret_history,
    struct err *err)
{
	CLEANUP(boot_history_done)
	struct boot_history history = {.domains = NULL};
	CLEANUP(replay_done)
	struct replay replay = {.quoted = quoted,
	    .pcr = pcr,
	    .history = &history};

	TRY(event_log_reader_init(log, &replay.reader, err));
	while (!event_log_is_at_end(&replay.reader)) {
		struct event_log_record record;
		struct event event;

		TRY(event_log_next(&replay.reader, &record, err));
		TRY(check_record(&record, &event, err));
		TRY(check_sequence(&replay, &record, &event, err));
		if (event.kind == EVENT_START)
			TRY(check_start(&replay, &event.as.start, err));
		TRY(tell_last(&replay, err));
		hold(&replay, &event);
		note_match(&replay);
		TRY(extend(&replay, &record, err));
	}
	TRY(check_end(&replay, err));
	TRY(tell_last(&replay, err));
	*ret_history = history;
	history = (struct boot_history){.domains = NULL};
	return 0;
}

const struct event_rules *
boot_history_rules(const struct boot_history *history)
{
	bug_unless(history->rules_count > 0);
	return &history->rules[history->rules_count - 1].as;
}

void
boot_history_done(struct boot_history *history)
{
	freep(&history->domains);
	freep(&history->rules);
	history->domain_count = 0;
	history->stray_count = 0;
	history->rules_count = 0;
}

static int
check_record(const struct event_log_record *record, struct event *ret_event,
    struct err *err)
{
	if (record->type != EVENT_LOG_TYPE || !event_is_ours(record->event) ||
	    record->banks != (1u << PCR_BANKS) - 1)
		return err_set(err, EVIDENCE_LOG_ADDED,
		    "offset %zu: not a record of assayd", record->offset);
	TRY(event_log_check(record, err));
	if (event_decode(record->event, ret_event, err) != 0)
		return err_prefix(err, "offset %zu", record->offset);
	return 0;
}

static int
check_sequence(const struct replay *replay,
    const struct event_log_record *record, const struct event *event,
    struct err *err)
{
	const bool has_stopped =
	    replay->start_count > 0 && replay->last.kind == EVENT_STOP;
	uint64_t expected = replay->last.sequence + 1;

	if (event->kind == EVENT_START) {
		if (event->sequence != 1 || record->pcr != replay->pcr ||
		    event->as.start.pcr != replay->pcr)
			return err_set(err, EVIDENCE_LOG_ADDED,
			    "offset %zu: a start event of another number or "
			    "register (%u, expected %u)",
			    record->offset, event->as.start.pcr, replay->pcr);
		return 0;
	}
	if (replay->start_count == 0)
		return err_set(err, EVIDENCE_LOG_REMOVED,
		    "the log does not begin with a start event");
	if (record->pcr != replay->pcr || has_stopped)
		return err_set(err, EVIDENCE_LOG_ADDED,
		    "offset %zu: an event %s", record->offset,
		    has_stopped ? "after the stop event"
				: "of another register");
	if (event->sequence < expected)
		return err_set(err, EVIDENCE_LOG_ADDED,
		    "offset %zu: event %llu is there a second time",
		    record->offset, (unsigned long long)event->sequence);
	if (event->sequence > expected)
		return find_missing(replay, err);
	return 0;
}

/* An event is not where it should be: is it further down? */
static int
find_missing(const struct replay *replay, struct err *err)
{
	unsigned long long missing = replay->last.sequence + 1;
	struct event_log_reader reader = replay->reader;

	while (!event_log_is_at_end(&reader)) {
		struct event_log_record record;
		struct event event;

		TRY(event_log_next(&reader, &record, err));
		if (event_decode(record.event, &event, err) != 0 ||
		    event.kind == EVENT_START)
			break;
		if (event.sequence == missing)
			return err_set(err, EVIDENCE_LOG_REORDERED,
			    "event %llu is at offset %zu, behind later ones",
			    missing, record.offset);
	}
	return err_set(err, EVIDENCE_LOG_REMOVED, "event %llu is not there",
	    missing);
}

/* The first start must find a fresh register, a later one what the log says;
 * or what it said before its last record, which then never was extended. */
static int
check_start(struct replay *replay, const struct event_start *start,
    struct err *err)
{
	if (is_at(replay, replay->now.bank, start->found))
		return 0;
	if (replay->start_count == 0)
		return err_set(err, EVIDENCE_REGISTER_USED,
		    "register %u was not zero when assayd started first",
		    start->pcr);
	if (!is_at(replay, replay->before.bank, start->found))
		return err_set(err, EVIDENCE_LOG_MISMATCH,
		    "start event %zu found another value in register %u than "
		    "the log before it leads to",
		    replay->start_count + 1, start->pcr);
	replay->now = replay->before;
	replay->is_unmeasured = true;
	return 0;
}

/* An event is told when the one after it has shown whether it was measured. */
static int
tell_last(struct replay *replay, struct err *err)
{
	bool is_unmeasured = replay->is_unmeasured;

	replay->is_unmeasured = false;
	if (replay->count == 0)
		return 0;
	replay->history->event_count++;
	if (is_unmeasured)
		return tell_unmeasured(replay->history, &replay->last, err);
	return tell_measured(replay, &replay->last, err);
}

/* Anybody may have written it. A build is shown as what never ran. */
static int
tell_unmeasured(struct boot_history *history, const struct event *event,
    struct err *err)
{
	history->unmeasured_count++;
	if (event->kind != EVENT_BUILD)
		return 0;
	TRY(tell_build(history, &event->as.build, err));
	history->domains[history->domain_count - 1].fate = EVIDENCE_UNMEASURED;
	return 0;
}

static int
tell_measured(struct replay *replay, const struct event *event, struct err *err)
{
	struct boot_history *history = replay->history;

	switch (event->kind) {
	case EVENT_START:
		TRY(tell_start(replay, &event->as.start, err));
		break;
	case EVENT_BUILD:
		TRY(tell_measured_build(replay, &event->as.build, err));
		break;
	case EVENT_ABANDON:
	case EVENT_DESTROY:
		tell_end(replay, event);
		break;
	case EVENT_POLICY:
		TRY(tell_rules(history, &event->as.policy, false, err));
		break;
	case EVENT_STOP:
	case EVENT_KINDS:
	default:
		break;
	}
	replay->told = event->kind;
	history->is_stopped = event->kind == EVENT_STOP;
	return 0;
}

static int
tell_start(struct replay *replay, const struct event_start *start,
    struct err *err)
{
	struct boot_history *history = replay->history;

	if (history->start_count > 0 &&
	    (history->start.nv_name_len != start->nv_name_len ||
		memcmp(history->start.nv_name, start->nv_name,
		    start->nv_name_len) != 0))
		return err_set(err, EVIDENCE_NV_MISMATCH,
		    "the start events name different NV indices");
	if (history->start_count > 0 && replay->told != EVENT_STOP)
		history->crash_count++;
	history->start_count++;
	history->start = *start;
	history->was_development |= start->is_development;
	return tell_rules(history, &start->rules, true, err);
}

/* Room doubles: the log's size bounds it. */
static int
tell_rules(struct boot_history *history, const struct event_rules *rules,
    bool is_start, struct err *err)
{
	struct evidence_rules *all = history->rules;

	if ((history->rules_count & (history->rules_count - 1)) == 0) {
		size_t room =
		    history->rules_count == 0 ? 1 : 2 * history->rules_count;

		all = reallocarray(all, room, sizeof(*all));
		if (all == NULL)
			return err_set(err, NO_MEMORY, "%zu policies", room);
		history->rules = all;
	}
	all[history->rules_count++] = (struct evidence_rules){
	    .as = *rules,
	    .event = history->event_count,
	    .is_start = is_start,
	};
	return 0;
}

static int
tell_measured_build(struct replay *replay, const struct event_build *build,
    struct err *err)
{
	struct boot_history *history = replay->history;
	const size_t place = history->domain_count;

	if (started_domains_has(&replay->started, build->uuid, build->domid))
		tell_stray(history, EVENT_BUILD, build->uuid, build->domid);
	TRY(tell_build(history, build, err));
	history->domains[place].is_caller_unknown =
	    !is_caller_known(replay, &build->by);
	TRY(started_domains_add(&replay->started, build->uuid, build->domid,
	    place, err));
	TRY(started_domains_add(&replay->built, build->uuid, build->domid,
	    place, err));
	history->rules[history->rules_count - 1].domain_count++;
	return 0;
}

/* A user is known by no event. */
static bool
is_caller_known(const struct replay *replay, const struct caller *by)
{
	const struct caller_domain *domain = &by->domain;
	const struct evidence_domain *client;
	size_t place;

	if (by->kind != CALLER_DOMAIN)
		return true;
	if (!started_domains_find(&replay->built, domain->uuid, domain->domid,
		&place))
		return false;
	client = &replay->history->domains[place];
	return client->fate != EVIDENCE_ABANDONED &&
	       strcmp(client->build.role, domain->role) == 0 &&
	       digest_equal(&client->build.envelope, &domain->envelope);
}

static int
tell_build(struct boot_history *history, const struct event_build *build,
    struct err *err)
{
	struct evidence_domain *domains = history->domains;

	/* Room doubles: the log's size bounds it. */
	if ((history->domain_count & (history->domain_count - 1)) == 0) {
		size_t room =
		    history->domain_count == 0 ? 1 : 2 * history->domain_count;

		domains = reallocarray(domains, room, sizeof(*domains));
		if (domains == NULL)
			return err_set(err, NO_MEMORY, "%zu domains", room);
		history->domains = domains;
	}
	domains[history->domain_count++] = (struct evidence_domain){
	    .build = *build,
	    .fate = EVIDENCE_STARTED,
	    .rules = history->rules_count - 1,
	};
	return 0;
}

/* Of the newest that was measured and of which no end is known. */
static void
tell_end(struct replay *replay, const struct event *event)
{
	bool is_abandon = event->kind == EVENT_ABANDON;
	const uint8_t *uuid =
	    is_abandon ? event->as.abandon.uuid : event->as.destroy.uuid;
	uint32_t domid =
	    is_abandon ? event->as.abandon.domid : event->as.destroy.domid;
	size_t place;

	if (started_domains_end(&replay->started, uuid, domid, &place))
		replay->history->domains[place].fate =
		    is_abandon ? EVIDENCE_ABANDONED : EVIDENCE_DESTROYED;
	else
		tell_stray(replay->history, event->kind, uuid, domid);
}

/* A host may write any number of them. */
static void
tell_stray(struct boot_history *history, enum event_kind kind,
    const uint8_t *uuid, uint32_t domid)
{
	size_t place = history->stray_count++;
	struct evidence_stray stray = {
	    .event = history->event_count,
	    .kind = kind,
	    .domid = domid,
	};

	memcpy(stray.uuid, uuid, UUID_BYTES);
	if (place < EVIDENCE_STRAYS)
		history->strays[place] = stray;
}

static void
hold(struct replay *replay, const struct event *event)
{
	replay->last = *event;
	replay->count++;
	replay->start_count += event->kind == EVENT_START;
}

static int
extend(struct replay *replay, const struct event_log_record *record,
    struct err *err)
{
	replay->before = replay->now;
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		TRY(pcr_extend(bank, &record->digests.bank[bank],
		    &replay->now.bank[bank], err));
	return 0;
}

static bool
is_quoted(const struct replay *replay, enum pcr_bank bank)
{
	return replay->quoted->known[bank] != 0;
}

/* In each quoted bank. */
static bool
is_at(const struct replay *replay, const struct pcr_digest *values,
    const struct pcr_digest *expected)
{
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		if (is_quoted(replay, bank) &&
		    !pcr_digest_equal(bank, &values[bank], &expected[bank]))
			return false;
	}
	return true;
}

/* Before a record is extended: was the quote taken here? */
static void
note_match(struct replay *replay)
{
	struct pcr_digest quoted[PCR_BANKS];

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		quoted[bank] = replay->quoted->value[bank][replay->pcr];
	if (!is_at(replay, replay->now.bank, quoted))
		return;
	replay->has_matched = true;
	replay->matched_at = replay->count - 1;
}

static int
check_end(const struct replay *replay, struct err *err)
{
	struct pcr_digest quoted[PCR_BANKS];

	if (replay->start_count == 0)
		return err_set(err, EVIDENCE_LOG_REMOVED,
		    "the log has no start event");
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		quoted[bank] = replay->quoted->value[bank][replay->pcr];
	if (is_at(replay, replay->now.bank, quoted))
		return 0;
	if (replay->has_matched)
		return err_set(err, EVIDENCE_NOT_MEASURED,
		    "register %u was quoted after event %zu of %zu",
		    replay->pcr, replay->matched_at, replay->count);
	return err_set(err, EVIDENCE_LOG_MISMATCH,
	    "the log's %zu events do not lead to the quoted register %u",
	    replay->count, replay->pcr);
}

static void
replay_done(struct replay *replay)
{
	started_domains_done(&replay->started);
	started_domains_done(&replay->built);
}
