#include "measure/verify/evidence_earlier.h"

#include <string.h>

#include "base/scope.h"
#include "measure/event_decode.h"
#include "measure/verify/event_log_decode.h"

static int check_host(const struct evidence_mark *earlier,
    const struct evidence_mark *now, struct err *err);
static int check_counts(const struct evidence_mark *earlier,
    const struct evidence_mark *now, struct evidence_since *since,
    struct err *err);
static bool has_fallen(uint32_t difference);
static bool is_same_boot(const struct evidence_since *since);
static int check_clock(const struct evidence_mark *earlier,
    const struct evidence_mark *now, bool is_clock_safe,
    struct evidence_since *since, struct err *err);
static int check_log(const struct evidence_mark *earlier, struct bytes log,
    struct evidence_since *since, struct err *err);
static int find_value(const struct pcr_digest *wanted,
    struct event_log_reader *reader, bool *ret_has, struct err *err);
static int leave_out_unmeasured(const struct event_log_record *record,
    const struct pcr_digest *before, struct pcr_digest *now, struct err *err);
static int count_events(struct event_log_reader *reader, size_t *count,
    struct err *err);
static int check_trust(const struct event_rules *earlier,
    const struct event_rules *now, struct err *err);
static int check_store(const struct event_rules *earlier,
    const struct event_rules *now, struct err *err);
static void keep_store(const struct event_rules *earlier,
    struct event_rules *now);

void
evidence_earlier_tell(const struct boot_history *history,
    struct evidence_mark *mark)
{
	struct event_rules *rules = &mark->rules;

	mark->event_count = history->event_count;
	*rules = *boot_history_rules(history);
	rules->has_boot_policy = false;
	rules->boot_policy = (struct digest){{0}};
	for (size_t i = history->rules_count; i > 0 && !rules->has_store; i--)
		keep_store(&history->rules[i - 1].as, rules);
}

int
evidence_earlier_check(const struct evidence_mark *earlier, struct bytes log,
    bool is_clock_safe, struct evidence_mark *now,
    struct evidence_since *ret_since, struct err *err)
{
	struct evidence_since since = {.resets = 0};

	TRY(check_host(earlier, now, err));
	TRY(check_counts(earlier, now, &since, err));
	TRY(check_clock(earlier, now, is_clock_safe, &since, err));
	if (is_same_boot(&since))
		TRY(check_log(earlier, log, &since, err));
	TRY(check_trust(&earlier->rules, &now->rules, err));
	TRY(check_store(&earlier->rules, &now->rules, err));
	keep_store(&earlier->rules, &now->rules);
	*ret_since = since;
	return 0;
}

static int
check_host(const struct evidence_mark *earlier, const struct evidence_mark *now,
    struct err *err)
{
	char found[TPM_NAME_HEX_SIZE], expected[TPM_NAME_HEX_SIZE];

	tpm_name_hex(&now->ak, found);
	tpm_name_hex(&earlier->ak, expected);
	if (strcmp(found, expected) != 0)
		return err_set(err, EVIDENCE_EARLIER_UNRELATED,
		    "the key is %s, and the earlier verdict's was %s", found,
		    expected);
	if (now->pcr != earlier->pcr)
		return err_set(err, EVIDENCE_EARLIER_UNRELATED,
		    "the register is %u, and the earlier verdict's was %u",
		    now->pcr, earlier->pcr);
	return 0;
}

static int
check_counts(const struct evidence_mark *earlier,
    const struct evidence_mark *now, struct evidence_since *since,
    struct err *err)
{
	uint32_t resets = now->reset_count - earlier->reset_count;
	uint32_t restarts = now->restart_count - earlier->restart_count;

	if (has_fallen(resets))
		return err_set(err, EVIDENCE_EARLIER_MISMATCH,
		    "the TPM's count of resets went back by %u since the "
		    "earlier verdict",
		    -resets);
	since->resets = resets;
	if (resets > 0)
		return 0;
	if (has_fallen(restarts))
		return err_set(err, EVIDENCE_EARLIER_MISMATCH,
		    "the TPM's count of restarts went back by %u since the "
		    "earlier verdict, without a reset",
		    -restarts);
	since->restarts = restarts;
	return 0;
}

/* Of a count that is known but for a constant. */
static bool
has_fallen(uint32_t difference)
{
	return difference > INT32_MAX;
}

static bool
is_same_boot(const struct evidence_since *since)
{
	return since->resets == 0 && since->restarts == 0;
}

static int
check_clock(const struct evidence_mark *earlier,
    const struct evidence_mark *now, bool is_clock_safe,
    struct evidence_since *since, struct err *err)
{
	since->has_clock_fallen = now->clock_msec < earlier->clock_msec;
	if (!since->has_clock_fallen ||
	    (!is_clock_safe && !is_same_boot(since)))
		return 0;
	return err_set(err, EVIDENCE_EARLIER_MISMATCH,
	    "the TPM's clock is at %llu ms, and was at %llu ms at the earlier "
	    "verdict",
	    (unsigned long long)now->clock_msec,
	    (unsigned long long)earlier->clock_msec);
}

/* What a register held it holds no more, but it went through it. */
static int
check_log(const struct evidence_mark *earlier, struct bytes log,
    struct evidence_since *since, struct err *err)
{
	struct event_log_reader reader;
	bool has_value;

	TRY(event_log_reader_init(log, &reader, err));
	TRY(find_value(&earlier->value, &reader, &has_value, err));
	if (!has_value)
		return err_set(err, EVIDENCE_EARLIER_MISMATCH,
		    "the log does not begin with the %llu events of the "
		    "earlier verdict, and the TPM was not reset in between",
		    (unsigned long long)earlier->event_count);
	return count_events(&reader, &since->event_count, err);
}

/* Leaves the reader behind the record that led there. */
static int
find_value(const struct pcr_digest *wanted, struct event_log_reader *reader,
    bool *ret_has, struct err *err)
{
	struct pcr_digest before = {{0}}, now = {{0}};

	*ret_has = false;
	while (!event_log_is_at_end(reader)) {
		struct event_log_reader next = *reader;
		struct event_log_record record;

		TRY(event_log_next(&next, &record, err));
		TRY(leave_out_unmeasured(&record, &before, &now, err));
		if (pcr_digest_equal(PCR_SHA256, &now, wanted))
			break;
		before = now;
		TRY(pcr_extend(PCR_SHA256, &record.digests.bank[PCR_SHA256],
		    &now, err));
		*reader = next;
	}
	*ret_has = pcr_digest_equal(PCR_SHA256, &now, wanted);
	return 0;
}

/* A start that found what the register held before the last record shows that
 * it never was extended. */
static int
leave_out_unmeasured(const struct event_log_record *record,
    const struct pcr_digest *before, struct pcr_digest *now, struct err *err)
{
	struct event event;

	TRY(event_decode(record->event, &event, err));
	if (event.kind == EVENT_START && !pcr_digest_equal(PCR_SHA256, now,
					     &event.as.start.found[PCR_SHA256]))
		*now = *before;
	return 0;
}

static int
count_events(struct event_log_reader *reader, size_t *count, struct err *err)
{
	while (!event_log_is_at_end(reader)) {
		struct event_log_record record;

		TRY(event_log_next(reader, &record, err));
		(*count)++;
	}
	return 0;
}

static int
check_trust(const struct event_rules *earlier, const struct event_rules *now,
    struct err *err)
{
	if (now->trust_version < earlier->trust_version)
		return err_set(err, EVIDENCE_POLICY_OLD,
		    "trust policy of version %lld, and version %lld at the "
		    "earlier verdict",
		    (long long)now->trust_version,
		    (long long)earlier->trust_version);
	if (now->trust_version == earlier->trust_version &&
	    !digest_equal(&now->trust, &earlier->trust))
		return err_set(err, EVIDENCE_POLICY_OLD,
		    "another trust policy of version %lld than at the earlier "
		    "verdict",
		    (long long)now->trust_version);
	return 0;
}

/* A start names none before its first build. */
static int
check_store(const struct event_rules *earlier, const struct event_rules *now,
    struct err *err)
{
	if (!now->has_store || !earlier->has_store)
		return 0;
	if (now->epoch < earlier->epoch)
		return err_set(err, EVIDENCE_POLICY_OLD,
		    "store index of epoch %llu, and epoch %llu at the earlier "
		    "verdict",
		    (unsigned long long)now->epoch,
		    (unsigned long long)earlier->epoch);
	if (now->epoch == earlier->epoch &&
	    !digest_equal(&now->store, &earlier->store))
		return err_set(err, EVIDENCE_POLICY_OLD,
		    "another store index of epoch %llu than at the earlier "
		    "verdict",
		    (unsigned long long)now->epoch);
	return 0;
}

static void
keep_store(const struct event_rules *earlier, struct event_rules *now)
{
	if (now->has_store)
		return;
	now->has_store = earlier->has_store;
	now->store = earlier->store;
	now->epoch = earlier->epoch;
}
