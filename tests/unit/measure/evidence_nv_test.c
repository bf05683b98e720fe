/* The NV index of a dynamic launch. */
#include "evidence_fixture.h"

#include <string.h>

#include "base/scope.h"

static void
use_nv(struct fixture *fixture)
{
	struct event start = good_event(EVENT_START);

	memcpy(start.as.start.nv_name, fixture->nv_name, TPM_NAME_BYTES);
	fixture->count = 0;
	fixture_record(fixture, &start);
	fixture_remake(fixture);
	fixture_nv(fixture, &fixture->evidence.pcrs.value[PCR_SHA256][13], 5);
	fixture->reference.nv_name_count = 1;
}

static void
an_nv_index_that_holds_the_same_is_taken(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	use_nv(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_true(verdict.has_nv);
}

static void
an_nv_index_that_does_not_confirm_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct pcr_digest other = fixture->evidence.pcrs.value[PCR_SHA256][4];

	use_nv(fixture);
	fixture_nv(fixture, &other, 5);
	fixture_refused(fixture, EVIDENCE_NV_MISMATCH);
	fixture->nv_offset = 1;
	fixture_nv(fixture, &fixture->evidence.pcrs.value[PCR_SHA256][13], 5);
	fixture_refused(fixture, EVIDENCE_NV_MISMATCH);
	fixture->nv_offset = 0;
	fixture_nv(fixture, &fixture->evidence.pcrs.value[PCR_SHA256][13], 6);
	fixture_refused(fixture, EVIDENCE_NV_MISMATCH);
	fixture->context = (struct digest){{1}};
	fixture_nv(fixture, &fixture->evidence.pcrs.value[PCR_SHA256][13], 5);
	fixture_refused(fixture, EVIDENCE_NONCE_MISMATCH);
	fixture->context = evidence_no_context;
	/* TPM2_Shutdown(STATE), TPM2_Startup(CLEAR): no reset, a restart. */
	fixture->restart_count = 3;
	fixture_nv(fixture, &fixture->evidence.pcrs.value[PCR_SHA256][13], 5);
	fixture_refused(fixture, EVIDENCE_NV_MISMATCH);
	fixture->restart_count = 2;
	fixture->evidence.nv_count = 0;
	fixture_refused(fixture, EVIDENCE_NV_MISMATCH);
	fixture->nv_name[9] ^= 1;
	fixture_nv(fixture, &fixture->evidence.pcrs.value[PCR_SHA256][13], 5);
	fixture_refused(fixture, EVIDENCE_NV_MISMATCH);
	fixture->evidence.nv[0].attest.ptr[50] ^= 1;
	fixture_refused(fixture, EVIDENCE_SIGNATURE_BAD);
}

static void
an_nv_index_that_is_not_expected_is_refused(void **state)
{
	struct fixture *fixture = *state;

	use_nv(fixture);
	fixture->reference.nv_name_count = 0;
	fixture_refused(fixture, EVIDENCE_NV_MISMATCH);
	fixture->reference.nv_name_count = 1;
	fixture->nv_expected.bytes[5] ^= 1;
	fixture_refused(fixture, EVIDENCE_NV_MISMATCH);
}

static void
an_expected_nv_index_has_to_be_used(void **state)
{
	struct fixture *fixture = *state;

	fixture->reference.nv_name_count = 1;
	fixture_refused(fixture, EVIDENCE_NV_MISMATCH);
}

int
main(void)
{
#define BENCH(test) \
	cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)
	const struct CMUnitTest tests[] = {
	    BENCH(an_nv_index_that_holds_the_same_is_taken),
	    BENCH(an_nv_index_that_does_not_confirm_is_refused),
	    BENCH(an_nv_index_that_is_not_expected_is_refused),
	    BENCH(an_expected_nv_index_has_to_be_used),
	};

	return cmocka_run_group_tests_name("evidence_nv", tests, NULL, NULL);
}
