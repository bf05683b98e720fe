/* What a verifier makes of a key, a quote and a boot. */
#include "evidence_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>

#include "base/scope.h"

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

/* --- what a host should be --------------------------------------------- */

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

int
main(void)
{
#define BENCH(test) cmocka_unit_test_setup_teardown(test, bench_new, bench_free)
	const struct CMUnitTest tests[] = {
	    BENCH(good_evidence_is_verified_and_tells_what_ran),
	    BENCH(an_image_is_known_by_its_payload_too),
	    BENCH(one_of_several_references_has_to_fit),
	    BENCH(without_the_sha384_bank_sha256_is_enough),
	    BENCH(a_key_that_signs_anything_is_refused),
	    BENCH(another_key_is_refused),
	    BENCH(a_signature_by_another_key_is_refused),
	    BENCH(a_changed_quote_is_refused_at_each_byte),
	    BENCH(what_is_no_quote_is_refused),
	    BENCH(another_nonce_is_refused),
	    BENCH(another_context_is_refused),
	    cmocka_unit_test(no_context_is_the_digest_of_no_bytes),
	    BENCH(values_that_were_not_quoted_are_refused),
	    BENCH(development_has_to_be_allowed),
	    BENCH(development_of_an_earlier_run_is_seen),
	    BENCH(another_boot_is_refused),
	    BENCH(a_reference_without_a_boot_register_is_refused),
	    BENCH(a_reference_in_a_bank_that_is_not_quoted_does_not_fit),
	};

	return cmocka_run_group_tests_name("evidence_verify", tests, NULL,
	    NULL);
}
