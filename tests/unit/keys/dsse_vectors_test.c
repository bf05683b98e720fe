/*
 * The nine cases of DSSE's own test vectors (secure-systems-lab/dsse,
 * testvectors), in payloads of our own: the keys are those of RFC 8032 §7.1
 * TEST 1 and TEST 2, the signed bytes stand here letter by letter.
 */
#include "keys_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "keys/dsse.h"
#include "keys/trust.h"

#define TYPE   DSSE_IMAGE_PAYLOAD_TYPE
#define UMLAUT "application/vnd.ass\xc3\xa4y+json"

static const uint8_t seeds[2][32] = {
    {0x9d, 0x61, 0xb1, 0x9d, 0xef, 0xfd, 0x5a, 0x60, 0xba, 0x84, 0x4a, 0xf4,
	0x92, 0xec, 0x2c, 0xc4, 0x44, 0x49, 0xc5, 0x69, 0x7b, 0x32, 0x69, 0x19,
	0x70, 0x3b, 0xac, 0x03, 0x1c, 0xae, 0x7f, 0x60},
    {0x4c, 0xcd, 0x08, 0x9b, 0x28, 0xff, 0x96, 0xda, 0x9d, 0xb6, 0xc3, 0x46,
	0xec, 0x11, 0x4e, 0x0f, 0x5b, 0x8a, 0x31, 0x9f, 0x35, 0xab, 0xa6, 0x24,
	0xda, 0x8c, 0xf6, 0xed, 0x4f, 0xb8, 0xa6, 0xfb},
};

static const uint8_t public_halves[2][32] = {
    {0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe, 0xd3,
	0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6, 0x23, 0x25,
	0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a},
    {0x3d, 0x40, 0x17, 0xc3, 0xe8, 0x43, 0x89, 0x5a, 0x92, 0xb7, 0x0a, 0xa7,
	0x4d, 0x1b, 0x7e, 0xbc, 0x9c, 0x98, 0x2c, 0xcf, 0x2e, 0xc4, 0x96, 0x8c,
	0xc0, 0xcd, 0x55, 0xf1, 0x2a, 0xf4, 0x66, 0x0c},
};

struct signer {
	size_t key;
	bool has_keyid;
};

struct vector {
	const char *payload_base64;
	const char *type;
	const char *signed_pae; /* what the signatures are over */
	struct signer signers[2];
	size_t signer_count;
	int threshold;
	enum err_code expected;
};

static const struct vector single_signature = {
    .payload_base64 = "e30K",
    .type = TYPE,
    .signed_pae = "DSSEv1 44 " TYPE " 3 {}\n",
    .signers = {{0, true}},
    .signer_count = 1,
    .threshold = 1,
    .expected = ERR_NONE,
};

static struct fixture_key keys[2];

static struct fixture_key
key_of_seed(const uint8_t seed[32], const uint8_t public_half[32])
{
	struct fixture_key key = {.algorithm = ALGORITHM_ED25519};
	uint8_t spki[44] = {0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65,
	    0x70, 0x03, 0x21, 0x00};
	struct digest id;
	struct err err;

	memcpy(spki + 12, public_half, 32);
	assert_code(digest_of(bytes_of(spki, sizeof(spki)), &id, &err),
	    ERR_NONE);
	digest_hex(&id, key.id);
	key.pkey =
	    EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
	key.pem =
	    fixture_pem_of_der("PUBLIC KEY", bytes_of(spki, sizeof(spki)));
	return key;
}

static int
make_keys(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(keys); i++)
		keys[i] = key_of_seed(seeds[i], public_halves[i]);
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

static char *
policy_of(const struct vector *vector)
{
	json_t *trust = json_pack("{s:s, s:i, s:{}, s:{s:{s:i, s:[s,s],"
				  " s:[s], s:b}}, s:{s:[], s:[]}, s:{}}",
	    "schema", "assay.trust/1", "version", 1, "keys", "roles", "r",
	    "threshold", vector->threshold, "keys", keys[0].id, keys[1].id,
	    "images", "*", "debug", 0, "revoked", "keys", "manifests",
	    "min_rollback");

	assert_non_null(trust);
	fixture_trust_add_key(trust, &keys[0]);
	fixture_trust_add_key(trust, &keys[1]);
	return fixture_text(trust);
}

static json_t *
signature_of(const struct vector *vector, const struct signer *signer)
{
	const struct fixture_key *key = &keys[signer->key];
	struct bytes sig =
	    fixture_sign_with(key, bytes_of_str(vector->signed_pae));
	char *base64 = fixture_base64(sig);
	json_t *item = json_pack("{s:s*, s:s}", "keyid",
	    signer->has_keyid ? key->id : NULL, "sig", base64);

	free(base64);
	fixture_free_bytes(sig);
	return item;
}

static char *
envelope_of(const struct vector *vector)
{
	json_t *signatures = json_array();

	for (size_t i = 0; i < vector->signer_count; i++)
		json_array_append_new(signatures,
		    signature_of(vector, &vector->signers[i]));
	return fixture_text(
	    json_pack("{s:s, s:s, s:o}", "payload", vector->payload_base64,
		"payloadType", vector->type, "signatures", signatures));
}

static void
expect(const struct vector *vector)
{
	CLEANUP(freep) char *trust = policy_of(vector);
	CLEANUP(freep) char *raw = envelope_of(vector);
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct trust_verdict verdict = {.roles = 77};
	struct err err;

	assert_code(trust_decode(bytes_of_str(trust), &policy, &err), ERR_NONE);
	assert_code(dsse_decode(bytes_of_str(raw), &envelope, &err), ERR_NONE);
	assert_code(trust_verify_for(policy, TRUST_IMAGE, bytes_of_str(raw),
			envelope, FRESH_BUDGET, &verdict, &err),
	    vector->expected);
	assert_int_equal(verdict.roles, vector->expected == ERR_NONE ? 1 : 77);
}

static void
vector_single_signature(void **state)
{
	(void)state;
	expect(&single_signature);
}

static void
vector_url_safe_base64(void **state)
{
	struct vector vector = single_signature;

	(void)state;
	vector.payload_base64 = "Pz8_Pj4-";
	vector.signed_pae = "DSSEv1 44 " TYPE " 6 ?\?\?>>>";
	expect(&vector);
	vector.payload_base64 = "Pz8/Pj4+";
	expect(&vector);
}

static void
vector_payload_type_swapped(void **state)
{
	struct vector vector = single_signature;

	(void)state;
	vector.signed_pae = "DSSEv1 28 application/vnd.in-toto+json 3 {}\n";
	vector.expected = IMAGE_SIGNATURE_BAD;
	expect(&vector);
}

/* 27 bytes, 26 characters. The signature is good; the type is not ours. */
static void
vector_non_ascii_payload_type(void **state)
{
	struct vector vector = single_signature;

	(void)state;
	vector.type = UMLAUT;
	vector.signed_pae = "DSSEv1 27 " UMLAUT " 3 {}\n";
	vector.expected = PAYLOAD_TYPE_UNKNOWN;
	expect(&vector);
	vector.signed_pae = "DSSEv1 26 " UMLAUT " 3 {}\n";
	vector.expected = IMAGE_SIGNATURE_BAD;
	expect(&vector);
}

static void
vector_empty_payload(void **state)
{
	struct vector vector = single_signature;

	(void)state;
	vector.payload_base64 = "";
	vector.signed_pae = "DSSEv1 44 " TYPE " 0 ";
	expect(&vector);
	vector.signed_pae = "DSSEv1 44 " TYPE " 0";
	vector.expected = IMAGE_SIGNATURE_BAD;
	expect(&vector);
}

static void
vector_empty_payload_type(void **state)
{
	struct vector vector = single_signature;

	(void)state;
	vector.type = "";
	vector.signed_pae = "DSSEv1 0  3 {}\n";
	vector.expected = PAYLOAD_TYPE_UNKNOWN;
	expect(&vector);
}

static void
vector_threshold_two_distinct_keys(void **state)
{
	struct vector vector = single_signature;

	(void)state;
	vector.threshold = 2;
	vector.signers[1] = (struct signer){1, true};
	vector.signer_count = 2;
	expect(&vector);
}

static void
vector_threshold_two_one_key_twice(void **state)
{
	struct vector vector = single_signature;

	(void)state;
	vector.threshold = 2;
	vector.signers[1] = (struct signer){0, true};
	vector.signer_count = 2;
	vector.expected = THRESHOLD_NOT_MET;
	expect(&vector);
}

static void
vector_threshold_two_without_keyids(void **state)
{
	struct vector vector = single_signature;

	(void)state;
	vector.threshold = 2;
	vector.signers[0] = (struct signer){0, false};
	vector.signers[1] = (struct signer){1, false};
	vector.signer_count = 2;
	expect(&vector);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(vector_single_signature),
	    cmocka_unit_test(vector_url_safe_base64),
	    cmocka_unit_test(vector_payload_type_swapped),
	    cmocka_unit_test(vector_non_ascii_payload_type),
	    cmocka_unit_test(vector_empty_payload),
	    cmocka_unit_test(vector_empty_payload_type),
	    cmocka_unit_test(vector_threshold_two_distinct_keys),
	    cmocka_unit_test(vector_threshold_two_one_key_twice),
	    cmocka_unit_test(vector_threshold_two_without_keyids),
	};

	return cmocka_run_group_tests_name("dsse_vectors", tests, make_keys,
	    free_keys);
}
