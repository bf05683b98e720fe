/* Images and configurations that a verifier expects. */
#include "evidence_fixture.h"

#include "base/scope.h"

static void
an_image_that_is_not_listed_is_refused(void **state)
{
	struct fixture *fixture = *state;

	fixture->images.rows[0].digest.bytes[0] ^= 1;
	fixture_refused(fixture, EVIDENCE_IMAGE_UNKNOWN);
}

/* It was verified and begun: somebody has it in his store. */
static void
an_image_of_an_abandoned_build_has_to_be_listed_too(void **state)
{
	struct fixture *fixture = *state;
	struct event build = fixture_build(4);
	struct event end = fixture_end(EVENT_ABANDON, 4);

	build.sequence = 8;
	build.as.build.envelope.bytes[0] ^= 1;
	build.as.build.payload.bytes[0] ^= 1;
	fixture_record(fixture, &build);
	end.sequence = 9;
	fixture_record(fixture, &end);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_IMAGE_UNKNOWN);
}

static void
a_debug_image_has_to_be_allowed(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event build = fixture_build(4);

	build.sequence = 8;
	build.as.build.is_debug = true;
	fixture_record(fixture, &build);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_DEBUG_IMAGE);
	fixture->reference.allow_debug = true;
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_true(verdict.history.domains[3].build.is_debug);
}

static void
a_configuration_that_is_not_listed_is_refused(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	CLEANUP(digest_list_done) struct digest_list list = {.count = 0};
	struct event build = fixture_build(3);
	struct err err;

	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_null(verdict.history.domains[2].configuration);
	evidence_verdict_done(&verdict);
	fixture->reference.configurations = &list;
	fixture_refused(fixture, EVIDENCE_CONFIGURATION_UNKNOWN);
	assert_refused(
	    digest_list_add(&list, &build.as.build.config, "small", &err), 0);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_string_equal(verdict.history.domains[2].configuration->name,
	    "small");
	evidence_verdict_done(&verdict);
	list.rows[0].digest.bytes[31] ^= 1;
	fixture_refused(fixture, EVIDENCE_CONFIGURATION_UNKNOWN);
}

/* Domains 1 and 2 ended; one that never was measured never ran. */
static void
a_configuration_of_what_ended_is_told(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	CLEANUP(digest_list_done) struct digest_list list = {.count = 0};
	struct event end = fixture_end(EVENT_DESTROY, 3);
	struct event build = fixture_build(8);
	struct event start;

	fixture->reference.configurations = &list;
	end.sequence = 8;
	fixture_record(fixture, &end);
	fixture_remake(fixture);
	start = fixture_start(fixture);
	fixture_record(fixture, &start);
	fixture_remake(fixture);
	fixture->count--;
	fixture_record(fixture, &build);
	fixture_record(fixture, &start);
	fixture_log(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.history.domain_count, 4);
	assert_int_equal(verdict.history.domains[3].fate, EVIDENCE_UNMEASURED);
	for (size_t i = 0; i < verdict.history.domain_count; i++)
		assert_null(verdict.history.domains[i].configuration);
}

int
main(void)
{
#define BENCH(test) \
	cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
	    BENCH(an_image_that_is_not_listed_is_refused),
	    BENCH(an_image_of_an_abandoned_build_has_to_be_listed_too),
	    BENCH(a_debug_image_has_to_be_allowed),
	    BENCH(a_configuration_that_is_not_listed_is_refused),
	    BENCH(a_configuration_of_what_ended_is_told),
	};

	return cmocka_run_group_tests_name("evidence_domains", tests, NULL,
	    NULL);
}
