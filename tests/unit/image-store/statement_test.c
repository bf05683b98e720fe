#include "store_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "image-store/payload.h"
#include "image-store/statement.h"
#include "image-store/pack/statement_encode.h"
#include "image-store/verified_manifest.h"
#include "keys/dsse.h"

static json_t *
good_tree(void)
{
	CLEANUP(freep) char *text = NULL;
	struct manifest manifest = good_manifest();
	struct err err;

	assert_code(statement_encode(&manifest, &text, &err), 0);
	return json_loads(text, 0, NULL);
}

/* Takes the tree. A refusal leaves the output as it was. */
static int
decode(json_t *tree)
{
	CLEANUP(freep) char *text = tree_text(tree);
	struct manifest before, manifest;
	struct err err;
	int code;

	json_decref(tree);
	memset(&manifest, 0x5a, sizeof(manifest));
	before = manifest;
	code = payload_decode(DSSE_STATEMENT_PAYLOAD_TYPE, bytes_of_str(text),
	    &manifest, &err);
	if (code != 0)
		assert_memory_equal(&manifest, &before, sizeof(manifest));
	return code;
}

static json_t *
subject_at(json_t *tree, size_t index)
{
	return json_array_get(json_object_get(tree, "subject"), index);
}

static void
payload_decode_takes_a_statement_of_a_manifest(void **state)
{
	struct manifest manifest = good_manifest();
	CLEANUP(freep) char *text = NULL;
	struct manifest decoded;
	struct err err;

	(void)state;
	assert_code(statement_encode(&manifest, &text, &err), 0);
	assert_code(payload_decode(DSSE_STATEMENT_PAYLOAD_TYPE,
			bytes_of_str(text), &decoded, &err),
	    0);
	assert_memory_equal(&decoded, &manifest, sizeof(manifest));
}

static void
payload_decode_takes_a_manifest_by_its_type_only(void **state)
{
	struct manifest manifest = good_manifest();
	CLEANUP(freep) char *text = NULL;
	struct manifest decoded;
	struct err err;

	(void)state;
	assert_code(manifest_encode(&manifest, &text, &err), 0);
	assert_code(payload_decode(DSSE_IMAGE_PAYLOAD_TYPE, bytes_of_str(text),
			&decoded, &err),
	    0);
	assert_code(payload_decode(DSSE_STATEMENT_PAYLOAD_TYPE,
			bytes_of_str(text), &decoded, &err),
	    STATEMENT_MALFORMED);
	assert_code(payload_decode(DSSE_TRUST_PAYLOAD_TYPE, bytes_of_str(text),
			&decoded, &err),
	    PAYLOAD_TYPE_UNKNOWN);
}

/* cosign writes v0.1, subjects of its own, and members that nobody knows. */
static void
payload_decode_takes_what_cosign_adds(void **state)
{
	json_t *tree = good_tree();
	json_t *other = json_pack("{s:s, s:{s:s}}", "name", "x", "digest",
	    "gitCommit", "0123");

	(void)state;
	json_object_set_new(tree, "_type", json_string(STATEMENT_TYPE_OLD));
	json_object_set_new(tree, "annotations", json_object());
	json_object_set_new(subject_at(tree, 0), "mediaType", json_true());
	json_array_insert_new(json_object_get(tree, "subject"), 0, other);
	assert_code(decode(tree), 0);
}

static void
payload_decode_refuses_a_file_that_is_no_subject(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++) {
		json_t *tree = good_tree();

		json_array_remove(json_object_get(tree, "subject"), i);
		assert_code(decode(tree), STATEMENT_SUBJECT_MISSING);
	}
}

static void
payload_decode_refuses_another_predicate_type(void **state)
{
	json_t *tree = good_tree();

	(void)state;
	json_object_set_new(tree, "predicateType",
	    json_string("https://slsa.dev/provenance/v1"));
	assert_code(decode(tree), STATEMENT_NOT_OF_IMAGE);
}

static void
payload_decode_is_strict_about_the_predicate(void **state)
{
	json_t *tree = good_tree();

	(void)state;
	json_object_set_new(json_object_get(tree, "predicate"), "x",
	    json_true());
	assert_code(decode(tree), MANIFEST_MALFORMED);
	tree = good_tree();
	json_object_set_new(json_object_get(tree, "predicate"), "type",
	    json_string("pvh"));
	assert_code(decode(tree), MANIFEST_UNSUPPORTED);
}

static void
payload_decode_refuses_a_statement_without_a_member(void **state)
{
	static const char *const members[] = {"_type", "subject",
	    "predicateType", "predicate"};

	(void)state;
	for (size_t i = 0; i < countof(members); i++) {
		json_t *tree = good_tree();

		json_object_del(tree, members[i]);
		assert_code(decode(tree), STATEMENT_MALFORMED);
		tree = good_tree();
		json_object_set_new(tree, members[i], json_integer(1));
		assert_code(decode(tree), STATEMENT_MALFORMED);
	}
}

static void
payload_decode_refuses_a_digest_that_is_none(void **state)
{
	static const char *const digests[] = {"", "12", "sha256:12",
	    "1111111111111111111111111111111111111111111111111111111111111X11"};

	(void)state;
	for (size_t i = 0; i < countof(digests); i++) {
		json_t *tree = good_tree();

		json_object_set_new(
		    json_object_get(subject_at(tree, 2), "digest"), "sha256",
		    json_string(digests[i]));
		assert_code(decode(tree), STATEMENT_MALFORMED);
	}
}

static void
statement_decode_refuses_more_subjects_than_the_limit(void **state)
{
	json_t *tree = good_tree();
	json_t *subjects = json_object_get(tree, "subject");

	(void)state;
	while (json_array_size(subjects) < LIMIT_SUBJECTS)
		json_array_append(subjects, json_array_get(subjects, 0));
	assert_code(decode(json_deep_copy(tree)), 0);
	json_array_append(subjects, json_array_get(subjects, 0));
	assert_code(decode(tree), STATEMENT_MALFORMED);
}

static void
statement_decode_refuses_a_large_or_deep_statement(void **state)
{
	CLEANUP(freep) char *large = malloc(LIMIT_ENVELOPE_BYTES + 1);
	CLEANUP(statement_done) struct statement statement = {.document = NULL};
	json_t *tree = good_tree();
	struct err err;

	(void)state;
	memset(large, ' ', LIMIT_ENVELOPE_BYTES + 1);
	assert_code(statement_decode(bytes_of(large, LIMIT_ENVELOPE_BYTES + 1),
			MANIFEST_MALFORMED, &statement, &err),
	    STATEMENT_MALFORMED);
	assert_non_null(strstr(err.text, "limit"));
	for (int i = 0; i < LIMIT_STATEMENT_JSON_DEPTH; i++)
		tree = json_pack("{s:o}", "deeper", tree);
	assert_code(decode(tree), STATEMENT_MALFORMED);
}

static int
verify(const char *payload_type, const char *payload)
{
	CLEANUP(trust_freep) struct trust_policy *policy = make_policy(0);
	CLEANUP(freep)
	char *text = sign_payload(SIGNER_PROD, payload_type, payload);
	CLEANUP(sealed_freep)
	struct sealed *envelope = sealed_of(bytes_of_str(text));
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	struct err err;

	return verified_manifest_new(policy, NULL, envelope, FRESH_BUDGET,
	    &verified, &err);
}

static void
verified_manifest_takes_a_signed_statement(void **state)
{
	struct manifest manifest = good_manifest();
	CLEANUP(freep) char *text = NULL;
	struct err err;

	(void)state;
	assert_code(statement_encode(&manifest, &text, &err), 0);
	assert_code(verify(DSSE_STATEMENT_PAYLOAD_TYPE, text), 0);
	assert_code(verify(DSSE_IMAGE_PAYLOAD_TYPE, text), MANIFEST_MALFORMED);
	assert_code(verify(DSSE_STATEMENT_PAYLOAD_TYPE, "{}"),
	    STATEMENT_MALFORMED);
}

/* As packed, whichever statement about it was signed. */
static void
verified_manifest_refuses_a_statement_of_a_revoked_manifest(void **state)
{
	struct manifest manifest = good_manifest();
	CLEANUP(freep) char *packed = NULL;
	CLEANUP(freep) char *statement = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	struct digest digest;
	struct err err;

	(void)state;
	assert_code(manifest_encode(&manifest, &packed, &err), 0);
	assert_code(digest_of(bytes_of_str(packed), &digest, &err), 0);
	assert_code(statement_encode(&manifest, &statement, &err), 0);
	assert_code(verify(DSSE_STATEMENT_PAYLOAD_TYPE, statement), 0);
	text =
	    sign_payload(SIGNER_PROD, DSSE_STATEMENT_PAYLOAD_TYPE, statement);
	envelope = sealed_of(bytes_of_str(text));
	policy = make_policy_that_revokes(&digest);
	assert_code(verified_manifest_new(policy, NULL, envelope, FRESH_BUDGET,
			&verified, &err),
	    IMAGE_REVOKED);
	assert_null(verified);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(payload_decode_takes_a_statement_of_a_manifest),
	    cmocka_unit_test(payload_decode_takes_a_manifest_by_its_type_only),
	    cmocka_unit_test(payload_decode_takes_what_cosign_adds),
	    cmocka_unit_test(payload_decode_refuses_a_file_that_is_no_subject),
	    cmocka_unit_test(payload_decode_refuses_another_predicate_type),
	    cmocka_unit_test(payload_decode_is_strict_about_the_predicate),
	    cmocka_unit_test(
		payload_decode_refuses_a_statement_without_a_member),
	    cmocka_unit_test(payload_decode_refuses_a_digest_that_is_none),
	    cmocka_unit_test(
		statement_decode_refuses_more_subjects_than_the_limit),
	    cmocka_unit_test(
		statement_decode_refuses_a_large_or_deep_statement),
	    cmocka_unit_test(verified_manifest_takes_a_signed_statement),
	    cmocka_unit_test(
		verified_manifest_refuses_a_statement_of_a_revoked_manifest),
	};
	int failed =
	    cmocka_run_group_tests_name("statement", tests, NULL, NULL);

	signers_done();
	return failed;
}
