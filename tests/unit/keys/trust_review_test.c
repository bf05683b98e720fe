#include "keys_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "keys/sign/trust_review.h"

#define P256    fixture_key(ALGORITHM_ECDSA_P256_SHA256, 0)
#define P384    fixture_key(ALGORITHM_ECDSA_P384_SHA384, 0)
#define ED25519 fixture_key(ALGORITHM_ED25519, 0)
#define RSA3072 fixture_key(ALGORITHM_RSA_PSS_SHA256, 0)
#define FOREIGN fixture_key(ALGORITHM_ED25519, 1)

static struct digest signers[3];

static struct digest
id_of(const struct fixture_key *key)
{
	struct digest id;

	assert_true(digest_from_hex(key->id, &id));
	return id;
}

/* "web-frontend" 17, signed by two of prod. */
static struct trust_past
good_past(void)
{
	struct trust_past past = {
	    .image = "web-frontend",
	    .rollback_location = "web-frontend",
	    .rollback_index = 17,
	    .signers = signers,
	    .signer_count = 2,
	};

	memset(past.envelope.bytes, 0x11, DIGEST_BYTES);
	memset(past.payload.bytes, 0x22, DIGEST_BYTES);
	signers[0] = id_of(P384);
	signers[1] = id_of(ED25519);
	signers[2] = id_of(RSA3072);
	return past;
}

/* Takes the tree. */
static int
review(json_t *tree, const struct trust_past *past)
{
	CLEANUP(freep) char *text = fixture_text(tree);
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	struct err err;

	assert_code(trust_decode(bytes_of_str(text), &policy, &err), ERR_NONE);
	return trust_review(policy, past, &err);
}

static json_t *
trust_that_revokes(const char *member, const char *string)
{
	json_t *tree = fixture_trust();

	json_array_append_new(
	    json_object_get(json_object_get(tree, "revoked"), member),
	    json_string(string));
	return tree;
}

static void
trust_review_finds_nothing_in_what_would_start_again(void **state)
{
	struct trust_past past = good_past();

	(void)state;
	assert_code(review(fixture_trust(), &past), ERR_NONE);
	assert_code(review(trust_that_revokes("keys", FOREIGN->id), &past),
	    ERR_NONE);
	assert_code(review(trust_that_revokes("keys", RSA3072->id), &past),
	    ERR_NONE);
}

static void
trust_review_finds_a_revoked_envelope_or_payload(void **state)
{
	struct trust_past past = good_past();
	char text[DIGEST_TEXT_SIZE];

	(void)state;
	digest_text(&past.envelope, text);
	assert_code(review(trust_that_revokes("manifests", text), &past),
	    IMAGE_REVOKED);
	digest_text(&past.payload, text);
	assert_code(review(trust_that_revokes("manifests", text), &past),
	    IMAGE_REVOKED);
}

static void
trust_review_finds_what_is_below_the_floor_now(void **state)
{
	struct trust_past past = good_past();

	(void)state;
	past.rollback_index = 14;
	assert_code(review(fixture_trust(), &past), IMAGE_ROLLBACK);
	past.rollback_location = "other";
	assert_code(review(fixture_trust(), &past), ERR_NONE);
}

/* Two others of the role signed too: it would start, and is told all the same.
 */
static void
trust_review_finds_a_revoked_signer_among_enough(void **state)
{
	struct trust_past past = good_past();

	(void)state;
	assert_code(review(trust_that_revokes("keys", ED25519->id), &past),
	    KEY_REVOKED);
	past.signer_count = 3;
	assert_code(review(trust_that_revokes("keys", ED25519->id), &past),
	    KEY_REVOKED);
}

/* A key that was removed from the policy at the same time. */
static void
trust_review_finds_a_revoked_signer_that_is_gone(void **state)
{
	json_t *tree = trust_that_revokes("keys", FOREIGN->id);
	struct trust_past past = good_past();

	(void)state;
	past.signer_count = 3;
	signers[2] = id_of(FOREIGN);
	assert_code(review(tree, &past), KEY_REVOKED);
}

static void
trust_review_finds_signers_that_are_no_role_any_more(void **state)
{
	json_t *tree = fixture_trust();
	struct trust_past past = good_past();

	(void)state;
	json_object_set_new(fixture_role(tree, "prod"), "threshold",
	    json_integer(3));
	assert_code(review(json_deep_copy(tree), &past), KEY_UNKNOWN);
	past.signer_count = 3;
	assert_code(review(tree, &past), ERR_NONE);
	past.signer_count = 0;
	assert_code(review(fixture_trust(), &past), KEY_UNKNOWN);
	past.signer_count = 2;
	signers[1] = id_of(FOREIGN);
	assert_code(review(fixture_trust(), &past), KEY_UNKNOWN);
}

static void
trust_review_finds_a_name_that_the_role_lost(void **state)
{
	struct trust_past past = good_past();

	(void)state;
	past.image = "other";
	assert_code(review(fixture_trust(), &past), ROLE_NOT_ALLOWED);
	past.image = "db";
	assert_code(review(fixture_trust(), &past), ERR_NONE);
	past.is_debug = true;
	assert_code(review(fixture_trust(), &past), ROLE_NOT_ALLOWED);
	signers[0] = id_of(P256);
	past.signer_count = 1;
	assert_code(review(fixture_trust(), &past), ERR_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		trust_review_finds_nothing_in_what_would_start_again),
	    cmocka_unit_test(trust_review_finds_a_revoked_envelope_or_payload),
	    cmocka_unit_test(trust_review_finds_what_is_below_the_floor_now),
	    cmocka_unit_test(trust_review_finds_a_revoked_signer_among_enough),
	    cmocka_unit_test(trust_review_finds_a_revoked_signer_that_is_gone),
	    cmocka_unit_test(
		trust_review_finds_signers_that_are_no_role_any_more),
	    cmocka_unit_test(trust_review_finds_a_name_that_the_role_lost),
	};

	return cmocka_run_group_tests_name("trust_review", tests, NULL, NULL);
}
