/* By which rules a host decided, and which a verifier demands. */
#include "evidence_fixture.h"

#include <string.h>

#include "base/scope.h"

/* A start, or a change, of these rules after all that was recorded. */
static void
record_rules(struct fixture *fixture, const struct event_rules *rules,
    bool is_start)
{
	struct event event = good_event(EVENT_POLICY);

	fixture_extend(fixture);
	if (is_start) {
		event = fixture_start(fixture);
		event.as.start.rules = *rules;
	} else {
		event.as.policy = *rules;
		event.sequence = fixture->count + 1;
	}
	fixture_record(fixture, &event);
	fixture_remake(fixture);
}

static struct event_rules
good_rules(void)
{
	return good_event(EVENT_POLICY).as.policy;
}

static void
the_rules_of_each_start_and_each_domain_are_told(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event build = fixture_build(8);
	struct event_rules rules = good_rules();

	rules.trust_version = 5;
	memset(rules.trust.bytes, 0x15, DIGEST_BYTES);
	rules.epoch = 13;
	record_rules(fixture, &rules, false);
	build.sequence = 9;
	fixture_record(fixture, &build);
	rules.epoch = 14;
	record_rules(fixture, &rules, true);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.history.rules_count, 4);
	assert_true(verdict.history.rules[0].is_start);
	assert_int_equal(verdict.history.rules[0].event, 1);
	assert_int_equal(verdict.history.rules[0].domain_count, 3);
	assert_int_equal(verdict.history.rules[0].as.trust_version, 4);
	assert_false(verdict.history.rules[2].is_start);
	assert_int_equal(verdict.history.rules[2].event, 8);
	assert_int_equal(verdict.history.rules[2].domain_count, 1);
	assert_true(verdict.history.rules[3].is_start);
	assert_int_equal(verdict.history.domains[2].rules, 0);
	assert_int_equal(verdict.history.domains[3].rules, 2);
	assert_int_equal(boot_history_rules(&verdict.history)->epoch, 14);
}

static void
a_trust_policy_never_falls_within_a_boot(void **state)
{
	struct fixture *fixture = *state;
	struct event_rules rules = good_rules();
	size_t count = fixture->count;

	for (int is_start = 0; is_start <= 1; is_start++) {
		fixture->count = count;
		rules.trust_version = 3;
		record_rules(fixture, &rules, is_start != 0);
		fixture_refused(fixture, EVIDENCE_POLICY_FELL);
		/* One version, another policy. */
		fixture->count = count;
		rules.trust_version = 4;
		rules.trust.bytes[31] ^= 1;
		record_rules(fixture, &rules, is_start != 0);
		fixture_refused(fixture, EVIDENCE_POLICY_FELL);
		rules.trust.bytes[31] ^= 1;
	}
}

/* Up and down again: what holds now is as good as at first. */
static void
a_fall_between_is_seen(void **state)
{
	struct fixture *fixture = *state;
	struct event_rules rules = good_rules();

	rules.trust_version = 5;
	record_rules(fixture, &rules, false);
	record_rules(fixture,
	    &(struct event_rules){good_rules().trust, 4, false, {{0}}, 0, false,
		{{0}}},
	    true);
	rules.trust_version = 6;
	record_rules(fixture, &rules, true);
	fixture_refused(fixture, EVIDENCE_POLICY_FELL);
}

/* A start names no index before its first build, which is no way around. */
static void
an_epoch_never_falls_within_a_boot(void **state)
{
	struct fixture *fixture = *state;
	struct event_rules none = good_rules();
	struct event_rules rules = good_rules();

	none.has_store = false;
	none.epoch = 0;
	memset(&none.store, 0, sizeof(none.store));
	record_rules(fixture, &none, true);
	rules.epoch = 11;
	record_rules(fixture, &rules, true);
	fixture_refused(fixture, EVIDENCE_POLICY_FELL);
}

/* Somebody signed it twice: which list was meant? Also after another policy. */
static void
two_store_indexes_of_one_epoch_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct event_rules rules = good_rules();

	rules.store.bytes[0] ^= 1;
	rules.trust_version++;
	record_rules(fixture, &rules, true);
	fixture_refused(fixture, EVIDENCE_POLICY_FELL);
}

static void
a_start_without_an_index_yet_is_taken(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event_rules none = good_rules();
	struct event build = fixture_build(1);

	none.has_store = false;
	none.epoch = 0;
	memset(&none.store, 0, sizeof(none.store));
	record_rules(fixture, &none, true);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	evidence_verdict_done(&verdict);
	/* But no image comes without what the same trust policy demanded. */
	fixture_record(fixture, &build);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_POLICY_FELL);
	fixture->count -= 2;
	none = good_rules();
	none.has_boot_policy = false;
	memset(&none.boot_policy, 0, sizeof(none.boot_policy));
	record_rules(fixture, &none, true);
	fixture_record(fixture, &build);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_POLICY_FELL);
	/* A later one may do without. */
	fixture->count -= 2;
	none.has_store = false;
	none.epoch = 0;
	memset(&none.store, 0, sizeof(none.store));
	none.trust_version = 5;
	record_rules(fixture, &none, true);
	fixture_record(fixture, &build);
	fixture_remake(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
}

static void
older_rules_than_demanded_are_refused(void **state)
{
	struct fixture *fixture = *state;
	struct evidence_demand *demand = &fixture->reference.demand;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event_rules rules = good_rules();

	*demand = (struct evidence_demand){NULL, 4, 12};
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_false(evidence_rules_has_older(&verdict.history, demand));
	evidence_verdict_done(&verdict);
	*demand = (struct evidence_demand){NULL, 5, 12};
	fixture_refused(fixture, EVIDENCE_POLICY_OLD);
	*demand = (struct evidence_demand){NULL, 4, 13};
	fixture_refused(fixture, EVIDENCE_POLICY_OLD);
	/* What is newer now makes no older domain newer. */
	*demand = (struct evidence_demand){NULL, 5, 13};
	rules.trust_version = 5;
	rules.epoch = 13;
	record_rules(fixture, &rules, false);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_true(evidence_rules_has_older(&verdict.history, demand));
}

/* A start names no index before its first build; no build may be without. */
static void
an_epoch_is_demanded_of_what_was_built(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event_rules none = good_rules();
	struct event build = fixture_build(1);

	fixture->reference.demand.min_epoch = 12;
	none.has_store = false;
	none.epoch = 0;
	memset(&none.store, 0, sizeof(none.store));
	record_rules(fixture, &none, true);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	evidence_verdict_done(&verdict);
	fixture->count = 0;
	memset(fixture->evidence.pcrs.value[PCR_SHA256][13].bytes, 0,
	    PCR_MAX_BYTES);
	memset(fixture->evidence.pcrs.value[PCR_SHA384][13].bytes, 0,
	    PCR_MAX_BYTES);
	record_rules(fixture, &none, true);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	fixture_record(fixture, &build);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_POLICY_OLD);
}

int
main(void)
{
#define BENCH(test) \
	cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)
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
