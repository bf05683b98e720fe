/*
 * How much work envelopes can make. EVP_DigestVerify() is wrapped: what is
 * counted is what libcrypto is asked, not what the budget says.
 */
#include "keys_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ec.h>
#include <openssl/x509.h>

#include "base/limits.h"
#include "base/scope.h"
#include "keys/trust_chain.h"
#include "verify_count.h"

enum { LAST = LIMIT_TRUST_KEYS - 1 };

static struct fixture_key keys[LIMIT_TRUST_KEYS];

static int
make_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(keys); i++) {
		uint8_t *der = NULL;
		struct digest id;
		struct err err;
		int len;

		keys[i].pkey = EVP_EC_gen("P-256");
		keys[i].algorithm = ALGORITHM_ECDSA_P256_SHA256;
		keys[i].pem = fixture_pem(keys[i].pkey);
		len = i2d_PUBKEY(keys[i].pkey, &der);
		assert_code(digest_of(bytes_of(der, (size_t)len), &id, &err),
		    ERR_NONE);
		digest_hex(&id, keys[i].id);
		OPENSSL_free(der);
	}
	return 0;
}

static int
free_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(keys); i++) {
		EVP_PKEY_free(keys[i].pkey);
		free(keys[i].pem);
	}
	return 0;
}

/* So many keys; those from `first` on are those of the one role. Returns owned.
 */
static char *
policy_text(json_int_t version, const char *purpose, size_t first, size_t count,
    int threshold)
{
	json_t *members = json_array();
	json_t *role = json_pack("{s:s, s:i, s:o}", "signs", purpose,
	    "threshold", threshold, "keys", members);
	json_t *tree =
	    json_pack("{s:s, s:I, s:{}, s:{s:o}, s:{s:[], s:[]}, s:{}}",
		"schema", "assay.trust/1", "version", version, "keys", "roles",
		"role", role, "revoked", "keys", "manifests", "min_rollback");

	for (size_t i = 0; i < count; i++) {
		fixture_trust_add_key(tree, &keys[i]);
		if (i >= first)
			json_array_append_new(members, json_string(keys[i].id));
	}
	if (strcmp(purpose, "image") == 0) {
		json_object_set_new(role, "images", json_pack("[s]", "*"));
		json_object_set_new(role, "debug", json_false());
	}
	return fixture_text(tree);
}

/* Takes the text. */
static struct trust_policy *
policy_of(char *text)
{
	struct trust_policy *policy = NULL;
	struct err err;

	assert_code(trust_decode(bytes_of_str(text), &policy, &err), ERR_NONE);
	free(text);
	return policy;
}

/* Of all keys. */
static struct trust_policy *
make_policy(const char *purpose, size_t first, int threshold)
{
	return policy_of(
	    policy_text(1, purpose, first, LIMIT_TRUST_KEYS, threshold));
}

static json_t *
unsigned_envelope(void)
{
	return fixture_envelope(DSSE_IMAGE_PAYLOAD_TYPE, bytes_of_str(PAYLOAD));
}

/* By a key that is in no policy, in the form of one that is. */
static void
sign_badly(json_t *envelope, const char *keyid)
{
	fixture_envelope_sign(envelope,
	    fixture_key(ALGORITHM_ECDSA_P256_SHA256, 0), keyid);
}

/* Takes the envelope. Libcrypto is never asked more than was charged. */
static int
verify(const struct trust_policy *policy, enum trust_purpose purpose,
    json_t *tree, struct verify_budget *budget, struct err *err)
{
	CLEANUP(freep) char *raw = fixture_text(tree);
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	size_t charged = budget->verifications;
	struct trust_verdict before, verdict;
	int code;

	memset(&before, 0x5a, sizeof(before));
	verdict = before;
	verify_count = 0;
	assert_code(dsse_decode(bytes_of_str(raw), &envelope, err), ERR_NONE);
	code = trust_verify_for(policy, purpose, bytes_of_str(raw), envelope,
	    budget, &verdict, err);
	assert_true(verify_count <= budget->verifications - charged);
	assert_true(budget->verifications <= budget->max_verifications);
	if (code != 0)
		assert_memory_equal(&verdict, &before, sizeof(before));
	return code;
}

/* Takes the envelope, which is good, and costs so much. */
static void
expect_cost(const struct trust_policy *policy, json_t *tree, size_t cost)
{
	struct verify_budget budget;
	struct err err;

	verify_budget_init(&budget);
	assert_code(verify(policy, TRUST_IMAGE, tree, &budget, &err), ERR_NONE);
	assert_int_equal(verify_count, cost);
	assert_int_equal(budget.verifications, cost);
}

/* --- the budget alone ---------------------------------------------------- */

static void
verify_budget_is_used_up_and_no_further(void **state)
{
	struct verify_budget budget;
	struct err err;

	(void)state;
	verify_budget_init(&budget);
	assert_code(verify_budget_take(&budget, LIMIT_VERIFICATIONS - 1, &err),
	    ERR_NONE);
	assert_code(verify_budget_take(&budget, 2, &err), VERIFY_BUDGET_SPENT);
	assert_string_equal(err.text,
	    "4095 signature verifications were done for this, and 2 more are "
	    "due: limit 4096");
	assert_code(verify_budget_take(&budget, 1, &err), ERR_NONE);
	assert_code(verify_budget_take(&budget, 1, &err), VERIFY_BUDGET_SPENT);
	assert_int_equal(budget.verifications, LIMIT_VERIFICATIONS);
}

static void
verify_budget_does_not_wrap(void **state)
{
	static const size_t too_much[] = {SIZE_MAX, SIZE_MAX - 9, SIZE_MAX - 10,
	    SIZE_MAX / 2 + 1};
	struct verify_budget budget;
	struct err err;

	(void)state;
	verify_budget_init(&budget);
	assert_code(verify_budget_take(&budget, 10, &err), ERR_NONE);
	assert_code(verify_budget_take_envelope(&budget, 10, &err), ERR_NONE);
	for (size_t i = 0; i < countof(too_much); i++) {
		assert_code(verify_budget_take(&budget, too_much[i], &err),
		    VERIFY_BUDGET_SPENT);
		assert_code(
		    verify_budget_take_envelope(&budget, too_much[i], &err),
		    VERIFY_BUDGET_SPENT);
	}
	assert_int_equal(budget.verifications, 10);
	assert_int_equal(budget.envelope_bytes, 10);
}

static void
verify_budget_counts_envelopes_as_whole_pages(void **state)
{
	static const struct {
		size_t max, bytes, counted;
	} cases[] = {{65536, 0, 4096}, {65536, 1, 4096}, {65536, 4096, 4096},
	    {65536, 4097, 8192}, {65536, 65536, 65536}, {100, 10, 100}};
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct verify_budget budget;

		verify_budget_init(&budget);
		assert_code(
		    verify_budget_take_envelope(&budget, cases[i].max, &err),
		    ERR_NONE);
		assert_int_equal(budget.envelope_bytes, cases[i].max);
		verify_budget_fetched(&budget, cases[i].max, cases[i].bytes);
		assert_int_equal(budget.envelope_bytes, cases[i].counted);
	}
}

static void
verify_budget_has_room_for_the_largest_envelopes_of_one_image(void **state)
{
	struct verify_budget budget;
	struct err err;

	(void)state;
	verify_budget_init(&budget);
	assert_code(verify_budget_take_envelope(&budget,
			LIMIT_INDEX_ENVELOPE_BYTES, &err),
	    ERR_NONE);
	for (size_t i = 0; i < 1 + LIMIT_PROVENANCE; i++)
		assert_code(verify_budget_take_envelope(&budget,
				LIMIT_ENVELOPE_BYTES, &err),
		    ERR_NONE);
	budget.envelope_bytes =
	    LIMIT_REQUEST_ENVELOPE_BYTES - LIMIT_ENVELOPE_BYTES + 1;
	assert_code(
	    verify_budget_take_envelope(&budget, LIMIT_ENVELOPE_BYTES, &err),
	    VERIFY_BUDGET_SPENT);
	assert_non_null(strstr(err.text,
	    "20905985 bytes of envelopes were fetched for this, and the next "
	    "may have 65536: limit 20971520"));
}

/* --- honest envelopes ---------------------------------------------------- */

static void
an_envelope_with_keyids_costs_one_verification_a_signature(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = make_policy("image", 0, 16);
	json_t *tree = unsigned_envelope();

	(void)state;
	for (size_t i = 0; i < LIMIT_SIGNATURES; i++)
		fixture_envelope_sign(tree, &keys[LAST - i], keys[LAST - i].id);
	expect_cost(policy, tree, LIMIT_SIGNATURES);
}

/* Each signature is by the last of the keys that are left. */
static void
the_worst_honest_envelope_without_keyids_is_accepted(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = make_policy("image", 0, 16);
	json_t *tree = unsigned_envelope();

	(void)state;
	for (size_t i = 0; i < LIMIT_SIGNATURES; i++)
		fixture_envelope_sign(tree, &keys[LAST - i], NULL);
	expect_cost(policy, tree, 904);
	assert_true(4 * 904 <= LIMIT_VERIFICATIONS);
}

static void
keys_that_signed_already_are_tried_last(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = make_policy("image", 0, 2);
	json_t *tree = unsigned_envelope();

	(void)state;
	for (size_t i = 0; i < LIMIT_SIGNATURES; i++)
		fixture_envelope_sign(tree, &keys[i],
		    i == 9 ? NULL : keys[i].id);
	/* Key 9 is the first that did not sign yet. */
	expect_cost(policy, tree, LIMIT_SIGNATURES);
	/* But a key that signed twice is found. */
	tree = unsigned_envelope();
	fixture_envelope_sign(tree, &keys[5], keys[5].id);
	fixture_envelope_sign(tree, &keys[6], keys[6].id);
	fixture_envelope_sign(tree, &keys[5], NULL);
	expect_cost(policy, tree, 2 + LIMIT_TRUST_KEYS - 1);
}

static void
keys_of_the_purpose_are_tried_first(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = make_policy("image", LAST, 1);
	json_t *tree = unsigned_envelope();

	(void)state;
	fixture_envelope_sign(tree, &keys[LAST], NULL);
	expect_cost(policy, tree, 1);
}

static void
what_cannot_be_a_signature_by_a_key_costs_nothing(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = make_policy("image", 0, 1);
	struct verify_budget budget = {0};
	json_t *tree = unsigned_envelope();
	struct err err;

	(void)state;
	/* 64 bytes and 384 are no DER of this length. */
	fixture_envelope_sign(tree, fixture_key(ALGORITHM_ED25519, 0), NULL);
	fixture_envelope_sign(tree, fixture_key(ALGORITHM_RSA_PSS_SHA256, 0),
	    NULL);
	assert_code(verify(policy, TRUST_IMAGE, tree, &budget, &err),
	    IMAGE_SIGNATURE_BAD);
	assert_int_equal(verify_count, 0);
}

/* Of an image more keys than those of one role are wanted. */
static void
where_any_role_will_do_enough_signatures_with_keyids_end_the_search(
    void **state)
{
	static const struct {
		const char *purpose;
		enum trust_purpose value;
		const char *type;
		size_t cost;
	} cases[] = {
	    {"trust", TRUST_POLICY, DSSE_TRUST_PAYLOAD_TYPE, 1},
	    {"boot-policy", TRUST_BOOT_POLICY, DSSE_BOOT_POLICY_PAYLOAD_TYPE,
		1},
	    {"store-index", TRUST_STORE_INDEX, DSSE_STORE_INDEX_PAYLOAD_TYPE,
		1},
	    {"provenance", TRUST_PROVENANCE, DSSE_STATEMENT_PAYLOAD_TYPE,
		1 + 2 * LIMIT_TRUST_KEYS},
	    {"image", TRUST_IMAGE, DSSE_IMAGE_PAYLOAD_TYPE,
		1 + 2 * LIMIT_TRUST_KEYS},
	};

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		CLEANUP(trust_freep)
		struct trust_policy *policy =
		    make_policy(cases[i].purpose, 0, 1);
		json_t *tree =
		    fixture_envelope(cases[i].type, bytes_of_str(PAYLOAD));
		struct verify_budget budget;
		struct err err;

		verify_budget_init(&budget);
		sign_badly(tree, NULL);
		fixture_envelope_sign(tree, &keys[LAST], keys[LAST].id);
		sign_badly(tree, NULL);
		assert_code(verify(policy, cases[i].value, tree, &budget, &err),
		    ERR_NONE);
		assert_int_equal(verify_count, cases[i].cost);
	}
}

/* --- hostile envelopes --------------------------------------------------- */

static json_t *
hostile_envelope(const char *keyid)
{
	json_t *tree = unsigned_envelope();

	for (size_t i = 0; i < LIMIT_SIGNATURES; i++)
		sign_badly(tree, keyid);
	return tree;
}

static void
hostile_envelopes_are_refused_when_the_budget_is_spent(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = make_policy("image", 0, 1);
	struct verify_budget budget;
	size_t total = 0;
	struct err err;

	(void)state;
	verify_budget_init(&budget);
	for (int i = 0; i < 4; i++) {
		assert_code(verify(policy, TRUST_IMAGE, hostile_envelope(NULL),
				&budget, &err),
		    IMAGE_SIGNATURE_BAD);
		total += verify_count;
	}
	assert_int_equal(total, LIMIT_VERIFICATIONS);
	assert_code(
	    verify(policy, TRUST_IMAGE, hostile_envelope(NULL), &budget, &err),
	    VERIFY_BUDGET_SPENT);
	assert_int_equal(verify_count, 0);
}

/* And it says nothing of the good ones among its signatures. */
static void
an_envelope_is_refused_in_the_middle_of_its_signatures(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = make_policy("image", 0, 1);
	struct verify_budget budget = {.max_verifications = 100};
	json_t *tree = hostile_envelope(NULL);
	struct err err;

	(void)state;
	json_array_remove(json_object_get(tree, "signatures"), 0);
	fixture_envelope_sign(tree, &keys[0], keys[0].id);
	assert_code(verify(policy, TRUST_IMAGE, tree, &budget, &err),
	    VERIFY_BUDGET_SPENT);
	assert_int_equal(verify_count, 100);
}

/* What a signature looks like from nearby is charged before it is found out. */
static void
looking_into_a_bad_signature_is_charged(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = make_policy("image", 0, 1);
	struct verify_budget budget = {
	    .max_verifications = LIMIT_SIGNATURES * LIMIT_TRUST_KEYS +
	                         PUBLIC_KEY_REFUSE_VERIFICATIONS};
	struct err err;

	(void)state;
	assert_code(verify(policy, TRUST_IMAGE, hostile_envelope(keys[0].id),
			&budget, &err),
	    IMAGE_SIGNATURE_BAD);
	assert_int_equal(budget.verifications, budget.max_verifications);
	budget.verifications = 0;
	budget.max_verifications--;
	assert_code(verify(policy, TRUST_IMAGE, hostile_envelope(keys[0].id),
			&budget, &err),
	    VERIFY_BUDGET_SPENT);
	assert_int_equal(verify_count, LIMIT_SIGNATURES * LIMIT_TRUST_KEYS);
}

/* --- chains -------------------------------------------------------------- */

/* Steps that `sign` signs, from version 1 on, of policies of so many keys. */
static int
follow(size_t key_count, int threshold, size_t steps,
    void (*sign)(json_t *envelope), struct err *err)
{
	CLEANUP(trust_freep)
	struct trust_policy *root =
	    policy_of(policy_text(1, "trust", 0, key_count, threshold));
	CLEANUP(trust_freep) struct trust_policy *newest = NULL;
	CLEANUP(freep) char *chain = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&chain, &len);

	for (size_t i = 0; i < steps; i++) {
		CLEANUP(freep)
		char *payload = policy_text((json_int_t)i + 2, "trust", 0,
		    key_count, threshold);
		CLEANUP(freep) char *step = NULL;
		json_t *envelope = fixture_envelope(DSSE_TRUST_PAYLOAD_TYPE,
		    bytes_of_str(payload));

		sign(envelope);
		step = fixture_text(envelope);
		fprintf(stream, "%s\n", step);
	}
	fclose(stream);
	verify_count = 0;
	return trust_chain_follow(root, bytes_of(chain, len), &newest, err);
}

static void
sign_as_sixteen(json_t *envelope)
{
	for (size_t i = 0; i < LIMIT_SIGNATURES; i++)
		fixture_envelope_sign(envelope, &keys[i], keys[i].id);
}

static void
sign_last_of_all(json_t *envelope)
{
	for (size_t i = 0; i < LIMIT_SIGNATURES - 1; i++)
		sign_badly(envelope, NULL);
	fixture_envelope_sign(envelope, &keys[LAST], NULL);
}

static void
sign_among_bad_ones(json_t *envelope)
{
	for (size_t i = 0; i < LIMIT_SIGNATURES - 1; i++)
		sign_badly(envelope, NULL);
	fixture_envelope_sign(envelope, &keys[LAST], keys[LAST].id);
}

static void
the_longest_chain_of_the_most_signers_is_followed(void **state)
{
	struct err err;

	(void)state;
	assert_code(follow(LIMIT_SIGNATURES, LIMIT_SIGNATURES,
			LIMIT_TRUST_STEPS, sign_as_sixteen, &err),
	    ERR_NONE);
	assert_int_equal(verify_count, 2048);
}

/* Whoever can write the file can add signatures to a step. */
static void
bad_signatures_beside_enough_with_keyids_cost_a_chain_nothing(void **state)
{
	struct err err;

	(void)state;
	assert_code(follow(LIMIT_TRUST_KEYS, 1, 3, sign_among_bad_ones, &err),
	    ERR_NONE);
	assert_int_equal(verify_count, 3 * 2);
}

static void
a_hostile_chain_is_refused_when_its_budget_is_spent(void **state)
{
	struct err err;

	(void)state;
	assert_code(follow(LIMIT_TRUST_KEYS, 1, 2, sign_last_of_all, &err),
	    ERR_NONE);
	assert_int_equal(verify_count, LIMIT_VERIFICATIONS);
	assert_code(follow(LIMIT_TRUST_KEYS, 1, 3, sign_last_of_all, &err),
	    VERIFY_BUDGET_SPENT);
	assert_int_equal(verify_count, LIMIT_VERIFICATIONS);
	assert_non_null(strstr(err.text, "line 3: "));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verify_budget_is_used_up_and_no_further),
	    cmocka_unit_test(verify_budget_does_not_wrap),
	    cmocka_unit_test(verify_budget_counts_envelopes_as_whole_pages),
	    cmocka_unit_test(
		verify_budget_has_room_for_the_largest_envelopes_of_one_image),
	    cmocka_unit_test(
		an_envelope_with_keyids_costs_one_verification_a_signature),
	    cmocka_unit_test(
		the_worst_honest_envelope_without_keyids_is_accepted),
	    cmocka_unit_test(keys_that_signed_already_are_tried_last),
	    cmocka_unit_test(keys_of_the_purpose_are_tried_first),
	    cmocka_unit_test(what_cannot_be_a_signature_by_a_key_costs_nothing),
	    cmocka_unit_test(
		where_any_role_will_do_enough_signatures_with_keyids_end_the_search),
	    cmocka_unit_test(
		hostile_envelopes_are_refused_when_the_budget_is_spent),
	    cmocka_unit_test(
		an_envelope_is_refused_in_the_middle_of_its_signatures),
	    cmocka_unit_test(looking_into_a_bad_signature_is_charged),
	    cmocka_unit_test(the_longest_chain_of_the_most_signers_is_followed),
	    cmocka_unit_test(
		bad_signatures_beside_enough_with_keyids_cost_a_chain_nothing),
	    cmocka_unit_test(
		a_hostile_chain_is_refused_when_its_budget_is_spent),
	};

	return cmocka_run_group_tests_name("verify_budget", tests, make_keys,
	    free_keys);
}
