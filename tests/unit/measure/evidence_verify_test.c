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
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.release, 0);
	assert_int_equal(verdict.history.domain_count, 3);
	assert_int_equal(verdict.history.domains[0].fate, EVIDENCE_DESTROYED);
	assert_int_equal(verdict.history.domains[1].fate, EVIDENCE_ABANDONED);
	assert_int_equal(verdict.history.domains[2].fate, EVIDENCE_STARTED);
	assert_string_equal(verdict.history.domains[2].image->name, "web 1");
	assert_int_equal(verdict.history.event_count, 7);
	assert_int_equal(verdict.history.start_count, 1);
	assert_int_equal(verdict.history.crash_count, 0);
	assert_int_equal(verdict.reset_count, 5);
	assert_int_equal(verdict.restart_count, 2);
	assert_true(verdict.is_clock_safe);
	assert_int_equal(verdict.clock_msec, 123456);
	assert_false(verdict.has_nv);
}

static void
an_image_is_known_by_its_payload_too(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	memset(fixture->images.rows[0].digest.bytes, 0x55, DIGEST_BYTES);
	assert_refused(fixture_verify(fixture, &verdict), 0);
}

static void
one_of_several_references_has_to_fit(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct prediction *releases = calloc(2, sizeof(*releases));

	releases[0] = fixture->release;
	releases[0].values.value[PCR_SHA256][7].bytes[0] ^= 1;
	releases[1] = fixture->release;
	fixture->reference.releases = releases;
	fixture->reference.release_count = 2;
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.release, 1);
	/* Half of one and half of the other is neither. */
	releases[1].values.value[PCR_SHA256][4].bytes[0] ^= 1;
	evidence_verdict_done(&verdict);
	fixture_refused(fixture, EVIDENCE_PLATFORM_UNKNOWN);
	free(releases);
}

static void
without_the_sha384_bank_sha256_is_enough(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	fixture->selected[PCR_SHA384] = 0;
	fixture_quote(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_int_equal(verdict.quoted[PCR_SHA384], 0);
	fixture->selected[PCR_SHA256] = 0xfffffe;
	fixture_quote(fixture);
	evidence_verdict_done(&verdict);
	fixture_refused(fixture, EVIDENCE_PCR_MISMATCH);
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
	struct fixture *fixture = *state;

	for (size_t i = 0; i < countof(attributes); i++) {
		fixture->attributes = attributes[i];
		fixture_public(fixture);
		fixture_quote(fixture);
		fixture_refused(fixture, EVIDENCE_AK_NOT_RESTRICTED);
	}
}

static void
another_key_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct tpm_name enrolled = fixture->reference.ak;

	EVP_PKEY_free(fixture->key);
	fixture->key = EVP_EC_gen("P-256");
	fixture_public(fixture);
	fixture_quote(fixture);
	fixture->reference.ak = enrolled;
	fixture_refused(fixture, EVIDENCE_AK_UNKNOWN);
}

static void
a_signature_by_another_key_is_refused(void **state)
{
	struct fixture *fixture = *state;
	EVP_PKEY *key = fixture->key;

	fixture->key = EVP_EC_gen("P-256");
	fixture_quote(fixture);
	EVP_PKEY_free(fixture->key);
	fixture->key = key;
	fixture_refused(fixture, EVIDENCE_SIGNATURE_BAD);
}

static void
a_changed_quote_is_refused_at_each_byte(void **state)
{
	struct fixture *fixture = *state;

	for (size_t i = 0; i < fixture->evidence.attest.len; i++) {
		struct evidence_verdict verdict;

		fixture->evidence.attest.ptr[i] ^= 1;
		assert_int_not_equal(fixture_verify(fixture, &verdict), 0);
		fixture->evidence.attest.ptr[i] ^= 1;
	}
	fixture->evidence.attest.ptr[60] ^= 1;
	fixture_refused(fixture, EVIDENCE_SIGNATURE_BAD);
}

static void
what_is_no_quote_is_refused(void **state)
{
	struct fixture *fixture = *state;

	fixture->magic = 0xff544348;
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_NOT_A_QUOTE);
	fixture->magic = 0xff544347;
	fixture->type = 0x8017; /* certify */
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_NOT_A_QUOTE);
	fixture_nv(fixture, &fixture->evidence.pcrs.value[PCR_SHA256][13], 5);
	free(fixture->evidence.attest.ptr);
	free(fixture->evidence.signature.ptr);
	fixture->evidence.attest = fixture->evidence.nv[0].attest;
	fixture->evidence.signature = fixture->evidence.nv[0].signature;
	fixture->evidence.nv[0] = (struct evidence_nv){.index = 0};
	fixture->evidence.nv_count = 0;
	fixture_refused(fixture, EVIDENCE_NOT_A_QUOTE);
}

static void
another_nonce_is_refused(void **state)
{
	struct fixture *fixture = *state;

	fixture->nonce[31] ^= 1;
	fixture_refused(fixture, EVIDENCE_NONCE_MISMATCH);
}

/* Whether there is one in the quote, and whether one is expected. */
static void
another_context_is_refused(void **state)
{
	const struct digest ours = {{1}}, theirs = {{2}}, made_up = {{3}};
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};

	fixture->reference.context = ours;
	fixture_refused(fixture, EVIDENCE_CONTEXT_MISMATCH);
	fixture->context = fixture->evidence.context = ours;
	fixture_quote(fixture);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	fixture->reference.context = theirs;
	fixture_refused(fixture, EVIDENCE_CONTEXT_MISMATCH);
	fixture->reference.context = evidence_no_context;
	fixture_refused(fixture, EVIDENCE_CONTEXT_MISMATCH);
	/* What evidence says of its context opens nothing, and shuts nothing.
	 */
	fixture->reference.context = theirs;
	fixture->evidence.context = theirs;
	fixture_refused(fixture, EVIDENCE_NONCE_MISMATCH);
	fixture->evidence.context = made_up;
	fixture_refused(fixture, EVIDENCE_NONCE_MISMATCH);
	fixture->reference.context = ours;
	evidence_verdict_done(&verdict);
	assert_refused(fixture_verify(fixture, &verdict), 0);
	fixture->nonce[0] ^= 1;
	fixture->evidence.context = ours;
	fixture_refused(fixture, EVIDENCE_NONCE_MISMATCH);
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
	struct fixture *fixture = *state;
	struct pcr_values *pcrs = &fixture->evidence.pcrs;

	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		pcrs->value[bank][9].bytes[3] ^= 1;
		fixture_refused(fixture, EVIDENCE_PCR_MISMATCH);
		pcrs->value[bank][9].bytes[3] ^= 1;
		pcrs->known[bank] ^= 1u << 9;
		fixture_refused(fixture, EVIDENCE_PCR_MISMATCH);
		pcrs->known[bank] ^= 1u << 9;
	}
}

/* --- what a host should be --------------------------------------------- */

static void
development_has_to_be_allowed(void **state)
{
	struct fixture *fixture = *state;
	CLEANUP(evidence_verdict_done)
	struct evidence_verdict verdict = {.release = 9};
	struct event start = fixture_start(fixture);

	memset(start.as.start.found, 0, sizeof(start.as.start.found));
	start.as.start.is_development = true;
	fixture->count = 0;
	fixture_record(fixture, &start);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_DEVELOPMENT);
	fixture->reference.allow_development = true;
	assert_refused(fixture_verify(fixture, &verdict), 0);
	assert_true(verdict.history.was_development);
}

/* A start in production that follows does not undo it. */
static void
development_of_an_earlier_run_is_seen(void **state)
{
	struct fixture *fixture = *state;
	struct event start = fixture_start(fixture);

	memset(start.as.start.found, 0, sizeof(start.as.start.found));
	start.as.start.is_development = true;
	fixture->count = 0;
	fixture_record(fixture, &start);
	fixture_extend(fixture);
	start = fixture_start(fixture);
	fixture_record(fixture, &start);
	fixture_remake(fixture);
	fixture_refused(fixture, EVIDENCE_DEVELOPMENT);
}

static void
another_boot_is_refused(void **state)
{
	struct fixture *fixture = *state;

	fixture->evidence.pcrs.value[PCR_SHA256][4].bytes[31] ^= 1;
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_PLATFORM_UNKNOWN);
	fixture->reference.release_count = 0;
	fixture_refused(fixture, EVIDENCE_PLATFORM_UNKNOWN);
}

/* It fits: but it would fit whatever this host had booted. */
static void
a_reference_without_a_boot_register_is_refused(void **state)
{
	static const unsigned others[] = {7, 13, 14, 16, 23};
	struct fixture *fixture = *state;
	const struct pcr_digest *values =
	    fixture->evidence.pcrs.value[PCR_SHA256];

	for (size_t i = 0; i < countof(others); i++) {
		memset(&fixture->release, 0, sizeof(fixture->release));
		prediction_set(&fixture->release, PCR_SHA256, others[i],
		    &values[others[i]], "something");
		fixture_refused(fixture, REFERENCE_MALFORMED);
	}
	/* Nor may one that anybody writes stand beside a good one. */
	prediction_set(&fixture->release, PCR_SHA256, 4, &values[4],
	    "the image");
	fixture_refused(fixture, REFERENCE_MALFORMED);
}

static void
a_reference_in_a_bank_that_is_not_quoted_does_not_fit(void **state)
{
	struct fixture *fixture = *state;
	struct pcr_digest four = {{4}};

	prediction_set(&fixture->release, PCR_SHA384, 4, &four, "the image");
	fixture->evidence.pcrs.value[PCR_SHA384][4] = four;
	fixture->selected[PCR_SHA384] = 0;
	fixture_quote(fixture);
	fixture_refused(fixture, EVIDENCE_PLATFORM_UNKNOWN);
}

int
main(void)
{
#define BENCH(test) \
	cmocka_unit_test_setup_teardown(test, fixture_new, fixture_free)
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
