#include "store_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "image-store/statement.h"
#include "image-store/verified_image.h"
#include "keys/dsse.h"
#include "keys/dsse_sign.h"
#include "keys/trust_write.h"

/* One key signs images, in a role that demands provenance by the same key;
 * the other one signs provenance too, but not what is demanded. */
static struct private_key *key;
static struct private_key *other_key;

static int
make_key(void **state)
{
	struct err err;

	(void)state;
	if (private_key_generate(ALGORITHM_ED25519, &other_key, &err) != 0)
		return -1;
	return private_key_generate(ALGORITHM_ED25519, &key, &err);
}

static int
free_key(void **state)
{
	(void)state;
	private_key_freep(&key);
	private_key_freep(&other_key);
	return 0;
}

static struct trust_policy *
demanding_policy(void)
{
	static const char *const patterns[] = {"*"};
	const struct public_key *keys[] = {private_key_public(key)};
	const struct trust_draft draft = {.version = 1,
	    .role = "prod",
	    .threshold = 1,
	    .keys = keys,
	    .key_count = 1,
	    .patterns = patterns,
	    .pattern_count = 1};
	CLEANUP(json_freep) json_t *tree = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *demanding = NULL;
	struct trust_policy *policy = NULL;
	json_t *roles, *prod;
	char other_id[DIGEST_HEX_SIZE];
	CLEANUP(freep) char *other_pem = NULL;
	struct err err;

	digest_hex(public_key_id(private_key_public(other_key)), other_id);
	assert_code(
	    public_key_to_pem(private_key_public(other_key), &other_pem, &err),
	    0);
	assert_code(trust_encode_new(&draft, &text, &err), 0);
	tree = json_loads(text, 0, NULL);
	roles = json_object_get(tree, "roles");
	prod = json_object_get(roles, "prod");
	json_object_set_new(prod, "provenance",
	    json_pack("[{s:s, s:s, s:s}]", "predicate_type", "urn:built",
		"builder_id", "urn:ci", "role", "builders"));
	json_object_set_new(roles, "others",
	    json_pack("{s:s, s:i, s:[s]}", "signs", "provenance", "threshold",
		1, "keys", other_id));
	json_object_set_new(json_object_get(tree, "keys"), other_id,
	    json_pack("{s:s, s:s}", "alg", "ed25519", "pem", other_pem));
	json_object_set_new(roles, "builders",
	    json_pack("{s:s, s:i, s:O}", "signs", "provenance", "threshold", 1,
		"keys", json_object_get(prod, "keys")));
	demanding = tree_text(tree);
	assert_code(trust_decode(bytes_of_str(demanding), &policy, &err), 0);
	return policy;
}

static struct sealed *
sign_text(const struct private_key *signer, const char *type, const char *text)
{
	const struct private_key *keys[] = {signer};
	CLEANUP(freep) char *envelope = NULL;
	struct err err;

	assert_code(dsse_sign(type, bytes_of_str(text), bytes_of(NULL, 0), keys,
			1, &envelope, &err),
	    0);
	return sealed_of(bytes_of_str(envelope));
}

static struct verified_manifest *
verify_manifest(const struct trust_policy *policy)
{
	struct manifest manifest = good_manifest();
	CLEANUP(freep) char *text = NULL;
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	struct verified_manifest *verified = NULL;
	struct err err;

	assert_code(manifest_encode(&manifest, &text, &err), 0);
	envelope = sign_text(key, DSSE_IMAGE_PAYLOAD_TYPE, text);
	assert_code(
	    verified_manifest_new(policy, NULL, envelope, &verified, &err), 0);
	return verified;
}

/* With the builder's id where `predicate` puts it. */
static int
prove_by(const struct private_key *signer, const char *predicate,
    bool has_ramdisk)
{
	CLEANUP(trust_freep) struct trust_policy *policy = demanding_policy();
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = verify_manifest(policy);
	const struct manifest *manifest = verified_manifest_get(verified);
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	char elf[DIGEST_HEX_SIZE], ramdisk[DIGEST_HEX_SIZE], text[1024];
	struct err err;
	int code;

	digest_hex(&manifest->elf.digest, elf);
	digest_hex(&manifest->ramdisk.digest, ramdisk);
	snprintf(text, sizeof(text),
	    "{\"_type\":\"" STATEMENT_TYPE "\",\"subject\":["
	    "{\"digest\":{\"sha256\":\"%s\"}},"
	    "{\"digest\":{\"sha256\":\"%s\"}}],"
	    "\"predicateType\":\"urn:built\",\"predicate\":%s}",
	    elf, has_ramdisk ? ramdisk : elf, predicate);
	raw = sign_text(signer, DSSE_STATEMENT_PAYLOAD_TYPE, text);
	assert_true(verified_manifest_needs_proof(verified));
	verified_manifest_show(policy, verified, raw);
	code = verified_manifest_require_proof(policy, verified, &err);
	assert_int_equal(verified_manifest_needs_proof(verified), code != 0);
	return code;
}

static int
prove(const char *predicate, bool has_ramdisk)
{
	return prove_by(key, predicate, has_ramdisk);
}

static void
verified_image_is_not_made_without_the_proof_that_is_demanded(void **state)
{
	CLEANUP(trust_freep) struct trust_policy *policy = demanding_policy();
	struct verified_image *image = UNTOUCHED;
	struct err err;

	(void)state;
	assert_code(verified_image_new(verify_manifest(policy), NULL, NULL,
			&image, &err),
	    PROVENANCE_MISSING);
	assert_ptr_equal(image, UNTOUCHED);
}

static void
verified_manifest_is_not_proven_by_nothing(void **state)
{
	CLEANUP(trust_freep) struct trust_policy *policy = demanding_policy();
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = verify_manifest(policy);
	struct err err;

	(void)state;
	assert_code(verified_manifest_require_proof(policy, verified, &err),
	    PROVENANCE_MISSING);
	assert_non_null(strstr(err.text, "none is attached"));
	assert_true(verified_manifest_needs_proof(verified));
}

static void
verified_manifest_is_proven_by_a_builder(void **state)
{
	(void)state;
	assert_code(
	    prove("{\"runDetails\":{\"builder\":{\"id\":\"urn:ci\"}}}", true),
	    0);
	assert_code(prove("{\"builder\":{\"id\":\"urn:ci\"}}", true), 0);
}

static void
verified_manifest_is_not_proven_by_another_builder(void **state)
{
	static const char *const predicates[] = {"{}",
	    "{\"builder\":\"urn:ci\"}", "{\"builder\":{\"id\":\"urn:ci2\"}}",
	    "{\"id\":\"urn:ci\"}", "{\"builder\":{\"id\":1}}",
	    "{\"runDetails\":{},\"builder\":{\"id\":\"urn:ci\"}}"};

	(void)state;
	for (size_t i = 0; i < countof(predicates); i++)
		assert_code(prove(predicates[i], true), PROVENANCE_MISMATCH);
	assert_code(prove("{\"builder\":{\"id\":\"urn:ci\"}}", false),
	    PROVENANCE_MISMATCH);
}

static void
verified_manifest_is_not_proven_by_another_role(void **state)
{
	(void)state;
	assert_code(
	    prove_by(other_key, "{\"builder\":{\"id\":\"urn:ci\"}}", true),
	    PROVENANCE_MISSING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		verified_image_is_not_made_without_the_proof_that_is_demanded),
	    cmocka_unit_test(verified_manifest_is_not_proven_by_nothing),
	    cmocka_unit_test(verified_manifest_is_proven_by_a_builder),
	    cmocka_unit_test(
		verified_manifest_is_not_proven_by_another_builder),
	    cmocka_unit_test(verified_manifest_is_not_proven_by_another_role),
	};

	return cmocka_run_group_tests_name("provenance", tests, make_key,
	    free_key);
}
