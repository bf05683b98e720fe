#include "store_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "image-store/statement.h"
#include "image-store/verified_manifest.h"
#include "keys/dsse.h"
#include "keys/sign/dsse_sign.h"
#include "keys/sign/trust_write.h"

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
	assert_code(verified_manifest_new(policy, NULL, envelope, FRESH_BUDGET,
			&verified, &err),
	    0);
	return verified;
}

/* What is offered as proof; "predicate" has the builder's id. */
struct offer {
	const struct private_key *signer;
	const char *type;
	const char *predicate;
	bool has_kernel;
	bool has_ramdisk;
};

static struct offer
good_offer(void)
{
	return (struct offer){key, "urn:built",
	    "{\"builder\":{\"id\":\"urn:ci\"}}", true, true};
}

static int
prove(const struct offer *offer)
{
	CLEANUP(trust_freep) struct trust_policy *policy = demanding_policy();
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = verify_manifest(policy);
	const struct manifest *manifest = verified_manifest_get(verified);
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	char elf[DIGEST_HEX_SIZE], ramdisk[DIGEST_HEX_SIZE], text[1024];
	const struct digest other = {{0x77}};
	struct err err;
	int code;

	digest_hex(offer->has_kernel ? &manifest->elf.digest : &other, elf);
	digest_hex(offer->has_ramdisk ? &manifest->ramdisk.digest : &other,
	    ramdisk);
	snprintf(text, sizeof(text),
	    "{\"_type\":\"" STATEMENT_TYPE "\",\"subject\":["
	    "{\"digest\":{\"sha256\":\"%s\"}},"
	    "{\"digest\":{\"sha256\":\"%s\"}}],"
	    "\"predicateType\":\"%s\",\"predicate\":%s}",
	    elf, ramdisk, offer->type, offer->predicate);
	raw = sign_text(offer->signer, DSSE_STATEMENT_PAYLOAD_TYPE, text);
	assert_true(verified_manifest_needs_proof(verified));
	assert_code(
	    verified_manifest_show(policy, verified, raw, FRESH_BUDGET, &err),
	    0);
	code = verified_manifest_require_proof(policy, verified, &err);
	assert_int_equal(verified_manifest_needs_proof(verified), code != 0);
	return code;
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
	struct offer offer = good_offer();

	(void)state;
	assert_code(prove(&offer), 0);
	offer.predicate = "{\"runDetails\":{\"builder\":{\"id\":\"urn:ci\"}}}";
	assert_code(prove(&offer), 0);
}

static void
verified_manifest_is_not_proven_by_another_builder(void **state)
{
	static const char *const predicates[] = {"{}",
	    "{\"builder\":\"urn:ci\"}", "{\"builder\":{\"id\":\"urn:ci2\"}}",
	    "{\"id\":\"urn:ci\"}", "{\"builder\":{\"id\":1}}",
	    "{\"runDetails\":{},\"builder\":{\"id\":\"urn:ci\"}}"};

	struct offer offer = good_offer();

	(void)state;
	for (size_t i = 0; i < countof(predicates); i++) {
		offer.predicate = predicates[i];
		assert_code(prove(&offer), PROVENANCE_MISMATCH);
	}
}

static void
verified_manifest_is_not_proven_by_a_statement_about_less(void **state)
{
	struct offer offer = good_offer();

	(void)state;
	offer.has_ramdisk = false;
	assert_code(prove(&offer), PROVENANCE_MISMATCH);
	offer = good_offer();
	offer.has_kernel = false;
	assert_code(prove(&offer), PROVENANCE_MISMATCH);
}

static void
verified_manifest_is_not_proven_by_another_statement(void **state)
{
	struct offer offer = good_offer();

	(void)state;
	offer.type = "urn:built2";
	assert_code(prove(&offer), PROVENANCE_MISSING);
}

static void
verified_manifest_is_not_proven_by_another_role(void **state)
{
	struct offer offer = good_offer();

	(void)state;
	offer.signer = other_key;
	assert_code(prove(&offer), PROVENANCE_MISSING);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verified_manifest_is_not_proven_by_nothing),
	    cmocka_unit_test(verified_manifest_is_proven_by_a_builder),
	    cmocka_unit_test(
		verified_manifest_is_not_proven_by_another_builder),
	    cmocka_unit_test(
		verified_manifest_is_not_proven_by_a_statement_about_less),
	    cmocka_unit_test(
		verified_manifest_is_not_proven_by_another_statement),
	    cmocka_unit_test(verified_manifest_is_not_proven_by_another_role),
	};

	return cmocka_run_group_tests_name("provenance", tests, make_key,
	    free_key);
}
