#include "evidence_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>

#include "base/limits.h"
#include "base/scope.h"
#include "measure/verify/event_log_decode.h"

/* --- what is good ------------------------------------------------------ */

static void
good_evidence_is_verified_and_tells_what_ran(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(verdict.release, 0);
	assert_int_equal(verdict.story.domain_count, 3);
	assert_int_equal(verdict.story.domains[0].fate, EVIDENCE_DESTROYED);
	assert_int_equal(verdict.story.domains[1].fate, EVIDENCE_ABANDONED);
	assert_int_equal(verdict.story.domains[2].fate, EVIDENCE_STARTED);
	assert_string_equal(verdict.story.domains[2].image->name, "web 1");
	assert_int_equal(verdict.story.event_count, 7);
	assert_int_equal(verdict.story.start_count, 1);
	assert_int_equal(verdict.story.crash_count, 0);
	assert_int_equal(verdict.reset_count, 5);
	assert_int_equal(verdict.restart_count, 2);
	assert_true(verdict.is_clock_safe);
	assert_int_equal(verdict.clock_msec, 123456);
	assert_false(verdict.has_nv);
}

static void
an_image_is_known_by_its_payload_too(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	memset(bench->images.rows[0].digest.bytes, 0x55, DIGEST_BYTES);
	assert_refused(bench_verify(bench, &verdict), 0);
}

static void
one_of_several_references_has_to_fit(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct prediction *releases = calloc(2, sizeof(*releases));

	releases[0] = bench->release;
	releases[0].values.value[PCR_SHA256][7].bytes[0] ^= 1;
	releases[1] = bench->release;
	bench->reference.releases = releases;
	bench->reference.release_count = 2;
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(verdict.release, 1);
	/* Half of one and half of the other is neither. */
	releases[1].values.value[PCR_SHA256][4].bytes[0] ^= 1;
	evidence_verdict_done(&verdict);
	bench_refused(bench, EVIDENCE_PLATFORM_UNKNOWN);
	free(releases);
}

static void
without_the_sha384_bank_sha256_is_enough(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	bench->selected[PCR_SHA384] = 0;
	bench_quote(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(verdict.quoted[PCR_SHA384], 0);
	bench->selected[PCR_SHA256] = 0xfffffe;
	bench_quote(bench);
	evidence_verdict_done(&verdict);
	bench_refused(bench, EVIDENCE_PCR_MISMATCH);
}

/* --- restarts ----------------------------------------------------------- */

static void
a_daemon_that_stopped_may_start_again(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event stop = good_event(EVENT_STOP);
	struct event start, build = bench_build(1);

	stop.sequence = 8;
	bench_record(bench, &stop);
	bench_extend(bench);
	start = bench_start(bench);
	bench_record(bench, &start);
	bench_record(bench, &build);
	bench_remake(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(verdict.story.start_count, 2);
	assert_int_equal(verdict.story.crash_count, 0);
	assert_int_equal(verdict.story.unmeasured_count, 0);
	assert_int_equal(verdict.story.domain_count, 4);
}

static void
a_crash_is_told(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event start = bench_start(bench);

	bench_record(bench, &start);
	bench_remake(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(verdict.story.crash_count, 1);
}

/* Logged, not extended, crashed: the next start found the value before. */
static void
a_crash_between_log_and_register_is_told(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event start = bench_start(bench);
	struct event build = bench_build(7);

	bench_record(bench, &start);
	bench_extend(bench);
	bench->records[bench->count] = bench->records[bench->count - 1];
	bench->count--;
	bench_record(bench, &build);
	bench->count++;
	bench_log(bench);
	bench_quote(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(verdict.story.unmeasured_count, 1);
	assert_int_equal(verdict.story.domains[3].fate, EVIDENCE_UNMEASURED);
}

/* Nothing ended by an event that was not measured: the domain still runs. */
static void
an_end_that_was_not_measured_is_not_told(void **state)
{
	static const enum event_kind ends[] = {EVENT_DESTROY, EVENT_ABANDON};
	struct bench *bench = *state;
	struct event start = bench_start(bench);
	size_t count = bench->count;

	bench_record(bench, &start);
	bench_extend(bench);
	for (size_t i = 0; i < countof(ends); i++) {
		CLEANUP(evidence_verdict_done)
		struct evidence_verdict verdict = {.release = 9};
		struct event end = bench_end(ends[i], 3);

		end.sequence = 8;
		bench->count = count;
		bench_record(bench, &end);
		bench_record(bench, &start);
		bench_log(bench);
		bench_quote(bench);
		assert_refused(bench_verify(bench, &verdict), 0);
		assert_int_equal(verdict.story.unmeasured_count, 1);
		assert_int_equal(verdict.story.domains[0].fate,
		    EVIDENCE_DESTROYED);
		assert_int_equal(verdict.story.domains[2].fate,
		    EVIDENCE_STARTED);
	}
}

/* A measured end stays, though a start after it was not measured. */
static void
an_end_before_an_unmeasured_start_is_told(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event destroy = bench_end(EVENT_DESTROY, 3);
	struct event start;

	destroy.sequence = 8;
	bench_record(bench, &destroy);
	bench_extend(bench);
	start = bench_start(bench);
	bench_record(bench, &start);
	bench_extend(bench);
	bench_record(bench, &start);
	bench_log(bench);
	bench_quote(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(verdict.story.unmeasured_count, 1);
	assert_int_equal(verdict.story.domains[2].fate, EVIDENCE_DESTROYED);
}

/* Somebody on the way adds a build of the same uuid, which never ran, before a
 * start that follows a crash: the end after it is still that of the real one.
 */
static void
a_build_that_was_not_measured_takes_no_end(void **state)
{
	static const enum event_kind ends[] = {EVENT_DESTROY, EVENT_ABANDON};
	static const enum evidence_fate fates[] = {EVIDENCE_DESTROYED,
	    EVIDENCE_ABANDONED};
	struct bench *bench = *state;
	struct event start = bench_start(bench);
	struct event phantom = bench_build(7);
	size_t count = bench->count;

	phantom.as.build.uuid[15] = 3;
	for (size_t i = 0; i < countof(ends); i++) {
		CLEANUP(evidence_verdict_done)
		struct evidence_verdict verdict = {.release = 9};
		struct event end = bench_end(ends[i], 3);

		end.sequence = 2;
		bench->count = count;
		bench_record(bench, &start);
		bench_record(bench, &end);
		bench_remake(bench);
		bench->count = count;
		bench_record(bench, &phantom);
		bench_record(bench, &start);
		bench_record(bench, &end);
		bench_log(bench);
		assert_refused(bench_verify(bench, &verdict), 0);
		assert_int_equal(verdict.story.domain_count, 4);
		assert_int_equal(verdict.story.domains[2].fate, fates[i]);
		assert_int_equal(verdict.story.domains[3].fate,
		    EVIDENCE_UNMEASURED);
	}
}

/* Anybody between host and verifier can add one, before any start. */
static void
a_start_that_was_not_measured_tells_nothing(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event start = bench_start(bench);
	struct event added = start;

	added.as.start.is_development = true;
	added.as.start.nv_name_len = TPM_NAME_BYTES;
	memcpy(added.as.start.nv_name, bench->nv_name, TPM_NAME_BYTES);
	bench_record(bench, &start);
	bench_remake(bench);
	bench->count--;
	bench_record(bench, &added);
	bench_record(bench, &start);
	bench_log(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(verdict.story.start_count, 2);
	assert_int_equal(verdict.story.crash_count, 1);
	assert_int_equal(verdict.story.unmeasured_count, 1);
	assert_false(verdict.story.was_development);
}

/* Domain ids and uuids are used again; a pair that lives is one domain. */
static void
a_domain_ends_by_its_uuid_and_its_id(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event build = bench_build(7);
	struct event end = bench_end(EVENT_DESTROY, 3);
	struct evidence_story *story = &verdict.story;

	/* Another domain of the same uuid, and the end of the older one. */
	build.sequence = 8;
	build.as.build.uuid[15] = 3;
	bench_record(bench, &build);
	end.sequence = 9;
	bench_record(bench, &end);
	/* An id that neither of them has. */
	end.sequence = 10;
	end.as.destroy.domid = 99;
	bench_record(bench, &end);
	bench_remake(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(story->domains[2].fate, EVIDENCE_DESTROYED);
	assert_int_equal(story->domains[3].fate, EVIDENCE_STARTED);
	assert_int_equal(story->stray_count, 1);
	assert_int_equal(story->strays[0].event, 10);
	assert_int_equal(story->strays[0].kind, EVENT_DESTROY);
	assert_int_equal(story->strays[0].domid, 99);
}

static void
events_that_fit_no_domain_are_told(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	const struct evidence_story *story = &verdict.story;
	struct event never = bench_end(EVENT_ABANDON, 8);
	struct event again = bench_end(EVENT_ABANDON, 1);
	struct event twice = bench_build(3);

	never.sequence = 8;
	bench_record(bench, &never);
	again.sequence = 9; /* it was destroyed, and stays so */
	bench_record(bench, &again);
	twice.sequence = 10;
	bench_record(bench, &twice);
	bench_remake(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(story->stray_count, 3);
	assert_int_equal(story->strays[0].kind, EVENT_ABANDON);
	assert_int_equal(story->strays[0].domid, 8);
	assert_int_equal(story->strays[1].event, 9);
	assert_int_equal(story->strays[2].kind, EVENT_BUILD);
	assert_int_equal(story->domains[0].fate, EVIDENCE_DESTROYED);
	assert_int_equal(story->domain_count, 4);
}

static void
a_stop_that_was_not_measured_is_a_crash(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event start = bench_start(bench);
	struct event stop = good_event(EVENT_STOP);

	bench_record(bench, &start);
	bench_extend(bench);
	bench->count--;
	stop.sequence = 8;
	bench_record(bench, &stop);
	bench_record(bench, &start);
	bench_log(bench);
	bench_quote(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(verdict.story.crash_count, 1);
}

/* The whole log made up, extended into a register beside assayd's. */
static void
a_log_that_chose_its_register_is_refused(void **state)
{
	static const unsigned others[] = {14, 16, 23};
	struct bench *bench = *state;
	struct pcr_values *pcrs = &bench->evidence.pcrs;
	struct event start = bench_start(bench);

	memset(start.as.start.found, 0, sizeof(start.as.start.found));
	bench->count = 0;
	bench_record(bench, &start);
	bench_extend(bench);
	for (size_t i = 0; i < countof(others); i++) {
		unsigned pcr = others[i];

		start.as.start.pcr = pcr;
		bench->count = 0;
		bench_record(bench, &start);
		bench->records[0].pcr = pcr;
		for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
			struct err err;

			memset(&pcrs->value[bank][pcr], 0, PCR_MAX_BYTES);
			assert_refused(
			    pcr_extend(bank,
				&bench->records[0].digests.bank[bank],
				&pcrs->value[bank][pcr], &err),
			    0);
		}
		bench_log(bench);
		bench_quote(bench);
		bench_refused(bench, EVIDENCE_LOG_ADDED);
	}
	/* Nor may the event name another register than its record. */
	bench->records[0].pcr = 13;
	bench_extend(bench);
	bench_log(bench);
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
}

static void
a_start_that_found_something_else_is_refused(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);

	start.as.start.found[PCR_SHA256].bytes[0] ^= 1;
	bench_record(bench, &start);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
}

static void
a_start_in_another_register_is_refused(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);

	start.as.start.pcr = 14;
	bench_record(bench, &start);
	bench->records[bench->count - 1].pcr = 14;
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
}

/* --- the rules that decided ---------------------------------------------- */

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

/* --- the key and the quote --------------------------------------------- */

static void
a_key_that_signs_anything_is_refused(void **state)
{
	static const uint32_t attributes[] = {
	    0x00040072, /* not restricted */
	    0x00010072, /* does not sign */
	    0x00050070, /* not fixed to its TPM */
	    0x00050062, /* not fixed to its parent */
	    0x00050052, /* came from outside */
	    0x00070072, /* decrypts too */
	    0,
	};
	struct bench *bench = *state;

	for (size_t i = 0; i < countof(attributes); i++) {
		bench->attributes = attributes[i];
		bench_public(bench);
		bench_quote(bench);
		bench_refused(bench, EVIDENCE_AK_NOT_RESTRICTED);
	}
}

static void
another_key_is_refused(void **state)
{
	struct bench *bench = *state;
	struct tpm_name enrolled = bench->reference.ak;

	EVP_PKEY_free(bench->key);
	bench->key = EVP_EC_gen("P-256");
	bench_public(bench);
	bench_quote(bench);
	bench->reference.ak = enrolled;
	bench_refused(bench, EVIDENCE_AK_UNKNOWN);
}

static void
a_signature_by_another_key_is_refused(void **state)
{
	struct bench *bench = *state;
	EVP_PKEY *key = bench->key;

	bench->key = EVP_EC_gen("P-256");
	bench_quote(bench);
	EVP_PKEY_free(bench->key);
	bench->key = key;
	bench_refused(bench, EVIDENCE_SIGNATURE_BAD);
}

static void
a_changed_quote_is_refused_at_each_byte(void **state)
{
	struct bench *bench = *state;

	for (size_t i = 0; i < bench->evidence.attest.len; i++) {
		struct evidence_verdict verdict;

		bench->evidence.attest.ptr[i] ^= 1;
		assert_int_not_equal(bench_verify(bench, &verdict), 0);
		bench->evidence.attest.ptr[i] ^= 1;
	}
	bench->evidence.attest.ptr[60] ^= 1;
	bench_refused(bench, EVIDENCE_SIGNATURE_BAD);
}

static void
what_is_no_quote_is_refused(void **state)
{
	struct bench *bench = *state;

	bench->magic = 0xff544348;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_NOT_A_QUOTE);
	bench->magic = 0xff544347;
	bench->type = 0x8017; /* certify */
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_NOT_A_QUOTE);
	bench_nv(bench, &bench->evidence.pcrs.value[PCR_SHA256][13], 5);
	free(bench->evidence.attest.ptr);
	free(bench->evidence.signature.ptr);
	bench->evidence.attest = bench->evidence.nv[0].attest;
	bench->evidence.signature = bench->evidence.nv[0].signature;
	bench->evidence.nv[0] = (struct evidence_nv){.index = 0};
	bench->evidence.nv_count = 0;
	bench_refused(bench, EVIDENCE_NOT_A_QUOTE);
}

static void
another_nonce_is_refused(void **state)
{
	struct bench *bench = *state;

	bench->nonce[31] ^= 1;
	bench_refused(bench, EVIDENCE_NONCE_MISMATCH);
}

/* Whether there is one in the quote, and whether one is expected. */
static void
another_context_is_refused(void **state)
{
	const struct digest ours = {{1}}, theirs = {{2}}, made_up = {{3}};
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	bench->reference.context = ours;
	bench_refused(bench, EVIDENCE_CONTEXT_MISMATCH);
	bench->context = bench->evidence.context = ours;
	bench_quote(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	bench->reference.context = theirs;
	bench_refused(bench, EVIDENCE_CONTEXT_MISMATCH);
	bench->reference.context = evidence_no_context;
	bench_refused(bench, EVIDENCE_CONTEXT_MISMATCH);
	/* What evidence says of its context opens nothing, and shuts nothing.
	 */
	bench->reference.context = theirs;
	bench->evidence.context = theirs;
	bench_refused(bench, EVIDENCE_NONCE_MISMATCH);
	bench->evidence.context = made_up;
	bench_refused(bench, EVIDENCE_NONCE_MISMATCH);
	bench->reference.context = ours;
	evidence_verdict_done(&verdict);
	assert_refused(bench_verify(bench, &verdict), 0);
	bench->nonce[0] ^= 1;
	bench->evidence.context = ours;
	bench_refused(bench, EVIDENCE_NONCE_MISMATCH);
}

static void
no_context_is_the_digest_of_no_bytes(void **state)
{
	struct digest digest;
	struct err err;

	(void)state;
	assert_refused(digest_of(bytes_of(NULL, 0), &digest, &err), 0);
	assert_true(digest_equal(&digest, &evidence_no_context));
}

static void
values_that_were_not_quoted_are_refused(void **state)
{
	struct bench *bench = *state;
	struct pcr_values *pcrs = &bench->evidence.pcrs;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		pcrs->value[bank][9].bytes[3] ^= 1;
		bench_refused(bench, EVIDENCE_PCR_MISMATCH);
		pcrs->value[bank][9].bytes[3] ^= 1;
		pcrs->known[bank] ^= 1u << 9;
		bench_refused(bench, EVIDENCE_PCR_MISMATCH);
		pcrs->known[bank] ^= 1u << 9;
	}
}

/* --- the log ------------------------------------------------------------ */

static void
cut_record(struct bench *bench, size_t index)
{
	memmove(&bench->records[index], &bench->records[index + 1],
	    (bench->count - index - 1) * sizeof(bench->records[0]));
	bench->count--;
	bench_log(bench);
}

static void
a_removed_line_is_refused(void **state)
{
	struct bench *bench = *state;

	cut_record(bench, 2);
	bench_refused(bench, EVIDENCE_LOG_REMOVED);
	cut_record(bench, 0);
	bench_refused(bench, EVIDENCE_LOG_REMOVED);
	bench->count = 0;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_REMOVED);
}

/* Nothing is out of sequence, but the register says that there is more. */
static void
a_removed_last_line_is_refused(void **state)
{
	struct bench *bench = *state;

	cut_record(bench, bench->count - 1);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
}

static void
reordered_lines_are_refused(void **state)
{
	struct bench *bench = *state;
	struct record record = bench->records[2];

	bench->records[2] = bench->records[3];
	bench->records[3] = record;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_REORDERED);
}

static void
a_changed_line_is_refused(void **state)
{
	struct bench *bench = *state;
	struct record *record = &bench->records[2];
	struct event build = bench_build(2);

	build.as.build.domid = 99;
	record->len = event_encode(&build, record->event);
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_CHANGED);
	/* With digests that fit, it leads elsewhere. */
	bench->count = 2;
	bench_record(bench, &build);
	bench->count = 7;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
	/* One bank alone. */
	bench->records[2].digests.bank[PCR_SHA384].bytes[47] ^= 1;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_CHANGED);
}

static void
an_added_line_is_refused(void **state)
{
	struct bench *bench = *state;
	size_t count = bench->count;

	bench->records[count] = bench->records[3];
	bench->count++;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
	bench->records[count].type = 0x0d; /* EV_IPL */
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
	bench->records[count].type = 6;
	bench->records[count].event[0] ^= 1; /* another tag */
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
	bench->count--;
	bench->records[2].pcr = 14;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
}

/* In its place, with its number, but not as assayd writes it. */
static void
a_record_of_another_type_is_refused(void **state)
{
	struct bench *bench = *state;

	bench->records[2].type = 0x0d; /* EV_IPL */
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
	bench->records[2].type = 6;
	bench->records[0].pcr = 14;
	bench_log(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
}

/* For whoever reads a log without a quote: it says what was extended. */
static void
an_event_that_does_not_fit_its_record_is_seen(void **state)
{
	struct bench *bench = *state;
	const struct record *good = &bench->records[2];
	struct event_log_record record = {
	    .type = 6,
	    .banks = 3,
	    .digests = good->digests,
	    .event = bytes_of(good->event, good->len),
	};
	struct err err;

	assert_refused(event_log_check(&record, &err), 0);
	record.type = EVENT_LOG_NO_ACTION;
	assert_refused(event_log_check(&record, &err), EVIDENCE_LOG_CHANGED);
	record.type = 6;
	record.banks = 1;
	assert_refused(event_log_check(&record, &err), EVIDENCE_LOG_CHANGED);
	record.banks = 3;
	record.digests.bank[PCR_SHA384].bytes[47] ^= 1;
	assert_refused(event_log_check(&record, &err), EVIDENCE_LOG_CHANGED);
	/* Of firmware's events nobody knows. */
	record.event = bytes_of_str("EFI variable");
	assert_refused(event_log_check(&record, &err), 0);
}

/* With its digest it leads to the same register. */
static void
an_event_that_a_changed_byte_hides_is_seen(void **state)
{
	struct bench *bench = *state;
	struct bytes log = evidence_part_bytes(&bench->evidence.log);
	struct record *hidden = &bench->records[2];
	struct err err;

	assert_refused(event_log_check_all(log, &err), 0);
	hidden->event[0] ^= 3; /* the tag */
	bench_log(bench);
	log = evidence_part_bytes(&bench->evidence.log);
	assert_refused(event_log_check_all(log, &err), EVIDENCE_LOG_ADDED);
	hidden->event[0] ^= 3;
	/* It is assayd's, and fits its digest, but nobody reads it so. */
	hidden->event[EVENT_HEADER_BYTES] = ' ';
	assert_refused(pcr_digests_of(bytes_of(hidden->event, hidden->len),
			   &hidden->digests, &err),
	    0);
	bench_log(bench);
	log = evidence_part_bytes(&bench->evidence.log);
	assert_refused(event_log_check_all(log, &err), EVENT_MALFORMED);
	/* What others extended elsewhere is nothing to it. */
	bench->records[2] = bench->records[3];
	bench->records[3] = (struct record){.pcr = 4, .type = 1, .len = 3};
	bench_log(bench);
	log = evidence_part_bytes(&bench->evidence.log);
	assert_refused(event_log_check_all(log, &err), 0);
}

static void
a_start_with_another_number_is_refused(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);

	start.sequence = 2;
	bench_record(bench, &start);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
}

static void
starts_that_name_different_indices_are_refused(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);

	start.as.start.nv_name_len = TPM_NAME_BYTES;
	memcpy(start.as.start.nv_name, bench->nv_name, TPM_NAME_BYTES);
	bench_record(bench, &start);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
}

/* The last one names none: nobody would ask for what the first one extended. */
static void
an_index_that_a_later_start_leaves_out_is_missed(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);

	memset(start.as.start.found, 0, sizeof(start.as.start.found));
	start.as.start.nv_name_len = TPM_NAME_BYTES;
	memcpy(start.as.start.nv_name, bench->nv_name, TPM_NAME_BYTES);
	bench->count = 0;
	bench_record(bench, &start);
	bench_extend(bench);
	start = bench_start(bench);
	bench_record(bench, &start);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
}

/* As after a crash, but what it found is neither of the two values. */
static void
a_start_after_a_crash_cannot_lie_about_the_register(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);
	struct event build = bench_build(7);

	start.as.start.found[PCR_SHA384].bytes[47] ^= 1;
	bench_record(bench, &start);
	bench_extend(bench);
	bench->count--;
	bench_record(bench, &build);
	bench_record(bench, &start);
	bench_log(bench);
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
}

/* A size over the limit is refused before anything is read. */
static void
what_is_too_large_is_refused_unread(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_done) struct evidence evidence = {.nonce_len = 0};
	struct event_log_reader reader;
	struct err err;

	assert_refused(event_log_reader_init(bytes_of(bench->evidence.log.ptr,
						 LIMIT_EVENT_LOG_BYTES + 1),
			   &reader, &err),
	    EVENT_LOG_MALFORMED);
	assert_refused(evidence_decode(bytes_of("{}", LIMIT_EVIDENCE_BYTES + 1),
			   &evidence, &err),
	    EVIDENCE_MALFORMED);
}

static void
an_event_after_the_stop_is_refused(void **state)
{
	struct bench *bench = *state;
	struct event stop = good_event(EVENT_STOP);
	struct event build = bench_build(8);

	stop.sequence = 8;
	bench_record(bench, &stop);
	bench_record(bench, &build);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_LOG_ADDED);
}

/* It has a tag, digests and a place, but assayd writes no such thing. */
static void
an_event_of_another_form_is_refused(void **state)
{
	struct bench *bench = *state;
	struct record *record = &bench->records[6];
	struct err err;

	record->event[record->len - 2] = ' ';
	assert_refused(pcr_digests_of(bytes_of(record->event, record->len),
			   &record->digests, &err),
	    0);
	bench_remake(bench);
	bench_refused(bench, EVENT_MALFORMED);
}

static void
a_quote_from_before_a_build_is_refused(void **state)
{
	struct bench *bench = *state;
	struct event build = bench_build(7);

	bench_record(bench, &build);
	bench_log(bench);
	bench_refused(bench, EVIDENCE_NOT_MEASURED);
}

/* The host claims an image that never ran, and knows the digests. */
static void
an_event_that_was_never_measured_is_refused(void **state)
{
	struct bench *bench = *state;
	struct event build = bench_build(7);

	bench->count--;
	bench_remake(bench);
	bench->count++;
	bench->count--;
	build.sequence = 7;
	bench_record(bench, &build);
	bench_log(bench);
	bench_refused(bench, EVIDENCE_NOT_MEASURED);
	/* Nothing at all was measured. */
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		memset(&bench->evidence.pcrs.value[bank][13], 0, PCR_MAX_BYTES);
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_NOT_MEASURED);
}

/* One evidence cannot tell a quote before a build from an invented build, two
 * can: docs/decisions/0017. */
static void
asking_again_tells_a_late_build_from_an_invented_one(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event build = bench_build(7);

	bench_record(bench, &build);
	bench_log(bench);
	bench_refused(bench, EVIDENCE_NOT_MEASURED);
	bench->nonce[0] ^= 1;
	bench_refused(bench, EVIDENCE_NONCE_MISMATCH);
	/* Nothing ran: the register is as it was. */
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_NOT_MEASURED);
	/* It ran. */
	bench_extend(bench);
	bench_quote(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
}

static void
a_register_that_others_extended_before_is_refused(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);

	bench->count = 0;
	bench_record(bench, &start);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_REGISTER_USED);
}

/* And if assayd's own start event lies about it, nothing leads there. */
static void
a_register_that_others_extended_unseen_is_refused(void **state)
{
	struct bench *bench = *state;
	struct pcr_digest other = {{1}};
	struct err err;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++)
		assert_refused(pcr_extend(bank, &other,
				   &bench->evidence.pcrs.value[bank][13], &err),
		    0);
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
}

static void
both_banks_are_replayed(void **state)
{
	struct bench *bench = *state;
	struct pcr_digest *value = bench->evidence.pcrs.value[PCR_SHA384];

	value[13].bytes[0] ^= 1;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
}

static void
a_firmware_log_that_lies_is_refused(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct record record = bench->records[0];

	bench->evidence.firmware_log = bench_pack(&record, 1);
	bench->evidence.firmware_log.len = 69;
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_true(verdict.has_firmware_log);
	evidence_verdict_done(&verdict);
	free(bench->evidence.firmware_log.ptr);
	record.pcr = 4;
	bench->evidence.firmware_log = bench_pack(&record, 1);
	bench_refused(bench, EVIDENCE_LOG_MISMATCH);
	bench->evidence.firmware_log.len--;
	bench_refused(bench, EVENT_LOG_MALFORMED);
}

/* --- what a host should be ---------------------------------------------- */

static void
development_has_to_be_allowed(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event start = bench_start(bench);

	memset(start.as.start.found, 0, sizeof(start.as.start.found));
	start.as.start.is_development = true;
	bench->count = 0;
	bench_record(bench, &start);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_DEVELOPMENT);
	bench->reference.allow_development = true;
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_true(verdict.story.was_development);
}

/* A start in production that follows does not undo it. */
static void
development_of_an_earlier_run_is_seen(void **state)
{
	struct bench *bench = *state;
	struct event start = bench_start(bench);

	memset(start.as.start.found, 0, sizeof(start.as.start.found));
	start.as.start.is_development = true;
	bench->count = 0;
	bench_record(bench, &start);
	bench_extend(bench);
	start = bench_start(bench);
	bench_record(bench, &start);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_DEVELOPMENT);
}

static void
another_boot_is_refused(void **state)
{
	struct bench *bench = *state;

	bench->evidence.pcrs.value[PCR_SHA256][4].bytes[31] ^= 1;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_PLATFORM_UNKNOWN);
	bench->reference.release_count = 0;
	bench_refused(bench, EVIDENCE_PLATFORM_UNKNOWN);
}

/* It fits: but it would fit whatever this host had booted. */
static void
a_reference_without_a_boot_register_is_refused(void **state)
{
	static const unsigned others[] = {7, 13, 14, 16, 23};
	struct bench *bench = *state;
	const struct pcr_digest *values =
	    bench->evidence.pcrs.value[PCR_SHA256];

	for (size_t i = 0; i < countof(others); i++) {
		memset(&bench->release, 0, sizeof(bench->release));
		prediction_set(&bench->release, PCR_SHA256, others[i],
		    &values[others[i]], "something");
		bench_refused(bench, REFERENCE_MALFORMED);
	}
	/* Nor may one that anybody writes stand beside a good one. */
	prediction_set(&bench->release, PCR_SHA256, 4, &values[4], "the image");
	bench_refused(bench, REFERENCE_MALFORMED);
}

static void
a_reference_in_a_bank_that_is_not_quoted_does_not_fit(void **state)
{
	struct bench *bench = *state;
	struct pcr_digest four = {{4}};

	prediction_set(&bench->release, PCR_SHA384, 4, &four, "the image");
	bench->evidence.pcrs.value[PCR_SHA384][4] = four;
	bench->selected[PCR_SHA384] = 0;
	bench_quote(bench);
	bench_refused(bench, EVIDENCE_PLATFORM_UNKNOWN);
}

static void
an_image_that_is_not_listed_is_refused(void **state)
{
	struct bench *bench = *state;

	bench->images.rows[0].digest.bytes[0] ^= 1;
	bench_refused(bench, EVIDENCE_IMAGE_UNKNOWN);
}

/* It was verified and begun: somebody has it in his store. */
static void
an_image_of_an_abandoned_build_has_to_be_listed_too(void **state)
{
	struct bench *bench = *state;
	struct event build = bench_build(4);
	struct event end = bench_end(EVENT_ABANDON, 4);

	build.sequence = 8;
	build.as.build.envelope.bytes[0] ^= 1;
	build.as.build.payload.bytes[0] ^= 1;
	bench_record(bench, &build);
	end.sequence = 9;
	bench_record(bench, &end);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_IMAGE_UNKNOWN);
}

static void
a_debug_image_has_to_be_allowed(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event build = bench_build(4);

	build.sequence = 8;
	build.as.build.is_debug = true;
	bench_record(bench, &build);
	bench_remake(bench);
	bench_refused(bench, EVIDENCE_DEBUG_IMAGE);
	bench->reference.allow_debug = true;
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_true(verdict.story.domains[3].build.is_debug);
}

static void
a_configuration_that_is_not_listed_is_refused(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	CLEANUP(digest_list_done) struct digest_list list = {.count = 0};
	struct event build = bench_build(3);
	struct err err;

	assert_refused(bench_verify(bench, &verdict), 0);
	assert_null(verdict.story.domains[2].configuration);
	evidence_verdict_done(&verdict);
	bench->reference.configurations = &list;
	bench_refused(bench, EVIDENCE_CONFIGURATION_UNKNOWN);
	assert_refused(
	    digest_list_add(&list, &build.as.build.config, "small", &err), 0);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_string_equal(verdict.story.domains[2].configuration->name,
	    "small");
	evidence_verdict_done(&verdict);
	list.rows[0].digest.bytes[31] ^= 1;
	bench_refused(bench, EVIDENCE_CONFIGURATION_UNKNOWN);
}

/* Domains 1 and 2 ended; one that never was measured never ran. */
static void
a_configuration_of_what_ended_is_told(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	CLEANUP(digest_list_done) struct digest_list list = {.count = 0};
	struct event end = bench_end(EVENT_DESTROY, 3);
	struct event build = bench_build(8);
	struct event start;

	bench->reference.configurations = &list;
	end.sequence = 8;
	bench_record(bench, &end);
	bench_remake(bench);
	start = bench_start(bench);
	bench_record(bench, &start);
	bench_remake(bench);
	bench->count--;
	bench_record(bench, &build);
	bench_record(bench, &start);
	bench_log(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_int_equal(verdict.story.domain_count, 4);
	assert_int_equal(verdict.story.domains[3].fate, EVIDENCE_UNMEASURED);
	for (size_t i = 0; i < verdict.story.domain_count; i++)
		assert_null(verdict.story.domains[i].configuration);
}

/* --- the NV index of a dynamic launch ----------------------------------- */

static void
use_nv(struct bench *bench)
{
	struct event start = good_event(EVENT_START);

	memcpy(start.as.start.nv_name, bench->nv_name, TPM_NAME_BYTES);
	bench->count = 0;
	bench_record(bench, &start);
	bench_remake(bench);
	bench_nv(bench, &bench->evidence.pcrs.value[PCR_SHA256][13], 5);
	bench->reference.nv_name_count = 1;
}

static void
an_nv_index_that_holds_the_same_is_taken(void **state)
{
	struct bench *bench = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	use_nv(bench);
	assert_refused(bench_verify(bench, &verdict), 0);
	assert_true(verdict.has_nv);
}

static void
an_nv_index_that_does_not_confirm_is_refused(void **state)
{
	struct bench *bench = *state;
	struct pcr_digest other = bench->evidence.pcrs.value[PCR_SHA256][4];

	use_nv(bench);
	bench_nv(bench, &other, 5);
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
	bench->nv_offset = 1;
	bench_nv(bench, &bench->evidence.pcrs.value[PCR_SHA256][13], 5);
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
	bench->nv_offset = 0;
	bench_nv(bench, &bench->evidence.pcrs.value[PCR_SHA256][13], 6);
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
	bench->context = (struct digest){{1}};
	bench_nv(bench, &bench->evidence.pcrs.value[PCR_SHA256][13], 5);
	bench_refused(bench, EVIDENCE_NONCE_MISMATCH);
	bench->context = evidence_no_context;
	/* TPM2_Shutdown(STATE), TPM2_Startup(CLEAR): no reset, a restart. */
	bench->restart_count = 3;
	bench_nv(bench, &bench->evidence.pcrs.value[PCR_SHA256][13], 5);
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
	bench->restart_count = 2;
	bench->evidence.nv_count = 0;
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
	bench->nv_name[9] ^= 1;
	bench_nv(bench, &bench->evidence.pcrs.value[PCR_SHA256][13], 5);
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
	bench->evidence.nv[0].attest.ptr[50] ^= 1;
	bench_refused(bench, EVIDENCE_SIGNATURE_BAD);
}

static void
an_nv_index_that_is_not_expected_is_refused(void **state)
{
	struct bench *bench = *state;

	use_nv(bench);
	bench->reference.nv_name_count = 0;
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
	bench->reference.nv_name_count = 1;
	bench->nv_expected.bytes[5] ^= 1;
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
}

static void
an_expected_nv_index_has_to_be_used(void **state)
{
	struct bench *bench = *state;

	bench->reference.nv_name_count = 1;
	bench_refused(bench, EVIDENCE_NV_MISMATCH);
}

int
main(void)
{
#define BENCH(test) cmocka_unit_test_setup_teardown(test, bench_new, bench_free)
	const struct CMUnitTest tests[] = {
	    BENCH(good_evidence_is_verified_and_tells_what_ran),
	    BENCH(an_image_is_known_by_its_payload_too),
	    BENCH(one_of_several_references_has_to_fit),
	    BENCH(without_the_sha384_bank_sha256_is_enough),
	    BENCH(a_daemon_that_stopped_may_start_again),
	    BENCH(a_crash_is_told),
	    BENCH(a_crash_between_log_and_register_is_told),
	    BENCH(an_end_that_was_not_measured_is_not_told),
	    BENCH(an_end_before_an_unmeasured_start_is_told),
	    BENCH(a_build_that_was_not_measured_takes_no_end),
	    BENCH(a_start_that_was_not_measured_tells_nothing),
	    BENCH(a_domain_ends_by_its_uuid_and_its_id),
	    BENCH(events_that_fit_no_domain_are_told),
	    BENCH(a_stop_that_was_not_measured_is_a_crash),
	    BENCH(a_log_that_chose_its_register_is_refused),
	    BENCH(a_start_that_found_something_else_is_refused),
	    BENCH(a_start_in_another_register_is_refused),
	    BENCH(the_rules_of_each_start_and_each_domain_are_told),
	    BENCH(a_trust_policy_never_falls_within_a_boot),
	    BENCH(a_fall_between_is_seen),
	    BENCH(an_epoch_never_falls_within_a_boot),
	    BENCH(two_store_indexes_of_one_epoch_are_refused),
	    BENCH(a_start_without_an_index_yet_is_taken),
	    BENCH(older_rules_than_demanded_are_refused),
	    BENCH(an_epoch_is_demanded_of_what_was_built),
	    BENCH(a_key_that_signs_anything_is_refused),
	    BENCH(another_key_is_refused),
	    BENCH(a_signature_by_another_key_is_refused),
	    BENCH(a_changed_quote_is_refused_at_each_byte),
	    BENCH(what_is_no_quote_is_refused),
	    BENCH(another_nonce_is_refused),
	    BENCH(another_context_is_refused),
	    cmocka_unit_test(no_context_is_the_digest_of_no_bytes),
	    BENCH(values_that_were_not_quoted_are_refused),
	    BENCH(a_removed_line_is_refused),
	    BENCH(a_removed_last_line_is_refused),
	    BENCH(reordered_lines_are_refused),
	    BENCH(a_changed_line_is_refused),
	    BENCH(an_added_line_is_refused),
	    BENCH(a_record_of_another_type_is_refused),
	    BENCH(an_event_that_does_not_fit_its_record_is_seen),
	    BENCH(a_record_of_another_type_is_refused),
	    BENCH(an_event_that_a_changed_byte_hides_is_seen),
	    BENCH(a_start_with_another_number_is_refused),
	    BENCH(starts_that_name_different_indices_are_refused),
	    BENCH(an_index_that_a_later_start_leaves_out_is_missed),
	    BENCH(a_start_after_a_crash_cannot_lie_about_the_register),
	    BENCH(what_is_too_large_is_refused_unread),
	    BENCH(an_event_after_the_stop_is_refused),
	    BENCH(an_event_of_another_form_is_refused),
	    BENCH(a_quote_from_before_a_build_is_refused),
	    BENCH(an_event_that_was_never_measured_is_refused),
	    BENCH(asking_again_tells_a_late_build_from_an_invented_one),
	    BENCH(a_register_that_others_extended_before_is_refused),
	    BENCH(a_register_that_others_extended_unseen_is_refused),
	    BENCH(both_banks_are_replayed),
	    BENCH(a_firmware_log_that_lies_is_refused),
	    BENCH(development_has_to_be_allowed),
	    BENCH(development_of_an_earlier_run_is_seen),
	    BENCH(another_boot_is_refused),
	    BENCH(a_reference_without_a_boot_register_is_refused),
	    BENCH(a_reference_in_a_bank_that_is_not_quoted_does_not_fit),
	    BENCH(an_image_that_is_not_listed_is_refused),
	    BENCH(an_image_of_an_abandoned_build_has_to_be_listed_too),
	    BENCH(a_debug_image_has_to_be_allowed),
	    BENCH(a_configuration_that_is_not_listed_is_refused),
	    BENCH(a_configuration_of_what_ended_is_told),
	    BENCH(an_nv_index_that_holds_the_same_is_taken),
	    BENCH(an_nv_index_that_does_not_confirm_is_refused),
	    BENCH(an_nv_index_that_is_not_expected_is_refused),
	    BENCH(an_expected_nv_index_has_to_be_used),
	};

	return cmocka_run_group_tests_name("evidence_verify", tests, NULL,
	    NULL);
}
