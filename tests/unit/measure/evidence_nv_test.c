/* The NV index of a dynamic launch. */
#include "evidence_fixture.h"

#include <string.h>

#include "base/scope.h"

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
	    BENCH(an_nv_index_that_holds_the_same_is_taken),
	    BENCH(an_nv_index_that_does_not_confirm_is_refused),
	    BENCH(an_nv_index_that_is_not_expected_is_refused),
	    BENCH(an_expected_nv_index_has_to_be_used),
	};

	return cmocka_run_group_tests_name("evidence_nv", tests, NULL, NULL);
}
