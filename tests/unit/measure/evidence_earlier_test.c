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
	struct fixture *fixture;
	struct evidence_mark earlier;
};

static int
pair_new(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	void *fixture;

	assert_non_null(pair);
	assert_int_equal(fixture_new(&fixture), 0);
	pair->fixture = fixture;
	assert_refused(fixture_verify(pair->fixture, &verdict), 0);
	assert_false(verdict.has_earlier);
	pair->earlier = verdict.mark;
	pair->fixture->reference.earlier = &pair->earlier;
	*state = pair;
	return 0;
}

static int
pair_free(void **state)
{
	struct pair *pair = *state;
	void *fixture = pair->fixture;

	free(pair);
	return fixture_free(&fixture);
}

static struct evidence_since
since(struct fixture *fixture)
{
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_true(verdict.has_earlier);
	return verdict.since;
}

static struct evidence_mark
mark(struct fixture *fixture)
{
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	assert_refused(fixture_verify(fixture, &verdict), 0);
	return verdict.mark;
}

/* A start as the only event, as after a boot. */
static void
boot(struct fixture *fixture, const struct event_rules *rules)
{
	struct event start;

	fixture->count = 0;
	fixture_extend(fixture);
	start = fixture_start(fixture);
	if (rules != NULL)
		start.as.start.rules = *rules;
	fixture_record(fixture, &start);
	fixture_remake(fixture);
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
	    pair->fixture->evidence.pcrs.value[PCR_SHA256];

	assert_memory_equal(&earlier->ak, &pair->fixture->reference.ak,
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
	fixture_refused(pair->fixture, EVIDENCE_EARLIER_UNRELATED);
}

static void
a_verdict_of_another_register_is_of_another_assayd(void **state)
{
	struct pair *pair = *state;

	pair->earlier.pcr = 14;
	fixture_refused(pair->fixture, EVIDENCE_EARLIER_UNRELATED);
}

/* --- what the TPM counts -------------------------------------------------- */

static void
counts_that_went_back_are_refused(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;

	fixture->reset_count = 4;
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_EARLIER_MISMATCH);
	/* Whatever its restarts are. */
	fixture->restart_count = 9;
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_EARLIER_MISMATCH);
	fixture->reset_count = 5;
	fixture->restart_count = 1;
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_EARLIER_MISMATCH);
}

/* A reset begins to count restarts at zero. */
static void
a_reset_is_told(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;

	fixture->reset_count = 7;
	fixture->restart_count = 0;
	boot(fixture, NULL);
	assert_int_equal(since(fixture).resets, 2);
	assert_int_equal(since(fixture).restarts, 0);
	fixture->restart_count = 9;
	fixture_quote(fixture);
	assert_int_equal(since(fixture).restarts, 0);
}

static void
a_restart_is_told(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;

	fixture->restart_count = 3;
	fixture_quote(fixture);
	assert_int_equal(since(fixture).resets, 0);
	assert_int_equal(since(fixture).restarts, 1);
	/* Then the log may be a new one. */
	boot(fixture, NULL);
	assert_int_equal(since(fixture).restarts, 1);
}

/* The TPM adds a number of its own, so that a count may begin anywhere. */
static void
disguised_counts_rise_past_their_end(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;

	pair->earlier.reset_count = UINT32_MAX;
	assert_int_equal(since(fixture).resets, 6);
	pair->earlier.reset_count = 5;
	pair->earlier.restart_count = UINT32_MAX - 1;
	assert_int_equal(since(fixture).restarts, 4);
	fixture->reset_count = UINT32_MAX;
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_EARLIER_MISMATCH);
}

static void
a_clock_that_went_back_is_refused(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;

	fixture->clock_msec--;
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_EARLIER_MISMATCH);
	/* Within one boot it does not, safe or not. */
	fixture->is_clock_safe = false;
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_EARLIER_MISMATCH);
	fixture->is_clock_safe = true;
	fixture->reset_count++;
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_EARLIER_MISMATCH);
}

/* It counts on from what it wrote down last. */
static void
a_clock_after_a_loss_of_power_may_be_behind(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;

	assert_false(since(fixture).has_clock_fallen);
	fixture->clock_msec--;
	fixture->is_clock_safe = false;
	fixture->reset_count++;
	fixture_quote(fixture);
	assert_true(since(fixture).has_clock_fallen);
}

/* --- the log ---------------------------------------------------------------
 */

static void
a_log_that_grew_is_taken(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;
	struct event build = fixture_build(7);

	assert_int_equal(since(fixture).event_count, 0);
	fixture_record(fixture, &build);
	build = fixture_build(8);
	fixture_record(fixture, &build);
	fixture_remake(fixture);
	assert_int_equal(since(fixture).event_count, 2);
}

/* Such as that of a TPM in software whose state was put back. */
static void
another_log_of_the_same_boot_is_refused(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;
	struct event build = fixture_build(7);

	fixture->count = 6;
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_EARLIER_MISMATCH);
	build.sequence = 7;
	fixture_record(fixture, &build);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_EARLIER_MISMATCH);
	boot(fixture, NULL);
	fixture_refused(fixture, EVIDENCE_EARLIER_MISMATCH);
}

/* Whoever hands evidence on can add such records, and take them away. */
static void
what_was_not_measured_makes_no_other_log(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;
	struct event start = fixture_start(fixture);
	struct event build = fixture_build(7);

	fixture_record(fixture, &start);
	fixture_remake(fixture);
	assert_int_equal(since(fixture).event_count, 1);
	pair->earlier = mark(fixture);
	fixture->count--;
	fixture_record(fixture, &build);
	fixture_record(fixture, &start);
	fixture_log(fixture);
	assert_int_equal(since(fixture).event_count, 0);
}

/* It was in the register at the earlier verdict. */
static void
what_was_measured_stays_so(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;
	struct event start = fixture_start(fixture);
	struct event build = fixture_build(7);

	fixture_record(fixture, &build);
	fixture_remake(fixture);
	pair->earlier = mark(fixture);
	fixture->count--;
	fixture_record(fixture, &start);
	fixture_extend(fixture);
	fixture_quote(fixture);
	fixture->count--;
	fixture_record(fixture, &build);
	fixture_record(fixture, &start);
	fixture_log(fixture);
	fixture_refused(fixture, EVIDENCE_EARLIER_MISMATCH);
}

/* --- the rules -------------------------------------------------------------
 */

static void
an_earlier_trust_policy_is_refused(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;
	struct event_rules rules = good_rules();

	fixture->reset_count++;
	rules.trust_version = 3;
	boot(fixture, &rules);
	fixture_refused(fixture, EVIDENCE_POLICY_OLD);
	rules.trust_version = 4;
	rules.trust.bytes[0] ^= 1;
	boot(fixture, &rules);
	fixture_refused(fixture, EVIDENCE_POLICY_OLD);
	rules.trust_version = 5;
	boot(fixture, &rules);
	assert_int_equal(mark(fixture).rules.trust_version, 5);
}

static void
an_earlier_store_index_is_refused(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;
	struct event_rules rules = good_rules();

	fixture->reset_count++;
	rules.epoch = 11;
	boot(fixture, &rules);
	fixture_refused(fixture, EVIDENCE_POLICY_OLD);
	rules.epoch = 12;
	rules.store.bytes[0] ^= 1;
	boot(fixture, &rules);
	fixture_refused(fixture, EVIDENCE_POLICY_OLD);
	rules.epoch = 13;
	boot(fixture, &rules);
	assert_int_equal(mark(fixture).rules.epoch, 13);
}

/* In a boot without a build there is none; the next one has to fit all the
 * same. */
static void
an_epoch_is_not_forgotten(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;
	struct event_rules none = good_rules();
	struct event_rules rules = good_rules();
	struct digest store = rules.store;

	none.has_store = false;
	none.epoch = 0;
	memset(&none.store, 0, sizeof(none.store));
	fixture->reset_count++;
	boot(fixture, &none);
	pair->earlier = mark(fixture);
	assert_true(pair->earlier.rules.has_store);
	assert_int_equal(pair->earlier.rules.epoch, 12);
	assert_true(digest_equal(&pair->earlier.rules.store, &store));
	rules.epoch = 11;
	fixture->reset_count++;
	boot(fixture, &rules);
	fixture_refused(fixture, EVIDENCE_POLICY_OLD);
}

/* A second start in a boot names no index until it builds. */
static void
the_last_index_of_a_boot_counts(void **state)
{
	struct pair *pair = *state;
	struct fixture *fixture = pair->fixture;
	struct event start = fixture_start(fixture);

	start.as.start.rules.has_store = false;
	start.as.start.rules.epoch = 0;
	memset(&start.as.start.rules.store, 0, DIGEST_BYTES);
	fixture_record(fixture, &start);
	fixture_remake(fixture);
	fixture->reference.earlier = NULL;
	assert_int_equal(mark(fixture).rules.epoch, 12);
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
