/*
 * Evidence of a host of which an earlier verdict was kept. Each test verifies
 * the good evidence first, and compares a later one with its mark.
 */
#include "evidence_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"

struct pair {
	struct bench *bench;
	struct evidence_mark earlier;
};

static int
pair_new(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	void *bench;

	assert_non_null(pair);
	assert_int_equal(bench_new(&bench), 0);
	pair->bench = bench;
	assert_refused(bench_verify(pair->bench, &verdict), 0);
	assert_false(verdict.has_earlier);
	pair->earlier = verdict.mark;
	pair->bench->reference.earlier = &pair->earlier;
	*state = pair;
	return 0;
}

static int
pair_free(void **state)
{
	struct pair *pair = *state;
	void *bench = pair->bench;

	free(pair);
	return bench_free(&bench);
}

static struct evidence_since
since(struct bench *bench)
{
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	assert_refused(bench_verify(bench, &verdict), 0);
	assert_true(verdict.has_earlier);
	return verdict.since;
}

static struct evidence_mark
mark(struct bench *bench)
{
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	assert_refused(bench_verify(bench, &verdict), 0);
	return verdict.mark;
}

/* A start as the only event, as after a boot. */
static void
boot(struct bench *bench, const struct event_rules *rules)
{
	struct event start;

	bench->count = 0;
	bench_extend(bench);
	start = bench_start(bench);
	if (rules != NULL)
		start.as.start.rules = *rules;
	bench_record(bench, &start);
	bench_remake(bench);
}

static struct event_rules
good_rules(void)
{
	return good_event(EVENT_POLICY).as.policy;
}

/* --- the host ------------------------------------------------------------ */

static void
a_mark_tells_what_was_verified(void **state)
{
	const struct pair *pair = *state;
	const struct evidence_mark *earlier = &pair->earlier;
	const struct pcr_digest *values =
	    pair->bench->evidence.pcrs.value[PCR_SHA256];

	assert_memory_equal(&earlier->ak, &pair->bench->reference.ak,
	    sizeof(earlier->ak));
	assert_int_equal(earlier->clock_msec, 123456);
	assert_int_equal(earlier->reset_count, 5);
	assert_int_equal(earlier->restart_count, 2);
	assert_int_equal(earlier->pcr, 13);
	assert_true(pcr_digest_equal(PCR_SHA256, &earlier->value, &values[13]));
	assert_int_equal(earlier->event_count, 7);
	assert_int_equal(earlier->rules.trust_version, 4);
	assert_int_equal(earlier->rules.epoch, 12);
}

static void
a_verdict_of_another_key_is_of_another_host(void **state)
{
	struct pair *pair = *state;

	pair->earlier.ak.bytes[9] ^= 1;
	bench_refused(pair->bench, EVIDENCE_EARLIER_UNRELATED);
}

static void
a_verdict_of_another_register_is_of_another_assayd(void **state)
{
	struct pair *pair = *state;

	pair->earlier.pcr = 14;
	bench_refused(pair->bench, EVIDENCE_EARLIER_UNRELATED);
}

/* --- what the TPM counts -------------------------------------------------- */

static void
counts_that_went_back_are_refused(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;

	bench->reset_count = 4;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_EARLIER_MISMATCH);
	/* Whatever its restarts are. */
	bench->restart_count = 9;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_EARLIER_MISMATCH);
	bench->reset_count = 5;
	bench->restart_count = 1;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_EARLIER_MISMATCH);
}

/* A reset begins to count restarts at zero. */
static void
a_reset_is_told(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;

	bench->reset_count = 7;
	bench->restart_count = 0;
	boot(bench, NULL);
	assert_int_equal(since(bench).resets, 2);
	assert_int_equal(since(bench).restarts, 0);
	bench->restart_count = 9;
	bench_quote(bench);
	assert_int_equal(since(bench).restarts, 0);
}

static void
a_restart_is_told(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;

	bench->restart_count = 3;
	bench_quote(bench);
	assert_int_equal(since(bench).resets, 0);
	assert_int_equal(since(bench).restarts, 1);
	/* Then the log may be a new one. */
	boot(bench, NULL);
	assert_int_equal(since(bench).restarts, 1);
}

/* The TPM adds a number of its own, so that a count may begin anywhere. */
static void
disguised_counts_rise_past_their_end(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;

	pair->earlier.reset_count = UINT32_MAX;
	assert_int_equal(since(bench).resets, 6);
	pair->earlier.reset_count = 5;
	pair->earlier.restart_count = UINT32_MAX - 1;
	assert_int_equal(since(bench).restarts, 4);
	bench->reset_count = UINT32_MAX;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_EARLIER_MISMATCH);
}

static void
a_clock_that_went_back_is_refused(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;

	bench->clock_msec--;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_EARLIER_MISMATCH);
	/* Within one boot it does not, safe or not. */
	bench->is_clock_safe = false;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_EARLIER_MISMATCH);
	bench->is_clock_safe = true;
	bench->reset_count++;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_EARLIER_MISMATCH);
}

/* It counts on from what it wrote down last. */
static void
a_clock_after_a_loss_of_power_may_be_behind(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;

	assert_false(since(bench).has_clock_fallen);
	bench->clock_msec--;
	bench->is_clock_safe = false;
	bench->reset_count++;
	bench_quote(bench);
	assert_true(since(bench).has_clock_fallen);
}

/* --- the log ---------------------------------------------------------------
 */

static void
a_log_that_grew_is_taken(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;
	struct event build = bench_build(7);

	assert_int_equal(since(bench).event_count, 0);
	bench_record(bench, &build);
	build = bench_build(8);
	bench_record(bench, &build);
	bench_remake(bench);
	assert_int_equal(since(bench).event_count, 2);
}

/* Such as that of a TPM in software whose state was put back. */
static void
another_log_of_the_same_boot_is_refused(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;
	struct event build = bench_build(7);

	bench->count = 6;
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_EARLIER_MISMATCH);
	build.sequence = 7;
	bench_record(bench, &build);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_EARLIER_MISMATCH);
	boot(bench, NULL);
	bench_refused(bench, EVIDENCE_EARLIER_MISMATCH);
}

/* Whoever hands evidence on can add such records, and take them away. */
static void
what_was_not_measured_makes_no_other_log(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;
	struct event start = bench_start(bench);
	struct event build = bench_build(7);

	bench_record(bench, &start);
	bench_remake(bench);
	assert_int_equal(since(bench).event_count, 1);
	pair->earlier = mark(bench);
	bench->count--;
	bench_record(bench, &build);
	bench_record(bench, &start);
	bench_log(bench);
	assert_int_equal(since(bench).event_count, 0);
}

/* It was in the register at the earlier verdict. */
static void
what_was_measured_stays_so(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;
	struct event start = bench_start(bench);
	struct event build = bench_build(7);

	bench_record(bench, &build);
	bench_remake(bench);
	pair->earlier = mark(bench);
	bench->count--;
	bench_record(bench, &start);
	bench_extend(bench);
	bench_quote(bench);
	bench->count--;
	bench_record(bench, &build);
	bench_record(bench, &start);
	bench_log(bench);
	bench_refused(bench, EVIDENCE_EARLIER_MISMATCH);
}

/* --- the rules -------------------------------------------------------------
 */

static void
an_earlier_trust_policy_is_refused(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;
	struct event_rules rules = good_rules();

	bench->reset_count++;
	rules.trust_version = 3;
	boot(bench, &rules);
	bench_refused(bench, EVIDENCE_POLICY_OLD);
	rules.trust_version = 4;
	rules.trust.bytes[0] ^= 1;
	boot(bench, &rules);
	bench_refused(bench, EVIDENCE_POLICY_OLD);
	rules.trust_version = 5;
	boot(bench, &rules);
	assert_int_equal(mark(bench).rules.trust_version, 5);
}

static void
an_earlier_store_index_is_refused(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;
	struct event_rules rules = good_rules();

	bench->reset_count++;
	rules.epoch = 11;
	boot(bench, &rules);
	bench_refused(bench, EVIDENCE_POLICY_OLD);
	rules.epoch = 12;
	rules.store.bytes[0] ^= 1;
	boot(bench, &rules);
	bench_refused(bench, EVIDENCE_POLICY_OLD);
	rules.epoch = 13;
	boot(bench, &rules);
	assert_int_equal(mark(bench).rules.epoch, 13);
}

/* In a boot without a build there is none; the next one has to fit all the
 * same. */
static void
an_epoch_is_not_forgotten(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;
	struct event_rules none = good_rules();
	struct event_rules rules = good_rules();
	struct digest store = rules.store;

	none.has_store = false;
	none.epoch = 0;
	memset(&none.store, 0, sizeof(none.store));
	bench->reset_count++;
	boot(bench, &none);
	pair->earlier = mark(bench);
	assert_true(pair->earlier.rules.has_store);
	assert_int_equal(pair->earlier.rules.epoch, 12);
	assert_true(digest_equal(&pair->earlier.rules.store, &store));
	rules.epoch = 11;
	bench->reset_count++;
	boot(bench, &rules);
	bench_refused(bench, EVIDENCE_POLICY_OLD);
}

/* A second start in a boot names no index until it builds. */
static void
the_last_index_of_a_boot_counts(void **state)
{
	struct pair *pair = *state;
	struct bench *bench = pair->bench;
	struct event start = bench_start(bench);

	start.as.start.rules.has_store = false;
	start.as.start.rules.epoch = 0;
	memset(&start.as.start.rules.store, 0, DIGEST_BYTES);
	bench_record(bench, &start);
	bench_remake(bench);
	bench->reference.earlier = NULL;
	assert_int_equal(mark(bench).rules.epoch, 12);
}

/* --- the file --------------------------------------------------------------
 */

static char *
verdict_of(const struct evidence_mark *mark)
{
	CLEANUP(json_freep)
	json_t *document = json_pack("{s:s, s:s, s:o, s:[]}", "schema",
	    VERDICT_SCHEMA, "verdict", "verified", "mark",
	    evidence_mark_encode(mark), "warnings");

	return json_dumps(document, JSON_COMPACT);
}

static void
a_mark_is_read_as_it_was_written(void **state)
{
	struct pair *pair = *state;

	for (int has_store = 1; has_store >= 0; has_store--) {
		CLEANUP(freep) char *text = NULL;
		struct evidence_mark again;
		struct err err;

		if (!has_store) {
			pair->earlier.rules.has_store = false;
			pair->earlier.rules.epoch = 0;
			memset(&pair->earlier.rules.store, 0, DIGEST_BYTES);
		}
		text = verdict_of(&pair->earlier);
		assert_refused(
		    evidence_mark_decode(bytes_of_str(text), &again, &err), 0);
		assert_memory_equal(&again, &pair->earlier, sizeof(again));
	}
}

static void
a_verdict_that_is_too_large_is_refused_unread(void **state)
{
	struct evidence_mark mark;
	struct err err;

	(void)state;
	assert_refused(
	    evidence_mark_decode(bytes_of("{}", LIMIT_VERDICT_BYTES + 1), &mark,
		&err),
	    REFERENCE_MALFORMED);
	assert_has(err.text, "over 100663296 bytes");
}

int
main(void)
{
#define PAIR(test) cmocka_unit_test_setup_teardown(test, pair_new, pair_free)
	const struct CMUnitTest tests[] = {
	    PAIR(a_mark_tells_what_was_verified),
	    PAIR(a_verdict_of_another_key_is_of_another_host),
	    PAIR(a_verdict_of_another_register_is_of_another_assayd),
	    PAIR(counts_that_went_back_are_refused),
	    PAIR(a_reset_is_told),
	    PAIR(a_restart_is_told),
	    PAIR(disguised_counts_rise_past_their_end),
	    PAIR(a_clock_that_went_back_is_refused),
	    PAIR(a_clock_after_a_loss_of_power_may_be_behind),
	    PAIR(a_log_that_grew_is_taken),
	    PAIR(another_log_of_the_same_boot_is_refused),
	    PAIR(what_was_not_measured_makes_no_other_log),
	    PAIR(what_was_measured_stays_so),
	    PAIR(an_earlier_trust_policy_is_refused),
	    PAIR(an_earlier_store_index_is_refused),
	    PAIR(an_epoch_is_not_forgotten),
	    PAIR(the_last_index_of_a_boot_counts),
	    PAIR(a_mark_is_read_as_it_was_written),
	    cmocka_unit_test(a_verdict_that_is_too_large_is_refused_unread),
	};

	return cmocka_run_group_tests_name("evidence_earlier", tests, NULL,
	    NULL);
}
