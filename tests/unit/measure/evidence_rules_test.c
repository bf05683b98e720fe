/* By which rules a host decided, and which a verifier demands. */
#include "evidence_fixture.h"

#include <string.h>

#include "base/scope.h"

/* A start, or a change, of these rules after all that was recorded. */
static void
record_rules(struct bench *bench, const struct event_rules *rules,
    bool is_start)
{
	struct event event = good_event(EVENT_POLICY);

	bench_extend(bench);
	if (is_start) {
		event = bench_start(bench);
		event.as.start.rules = *rules;
	} else {
		event.as.policy = *rules;
		event.sequence = bench->count + 1;
	}
	bench_record(bench, &event);
	bench_remake(bench);
}

static struct event_rules
good_rules(void)
{
	return good_event(EVENT_POLICY).as.policy;
}

static void
the_rules_of_each_start_and_each_domain_are_told(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event build = bench_build(8);
	struct event_rules rules = good_rules();

	rules.trust_version = 5;
	memset(rules.trust.bytes, 0x15, DIGEST_BYTES);
	rules.epoch = 13;
	record_rules(bench, &rules, false);
	build.sequence = 9;
	bench_record(bench, &build);
	rules.epoch = 14;
	record_rules(bench, &rules, true);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(verdict.story.rules_count, 4);
	assert_true(verdict.story.rules[0].is_start);
	assert_int_equal(verdict.story.rules[0].event, 1);
	assert_int_equal(verdict.story.rules[0].domain_count, 3);
	assert_int_equal(verdict.story.rules[0].as.trust_version, 4);
	assert_false(verdict.story.rules[2].is_start);
	assert_int_equal(verdict.story.rules[2].event, 8);
	assert_int_equal(verdict.story.rules[2].domain_count, 1);
	assert_true(verdict.story.rules[3].is_start);
	assert_int_equal(verdict.story.domains[2].rules, 0);
	assert_int_equal(verdict.story.domains[3].rules, 2);
	assert_int_equal(evidence_story_rules(&verdict.story)->epoch, 14);
}

static void
a_trust_policy_never_falls_within_a_boot(void **state)
{
	struct bench *bench = *state;
	struct event_rules rules = good_rules();
	size_t count = bench->count;

	for (int is_start = 0; is_start <= 1; is_start++) {
		bench->count = count;
		rules.trust_version = 3;
		record_rules(bench, &rules, is_start != 0);
		bench_refused(bench, EVIDENCE_POLICY_FELL);
		/* One version, another policy. */
		bench->count = count;
		rules.trust_version = 4;
		rules.trust.bytes[31] ^= 1;
		record_rules(bench, &rules, is_start != 0);
		bench_refused(bench, EVIDENCE_POLICY_FELL);
		rules.trust.bytes[31] ^= 1;
	}
}

/* Up and down again: what holds now is as good as at first. */
static void
a_fall_between_is_seen(void **state)
{
	struct bench *bench = *state;
	struct event_rules rules = good_rules();

	rules.trust_version = 5;
	record_rules(bench, &rules, false);
	record_rules(bench,
	    &(struct event_rules){good_rules().trust, 4, false, {{0}}, 0, false,
		{{0}}},
	    true);
	rules.trust_version = 6;
	record_rules(bench, &rules, true);
	bench_refused(bench, EVIDENCE_POLICY_FELL);
}

/* A start names no index before its first build, which is no way around. */
static void
an_epoch_never_falls_within_a_boot(void **state)
{
	struct bench *bench = *state;
	struct event_rules none = good_rules();
	struct event_rules rules = good_rules();

	none.has_store = false;
	none.epoch = 0;
	memset(&none.store, 0, sizeof(none.store));
	record_rules(bench, &none, true);
	rules.epoch = 11;
	record_rules(bench, &rules, true);
	bench_refused(bench, EVIDENCE_POLICY_FELL);
}

/* Somebody signed it twice: which list was meant? Also after another policy. */
static void
two_store_indexes_of_one_epoch_are_refused(void **state)
{
	struct bench *bench = *state;
	struct event_rules rules = good_rules();

	rules.store.bytes[0] ^= 1;
	rules.trust_version++;
	record_rules(bench, &rules, true);
	bench_refused(bench, EVIDENCE_POLICY_FELL);
}

static void
a_start_without_an_index_yet_is_taken(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event_rules none = good_rules();
	struct event build = bench_build(1);

	none.has_store = false;
	none.epoch = 0;
	memset(&none.store, 0, sizeof(none.store));
	record_rules(bench, &none, true);
	assert_refused(bench_verify(bench, &verdict), 0);
	evidence_verdict_done(&verdict);
	/* But no image comes without what the same trust policy demanded. */
	bench_record(bench, &build);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_POLICY_FELL);
	bench->count -= 2;
	none = good_rules();
	none.has_boot_policy = false;
	memset(&none.boot_policy, 0, sizeof(none.boot_policy));
	record_rules(bench, &none, true);
	bench_record(bench, &build);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_POLICY_FELL);
	/* A later one may do without. */
	bench->count -= 2;
	none.has_store = false;
	none.epoch = 0;
	memset(&none.store, 0, sizeof(none.store));
	none.trust_version = 5;
	record_rules(bench, &none, true);
	bench_record(bench, &build);
	bench_remake(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
}

static void
older_rules_than_demanded_are_refused(void **state)
{
	struct bench *bench = *state;
	struct evidence_demand *demand = &bench->reference.demand;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event_rules rules = good_rules();

	*demand = (struct evidence_demand){NULL, 4, 12};
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_false(evidence_rules_has_older(&verdict.story, demand));
	evidence_verdict_done(&verdict);
	*demand = (struct evidence_demand){NULL, 5, 12};
	bench_refused(bench, EVIDENCE_POLICY_OLD);
	*demand = (struct evidence_demand){NULL, 4, 13};
	bench_refused(bench, EVIDENCE_POLICY_OLD);
	/* What is newer now makes no older domain newer. */
	*demand = (struct evidence_demand){NULL, 5, 13};
	rules.trust_version = 5;
	rules.epoch = 13;
	record_rules(bench, &rules, false);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_true(evidence_rules_has_older(&verdict.story, demand));
}

/* A start names no index before its first build; no build may be without. */
static void
an_epoch_is_demanded_of_what_was_built(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event_rules none = good_rules();
	struct event build = bench_build(1);

	bench->reference.demand.min_epoch = 12;
	none.has_store = false;
	none.epoch = 0;
	memset(&none.store, 0, sizeof(none.store));
	record_rules(bench, &none, true);
	assert_refused(bench_verify(bench, &verdict), 0);
	evidence_verdict_done(&verdict);
	bench->count = 0;
	memset(bench->evidence.pcrs.value[PCR_SHA256][13].bytes, 0,
	    PCR_MAX_BYTES);
	memset(bench->evidence.pcrs.value[PCR_SHA384][13].bytes, 0,
	    PCR_MAX_BYTES);
	record_rules(bench, &none, true);
	assert_refused(bench_verify(bench, &verdict), 0);
	bench_record(bench, &build);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_POLICY_OLD);
}

int
main(void)
{
#define BENCH(test) cmocka_unit_test_setup_teardown(test, bench_new, bench_free)
	const struct CMUnitTest tests[] = {
	    BENCH(the_rules_of_each_start_and_each_domain_are_told),
	    BENCH(a_trust_policy_never_falls_within_a_boot),
	    BENCH(a_fall_between_is_seen),
	    BENCH(an_epoch_never_falls_within_a_boot),
	    BENCH(two_store_indexes_of_one_epoch_are_refused),
	    BENCH(a_start_without_an_index_yet_is_taken),
	    BENCH(older_rules_than_demanded_are_refused),
	    BENCH(an_epoch_is_demanded_of_what_was_built),
	};

	return cmocka_run_group_tests_name("evidence_rules", tests, NULL, NULL);
}
