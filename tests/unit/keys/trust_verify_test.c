/*
 * public_key_accepts() is wrapped to count how often a key is tried, and
 * public_key_refuse() how often a signature is looked into.
 */
#include "keys_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rsa.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/scope.h"
#include "keys/trust.h"

#define P256    fixture_key(ALGORITHM_ECDSA_P256_SHA256, 0)
#define P384    fixture_key(ALGORITHM_ECDSA_P384_SHA384, 0)
#define ED25519 fixture_key(ALGORITHM_ED25519, 0)
#define RSA3072 fixture_key(ALGORITHM_RSA_PSS_SHA256, 0)
#define FOREIGN fixture_key(ALGORITHM_ED25519, 1)

enum { PROD = 0, LAB = 1 };

enum { max_tries = 64 };

static const struct public_key *tried[max_tries];
static size_t try_count;

bool __real_public_key_accepts(const struct public_key *key,
    struct bytes message, struct bytes signature);
bool __wrap_public_key_accepts(const struct public_key *key,
    struct bytes message, struct bytes signature);

bool
__wrap_public_key_accepts(const struct public_key *key, struct bytes message,
    struct bytes signature)
{
	if (try_count < max_tries)
		tried[try_count++] = key;
	return __real_public_key_accepts(key, message, signature);
}

static size_t look_count;

int __real_public_key_refuse(const struct public_key *key, struct bytes message,
    struct bytes signature, enum err_code code, struct err *err);
int __wrap_public_key_refuse(const struct public_key *key, struct bytes message,
    struct bytes signature, enum err_code code, struct err *err);

int
__wrap_public_key_refuse(const struct public_key *key, struct bytes message,
    struct bytes signature, enum err_code code, struct err *err)
{
	look_count++;
	return __real_public_key_refuse(key, message, signature, code, err);
}

/* Of the last envelope that was refused. */
static struct err last;

static int
forget_tries(void **state)
{
	(void)state;
	try_count = 0;
	look_count = 0;
	last = (struct err){.code = ERR_NONE};
	return 0;
}

/* Takes both trees. Returns the error code. */
static int
verify_for(json_t *trust, enum trust_purpose purpose, json_t *tree,
    struct trust_verdict *ret_verdict)
{
	CLEANUP(freep) char *trust_text = fixture_text(trust);
	CLEANUP(freep) char *raw = fixture_text(tree);
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct err err;

	assert_code(trust_decode(bytes_of_str(trust_text), &policy, &err),
	    ERR_NONE);
	assert_code(dsse_decode(bytes_of_str(raw), &envelope, &err), ERR_NONE);
	return trust_verify_for(policy, purpose, bytes_of_str(raw), envelope,
	    FRESH_BUDGET, ret_verdict, &last);
}

/* Takes both trees. Returns the error code. */
static int
verify(json_t *trust, json_t *tree, struct trust_verdict *ret_verdict)
{
	return verify_for(trust, TRUST_IMAGE, tree, ret_verdict);
}

/* Takes both trees. `roles` is what the verdict must be. */
static void
expect_roles(json_t *trust, json_t *tree, uint32_t roles)
{
	struct trust_verdict verdict;

	assert_code(verify(trust, tree, &verdict), ERR_NONE);
	assert_int_equal(verdict.roles, roles);
}

/* Takes both trees. */
static void
expect_refused(json_t *trust, json_t *tree, enum err_code code)
{
	struct trust_verdict before, verdict;

	memset(&before, 0xa5, sizeof(before));
	verdict = before;
	assert_code(verify(trust, tree, &verdict), code);
	assert_memory_equal(&verdict, &before, sizeof(before));
}

static json_t *
unsigned_envelope(void)
{
	return fixture_envelope(DSSE_IMAGE_PAYLOAD_TYPE, bytes_of_str(PAYLOAD));
}

static json_t *
signed_by(const struct fixture_key *a, const struct fixture_key *b)
{
	json_t *tree = unsigned_envelope();

	fixture_envelope_sign(tree, a, a->id);
	if (b != NULL)
		fixture_envelope_sign(tree, b, b->id);
	return tree;
}

static json_t *
signature_at(json_t *tree, size_t index)
{
	return json_array_get(json_object_get(tree, "signatures"), index);
}

static void
revoke_key(json_t *trust, const struct fixture_key *key)
{
	json_t *revoked = json_object_get(trust, "revoked");

	json_array_append_new(json_object_get(revoked, "keys"),
	    json_string(key->id));
}

static void
revoke_bytes(json_t *trust, struct bytes bytes)
{
	json_t *revoked = json_object_get(trust, "revoked");
	char text[DIGEST_TEXT_SIZE];
	struct digest digest;
	struct err err;

	assert_code(digest_of(bytes, &digest, &err), ERR_NONE);
	digest_text(&digest, text);
	json_array_append_new(json_object_get(revoked, "manifests"),
	    json_string(text));
}

/* Flip one bit of the base64 string of a member. */
static void
flip_bit(json_t *object, const char *member, size_t bit)
{
	json_t *value = json_object_get(object, member);
	uint8_t *data = NULL;
	struct err err;
	size_t len = 0;
	char *base64;

	assert_code(base64_decode(bytes_of_str(json_string_value(value)),
			ENVELOPE_MALFORMED, &data, &len, &err),
	    ERR_NONE);
	data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	base64 = fixture_base64(bytes_of(data, len));
	json_string_set(value, base64);
	free(base64);
	free(data);
}

static void
trust_verify_accepts_two_keys_of_a_role(void **state)
{
	(void)state;
	expect_roles(fixture_trust(), fixture_signed_envelope(), 1u << PROD);
	expect_roles(fixture_trust(), signed_by(P384, RSA3072), 1u << PROD);
	expect_roles(fixture_trust(), signed_by(RSA3072, ED25519), 1u << PROD);
}

static void
trust_verify_accepts_more_keys_than_needed(void **state)
{
	json_t *tree = signed_by(P384, ED25519);

	(void)state;
	fixture_envelope_sign(tree, RSA3072, NULL);
	expect_roles(fixture_trust(), tree, 1u << PROD);
}

static void
trust_verify_accepts_one_key_where_one_is_enough(void **state)
{
	(void)state;
	expect_roles(fixture_trust(), signed_by(P256, NULL), 1u << LAB);
}

static void
trust_verify_names_every_role_that_signed(void **state)
{
	json_t *tree = signed_by(P384, ED25519);

	(void)state;
	fixture_envelope_sign(tree, P256, P256->id);
	expect_roles(fixture_trust(), tree, 1u << PROD | 1u << LAB);
}

static void
trust_verify_gives_the_digest_of_the_envelope_as_it_came(void **state)
{
	json_t *tree = fixture_signed_envelope();
	char *raw = fixture_text(json_incref(tree));
	struct trust_verdict verdict;
	struct digest digest;
	struct err err;

	(void)state;
	assert_code(verify(fixture_trust(), tree, &verdict), ERR_NONE);
	assert_code(digest_of(bytes_of_str(raw), &digest, &err), ERR_NONE);
	assert_true(digest_equal(&verdict.envelope, &digest));
	free(raw);
}

/* More than the threshold, of one family. */
static void
trust_verify_wants_the_number_of_each_group(void **state)
{
	json_t *trust = fixture_trust();
	json_t *role = fixture_role(trust, "prod");
	json_t *tree = fixture_signed_envelope();

	(void)state;
	json_object_set_new(role, "threshold", json_integer(1));
	expect_roles(json_deep_copy(trust), signed_by(P384, NULL), 1u << PROD);
	json_object_set_new(role, "groups",
	    json_pack("[[s,i]]", "classical", 3));
	expect_refused(json_deep_copy(trust), signed_by(P384, NULL),
	    THRESHOLD_NOT_MET);
	expect_refused(json_deep_copy(trust), json_deep_copy(tree),
	    THRESHOLD_NOT_MET);
	/* A key that is not of the role does not help. */
	fixture_envelope_sign(tree, P256, P256->id);
	expect_roles(json_deep_copy(trust), json_deep_copy(tree), 1u << LAB);
	fixture_envelope_sign(tree, RSA3072, RSA3072->id);
	expect_roles(trust, tree, 1u << PROD | 1u << LAB);
}

/* Not the revoked one, nor the foreign one. */
static void
trust_verify_names_every_key_that_counts(void **state)
{
	json_t *trust = fixture_trust();
	json_t *tree = fixture_signed_envelope();
	struct trust_verdict verdict;

	(void)state;
	fixture_envelope_sign(tree, RSA3072, RSA3072->id);
	fixture_envelope_sign(tree, FOREIGN, FOREIGN->id);
	revoke_key(trust, ED25519);
	assert_code(verify(trust, tree, &verdict), ERR_NONE);
	assert_int_equal(verdict.keys, 1u << 0 | 1u << 2);
}

static void
trust_verify_needs_no_keyid(void **state)
{
	json_t *tree = unsigned_envelope();

	(void)state;
	fixture_envelope_sign(tree, P384, NULL);
	fixture_envelope_sign(tree, ED25519, NULL);
	expect_roles(fixture_trust(), tree, 1u << PROD);
}

static void
trust_verify_takes_a_keyid_only_as_a_hint(void **state)
{
	static const char *const hints[] = {"", "nonsense",
	    "0000000000000000000000000000000000000000000000000000000000000000"};
	json_t *tree;

	(void)state;
	for (size_t i = 0; i < countof(hints); i++) {
		tree = unsigned_envelope();
		fixture_envelope_sign(tree, P384, hints[i]);
		fixture_envelope_sign(tree, ED25519, hints[i]);
		expect_roles(fixture_trust(), tree, 1u << PROD);
	}
	tree = unsigned_envelope();
	fixture_envelope_sign(tree, P384, ED25519->id);
	fixture_envelope_sign(tree, ED25519, P384->id);
	expect_roles(fixture_trust(), tree, 1u << PROD);
}

static void
trust_verify_tries_the_hinted_key_first(void **state)
{
	(void)state;
	expect_roles(fixture_trust(), signed_by(P256, NULL), 1u << LAB);
	assert_int_equal(try_count, 1);
}

/* Four keys, and a signature that hints at the last but is by nobody; two of
 * them, of ECDSA, could have made it. */
static void
trust_verify_tries_each_key_once_for_a_signature(void **state)
{
	json_t *tree = unsigned_envelope();

	(void)state;
	fixture_envelope_sign(tree, fixture_key(ALGORITHM_ECDSA_P256_SHA256, 1),
	    P256->id);
	expect_refused(fixture_trust(), tree, IMAGE_SIGNATURE_BAD);
	assert_int_equal(try_count, 2);
	for (size_t i = 0; i < try_count; i++) {
		for (size_t j = 0; j < i; j++)
			assert_ptr_not_equal(tried[i], tried[j]);
	}
}

static void
trust_verify_tries_no_key_that_cannot_have_made_a_signature(void **state)
{
	json_t *tree = unsigned_envelope();

	(void)state;
	fixture_envelope_sign(tree, FOREIGN, P256->id);
	/* 64 bytes, under an ECDSA key's id. */
	expect_refused(fixture_trust(), tree, SIGNATURE_NOT_DER);
	assert_int_equal(try_count, 1);
}

static void
trust_verify_refuses_one_signature_of_two(void **state)
{
	(void)state;
	expect_refused(fixture_trust(), signed_by(P384, NULL),
	    THRESHOLD_NOT_MET);
	expect_refused(fixture_trust(), signed_by(RSA3072, NULL),
	    THRESHOLD_NOT_MET);
}

static void
trust_verify_counts_the_same_key_once(void **state)
{
	json_t *tree = signed_by(P384, P384);

	(void)state;
	/* Two signatures that differ, by one key. */
	assert_string_not_equal(
	    json_string_value(json_object_get(signature_at(tree, 0), "sig")),
	    json_string_value(json_object_get(signature_at(tree, 1), "sig")));
	expect_refused(fixture_trust(), tree, THRESHOLD_NOT_MET);

	tree = signed_by(ED25519, NULL);
	fixture_envelope_sign(tree, ED25519, NULL);
	fixture_envelope_sign(tree, ED25519, P384->id);
	expect_refused(fixture_trust(), tree, THRESHOLD_NOT_MET);
}

static void
trust_verify_does_not_add_up_keys_of_two_roles(void **state)
{
	json_t *trust = fixture_trust();

	(void)state;
	fixture_trust_add_key(trust, FOREIGN);
	json_object_set_new(fixture_role(trust, "lab"), "keys",
	    json_pack("[s,s]", P256->id, FOREIGN->id));
	json_object_set_new(fixture_role(trust, "lab"), "threshold",
	    json_integer(2));
	expect_refused(trust, signed_by(P384, P256), THRESHOLD_NOT_MET);
}

static void
trust_verify_does_not_count_a_key_that_is_in_no_role(void **state)
{
	json_t *trust = fixture_trust();

	(void)state;
	fixture_trust_add_key(trust, FOREIGN);
	expect_refused(trust, signed_by(P384, FOREIGN), THRESHOLD_NOT_MET);
}

static void
trust_verify_refuses_a_foreign_key(void **state)
{
	(void)state;
	expect_refused(fixture_trust(), signed_by(FOREIGN, NULL), KEY_UNKNOWN);
	expect_refused(fixture_trust(), signed_by(P384, FOREIGN), KEY_UNKNOWN);
}

static void
trust_verify_refuses_a_foreign_signature_without_keyid_as_bad(void **state)
{
	json_t *tree = unsigned_envelope();

	(void)state;
	fixture_envelope_sign(tree, FOREIGN, NULL);
	expect_refused(fixture_trust(), tree, IMAGE_SIGNATURE_BAD);
}

static void
trust_verify_refuses_a_foreign_signature_under_a_known_keyid(void **state)
{
	json_t *tree = signed_by(P384, NULL);

	(void)state;
	fixture_envelope_sign(tree, FOREIGN, ED25519->id);
	expect_refused(fixture_trust(), tree, IMAGE_SIGNATURE_BAD);
}

static void
trust_verify_ignores_bad_signatures_beside_enough_good_ones(void **state)
{
	json_t *tree = unsigned_envelope();

	(void)state;
	fixture_envelope_sign(tree, FOREIGN, FOREIGN->id);
	fixture_envelope_sign(tree, FOREIGN, P384->id);
	fixture_envelope_sign(tree, FOREIGN, NULL);
	fixture_envelope_sign(tree, P384, P384->id);
	fixture_envelope_sign(tree, ED25519, ED25519->id);
	expect_roles(fixture_trust(), tree, 1u << PROD);
}

/* Takes both trees. The message says which signature, and what about it. */
static void
expect_named(json_t *trust, json_t *tree, enum err_code code, const char *field,
    const char *why)
{
	expect_refused(trust, tree, code);
	assert_string_equal(last.field, field);
	if (strncmp(last.text, field, strlen(field)) != 0 ||
	    strstr(last.text, why) == NULL)
		fail_msg("%s", last.text);
}

/* How a signer can do it; `padding` and `salt` only for RSA. */
struct manner {
	const char *hash;
	int padding;
	int salt;
};

static void
sign_in(json_t *tree, const struct fixture_key *key, const char *keyid,
    const struct manner *manner)
{
	struct bytes pae = fixture_pae(tree);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *borrowed = NULL;
	uint8_t sig[1024];
	size_t len = sizeof(sig);
	char *base64;

	assert_int_equal(EVP_DigestSignInit(ctx, &borrowed,
			     EVP_get_digestbyname(manner->hash), NULL,
			     key->pkey),
	    1);
	if (manner->padding != 0)
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_padding(borrowed, manner->padding), 1);
	if (manner->padding == RSA_PKCS1_PSS_PADDING)
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(borrowed, manner->salt),
		    1);
	assert_int_equal(EVP_DigestSign(ctx, sig, &len, pae.ptr, pae.len), 1);
	base64 = fixture_base64(bytes_of(sig, len));
	json_array_append_new(json_object_get(tree, "signatures"),
	    json_pack("{s:s*, s:s}", "keyid", keyid, "sig", base64));
	free(base64);
	EVP_MD_CTX_free(ctx);
	fixture_free_bytes(pae);
}

enum {
	pss = RSA_PKCS1_PSS_PADDING,
	pkcs1 = RSA_PKCS1_PADDING,
	as_long = RSA_PSS_SALTLEN_DIGEST,
};

/* Every manner that has a name, and the key that is used so. */
static const struct {
	enum algorithm algorithm;
	struct manner manner;
	enum err_code code;
	const char *why;
} manners[] = {
    {ALGORITHM_ECDSA_P256_SHA256, {"SHA384", 0, 0}, SIGNATURE_OTHER_HASH,
	"but over SHA-384; ecdsa-p256-sha256 is due"},
    {ALGORITHM_ECDSA_P256_SHA256, {"SHA512", 0, 0}, SIGNATURE_OTHER_HASH,
	"but over SHA-512; ecdsa-p256-sha256 is due"},
    {ALGORITHM_ECDSA_P384_SHA384, {"SHA256", 0, 0}, SIGNATURE_OTHER_HASH,
	"but over SHA-256; ecdsa-p384-sha384 is due"},
    {ALGORITHM_ECDSA_P384_SHA384, {"SHA512", 0, 0}, SIGNATURE_OTHER_HASH,
	"but over SHA-512; ecdsa-p384-sha384 is due"},
    {ALGORITHM_RSA_PSS_SHA256, {"SHA384", pss, as_long}, SIGNATURE_OTHER_HASH,
	"but over SHA-384; rsa-pss-sha256 is due"},
    {ALGORITHM_RSA_PSS_SHA256, {"SHA512", pss, 20}, SIGNATURE_OTHER_HASH,
	"but over SHA-512; rsa-pss-sha256 is due"},
    {ALGORITHM_RSA_PSS_SHA256, {"SHA256", pss, RSA_PSS_SALTLEN_MAX},
	SIGNATURE_OTHER_PADDING, "with a PSS salt of another length"},
    {ALGORITHM_RSA_PSS_SHA256, {"SHA256", pss, 0}, SIGNATURE_OTHER_PADDING,
	"with a PSS salt of another length"},
    {ALGORITHM_RSA_PSS_SHA256, {"SHA256", pkcs1, 0}, SIGNATURE_OTHER_PADDING,
	"with PKCS #1 v1.5 padding; rsa-pss-sha256 is due"},
    {ALGORITHM_RSA_PSS_SHA256, {"SHA384", pkcs1, 0}, SIGNATURE_OTHER_PADDING,
	"with PKCS #1 v1.5 padding, over SHA-384"},
    {ALGORITHM_RSA_PSS_SHA256, {"SHA512", pkcs1, 0}, SIGNATURE_OTHER_PADDING,
	"with PKCS #1 v1.5 padding, over SHA-512"},
};

static json_t *
signed_in(size_t manner)
{
	const struct fixture_key *key =
	    fixture_key(manners[manner].algorithm, 0);
	json_t *tree = unsigned_envelope();

	sign_in(tree, key, key->id, &manners[manner].manner);
	return tree;
}

static void
trust_verify_names_the_manner_in_which_the_right_key_signed(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(manners); i++)
		expect_named(fixture_trust(), signed_in(i), manners[i].code,
		    "signatures[0].sig", manners[i].why);
}

/* Else the key would be accepted in a manner that nobody agreed on. */
static void
trust_verify_never_counts_a_key_that_signed_in_another_manner(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(manners); i++) {
		json_t *tree = signed_in(i);

		/* One of two is there; the other manner does not add to it. */
		fixture_envelope_sign(tree,
		    manners[i].algorithm == ALGORITHM_RSA_PSS_SHA256 ? P384
								     : RSA3072,
		    NULL);
		expect_refused(fixture_trust(), tree, manners[i].code);
	}
}

static void
trust_verify_accepts_what_it_accepted_beside_another_manner(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(manners); i++) {
		json_t *tree = signed_in(i);

		fixture_envelope_sign(tree, P384, P384->id);
		fixture_envelope_sign(tree, ED25519, ED25519->id);
		expect_roles(fixture_trust(), tree, 1u << PROD);
	}
	assert_int_equal(look_count, 0);
}

static void
trust_verify_names_bytes_after_a_good_signature(void **state)
{
	static const enum algorithm all[] = {ALGORITHM_ECDSA_P256_SHA256,
	    ALGORITHM_ECDSA_P384_SHA384, ALGORITHM_ED25519,
	    ALGORITHM_RSA_PSS_SHA256};

	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		const struct fixture_key *key = fixture_key(all[i], 0);
		json_t *tree = unsigned_envelope();
		struct bytes pae = fixture_pae(tree);
		struct bytes sig = fixture_sign_with(key, pae);
		uint8_t longer[1024] = {0};
		char *base64;

		memcpy(longer, sig.ptr, sig.len);
		longer[sig.len] = '\n';
		base64 = fixture_base64(bytes_of(longer, sig.len + 1));
		json_array_append_new(json_object_get(tree, "signatures"),
		    json_pack("{s:s, s:s}", "keyid", key->id, "sig", base64));
		expect_named(fixture_trust(), tree, BYTES_TRAILING,
		    "signatures[0].sig", "1 bytes after a good signature");
		free(base64);
		fixture_free_bytes(sig);
		fixture_free_bytes(pae);
	}
}

static void
trust_verify_names_raw_r_and_s(void **state)
{
	json_t *tree = unsigned_envelope();
	char *zeros = fixture_base64(bytes_of((uint8_t[96]){0}, 96));

	(void)state;
	json_array_append_new(json_object_get(tree, "signatures"),
	    json_pack("{s:s, s:s}", "keyid", P384->id, "sig", zeros));
	free(zeros);
	expect_named(fixture_trust(), tree, SIGNATURE_NOT_DER,
	    "signatures[0].sig", "96 bytes of raw r||s instead of DER");
}

/* Of many, the first that says whose it is; of others no more is known. */
static void
trust_verify_looks_into_one_signature_of_an_envelope(void **state)
{
	json_t *tree = unsigned_envelope();
	static const struct manner sha512 = {"SHA512", 0, 0};

	(void)state;
	sign_in(tree, P384, NULL, &sha512);
	sign_in(tree, P384, FOREIGN->id, &sha512);
	sign_in(tree, P256, P256->id, &sha512);
	for (size_t i = 3; i < LIMIT_SIGNATURES; i++)
		sign_in(tree, P384, P384->id, &sha512);
	expect_named(fixture_trust(), tree, SIGNATURE_OTHER_HASH,
	    "signatures[2].sig", "ecdsa-p256-sha256 is due");
	assert_int_equal(look_count, 1);
}

static void
trust_verify_looks_into_no_signature_that_names_no_key(void **state)
{
	static const struct manner sha512 = {"SHA512", 0, 0};
	json_t *tree = unsigned_envelope();

	(void)state;
	sign_in(tree, P384, NULL, &sha512);
	expect_named(fixture_trust(), tree, IMAGE_SIGNATURE_BAD,
	    "signatures[0].sig", "no key of the trust policy accepts it");
	assert_int_equal(look_count, 0);
	/* Nor does the hash make it another key's. */
	tree = unsigned_envelope();
	sign_in(tree, P384, P256->id, &sha512);
	expect_named(fixture_trust(), tree, IMAGE_SIGNATURE_BAD,
	    "signatures[0].sig", "no ecdsa-p256-sha256 signature by it");
}

static void
trust_verify_refuses_a_payload_with_a_flipped_bit(void **state)
{
	json_t *good = fixture_signed_envelope();

	(void)state;
	for (size_t bit = 0; bit < 8 * strlen(PAYLOAD); bit++) {
		json_t *tree = json_deep_copy(good);

		flip_bit(tree, "payload", bit);
		expect_refused(fixture_trust(), tree, IMAGE_SIGNATURE_BAD);
	}
	json_decref(good);
}

static void
trust_verify_refuses_a_signature_with_a_flipped_bit(void **state)
{
	json_t *good = fixture_signed_envelope();

	(void)state;
	for (size_t bit = 0; bit < 8 * 64; bit++) {
		json_t *tree = json_deep_copy(good);

		flip_bit(signature_at(tree, 1), "sig", bit);
		expect_refused(fixture_trust(), tree, IMAGE_SIGNATURE_BAD);
	}
	json_decref(good);
}

static void
trust_verify_refuses_a_longer_or_shorter_payload(void **state)
{
	static const char *const payloads[] = {"", PAYLOAD " ",
	    "{\"schema\":\"assay.image/1\""};

	(void)state;
	for (size_t i = 0; i < countof(payloads); i++) {
		json_t *tree = fixture_signed_envelope();
		char *base64 = fixture_base64(bytes_of_str(payloads[i]));

		json_object_set_new(tree, "payload", json_string(base64));
		free(base64);
		expect_refused(fixture_trust(), tree, IMAGE_SIGNATURE_BAD);
	}
}

static void
trust_verify_refuses_another_payload_type_than_was_signed(void **state)
{
	json_t *tree = fixture_envelope("application/vnd.in-toto+json",
	    bytes_of_str(PAYLOAD));

	(void)state;
	fixture_envelope_sign(tree, P384, P384->id);
	fixture_envelope_sign(tree, ED25519, ED25519->id);
	json_object_set_new(tree, "payloadType",
	    json_string(DSSE_IMAGE_PAYLOAD_TYPE));
	expect_refused(fixture_trust(), tree, IMAGE_SIGNATURE_BAD);
}

/* The border between type and payload is part of what is signed. */
static void
trust_verify_refuses_bytes_moved_from_the_payload_to_the_type(void **state)
{
	json_t *tree =
	    fixture_envelope(DSSE_IMAGE_PAYLOAD_TYPE, bytes_of_str(" 5 hello"));

	(void)state;
	fixture_envelope_sign(tree, P384, P384->id);
	fixture_envelope_sign(tree, ED25519, ED25519->id);
	json_object_set_new(tree, "payloadType",
	    json_string(DSSE_IMAGE_PAYLOAD_TYPE " 8 "));
	json_object_set_new(tree, "payload", json_string("aGVsbG8="));
	expect_refused(fixture_trust(), tree, IMAGE_SIGNATURE_BAD);
}

static void
trust_verify_refuses_a_well_signed_foreign_payload_type(void **state)
{
	static const char *const types[] = {"", "application/vnd.in-toto+xml",
	    DSSE_IMAGE_PAYLOAD_TYPE "x", "application/vnd.assay"};

	(void)state;
	for (size_t i = 0; i < countof(types); i++) {
		json_t *tree =
		    fixture_envelope(types[i], bytes_of_str(PAYLOAD));

		fixture_envelope_sign(tree, P384, P384->id);
		fixture_envelope_sign(tree, ED25519, ED25519->id);
		expect_refused(fixture_trust(), tree, PAYLOAD_TYPE_UNKNOWN);
	}
}

static void
trust_verify_looks_at_signatures_before_the_payload_type(void **state)
{
	json_t *tree = fixture_envelope("other", bytes_of_str(PAYLOAD));

	(void)state;
	fixture_envelope_sign(tree, P384, P384->id);
	expect_refused(fixture_trust(), tree, THRESHOLD_NOT_MET);
}

static void
trust_verify_refuses_a_revoked_key(void **state)
{
	json_t *trust = fixture_trust();

	(void)state;
	revoke_key(trust, ED25519);
	expect_refused(json_deep_copy(trust), fixture_signed_envelope(),
	    KEY_REVOKED);
	expect_roles(json_deep_copy(trust), signed_by(P384, RSA3072),
	    1u << PROD);
	expect_refused(trust, signed_by(ED25519, NULL), THRESHOLD_NOT_MET);
}

static void
trust_verify_refuses_a_revoked_key_under_another_keyid(void **state)
{
	json_t *trust = fixture_trust();
	json_t *tree = signed_by(P384, NULL);

	(void)state;
	revoke_key(trust, ED25519);
	fixture_envelope_sign(tree, ED25519, RSA3072->id);
	expect_refused(trust, tree, KEY_REVOKED);
}

static void
trust_verify_accepts_enough_keys_beside_a_revoked_one(void **state)
{
	json_t *trust = fixture_trust();
	json_t *tree = fixture_signed_envelope();

	(void)state;
	fixture_envelope_sign(tree, RSA3072, RSA3072->id);
	revoke_key(trust, ED25519);
	expect_roles(trust, tree, 1u << PROD);
}

static void
trust_verify_tells_of_a_bad_signature_before_a_revoked_key(void **state)
{
	json_t *trust = fixture_trust();
	json_t *tree = fixture_signed_envelope();

	(void)state;
	fixture_envelope_sign(tree, FOREIGN, RSA3072->id);
	revoke_key(trust, ED25519);
	expect_refused(trust, tree, IMAGE_SIGNATURE_BAD);
}

static void
trust_verify_tells_of_a_revoked_key_before_a_foreign_one(void **state)
{
	json_t *trust = fixture_trust();
	json_t *tree = fixture_signed_envelope();

	(void)state;
	fixture_envelope_sign(tree, FOREIGN, FOREIGN->id);
	revoke_key(trust, ED25519);
	expect_refused(trust, tree, KEY_REVOKED);
}

static void
trust_verify_refuses_a_revoked_envelope(void **state)
{
	json_t *trust = fixture_trust();
	json_t *tree = fixture_signed_envelope();
	char *raw = fixture_text(json_incref(tree));

	(void)state;
	revoke_bytes(trust, bytes_of_str("something else"));
	revoke_bytes(trust, bytes_of_str(raw));
	free(raw);
	expect_refused(trust, tree, IMAGE_REVOKED);
}

/* Otherwise a blank in the envelope would undo the revocation. */
static void
trust_verify_refuses_a_revoked_payload_in_any_envelope(void **state)
{
	json_t *trust = fixture_trust();
	json_t *tree = fixture_signed_envelope();

	(void)state;
	revoke_bytes(trust, bytes_of_str(PAYLOAD));
	json_object_set_new(tree, "x", json_null());
	expect_refused(trust, tree, IMAGE_REVOKED);
}

static void
trust_verify_tells_of_a_revoked_envelope_before_its_signatures(void **state)
{
	json_t *trust = fixture_trust();

	(void)state;
	revoke_bytes(trust, bytes_of_str(PAYLOAD));
	expect_refused(trust, signed_by(FOREIGN, NULL), IMAGE_REVOKED);
	assert_int_equal(try_count, 0);
}

static const char *const payload_types[] = {
    [TRUST_IMAGE] = DSSE_IMAGE_PAYLOAD_TYPE,
    [TRUST_BOOT_POLICY] = "application/vnd.assay.boot-policy.v1+json",
    [TRUST_STORE_INDEX] = "application/vnd.assay.store-index.v1+json",
    [TRUST_POLICY] = "application/vnd.assay.trust.v1+json",
};

/* A role for documents of the purpose; it is named after it. */
static void
add_role(json_t *trust, enum trust_purpose purpose,
    const struct fixture_key *key)
{
	json_object_set_new(json_object_get(trust, "roles"),
	    trust_purpose_name(purpose),
	    json_pack("{s:s, s:i, s:[s]}", "signs", trust_purpose_name(purpose),
		"threshold", 1, "keys", key->id));
}

/* One key signs for every purpose; that must not mix them up. */
static json_t *
trust_of_one_key(void)
{
	json_t *trust = fixture_trust();

	json_object_clear(json_object_get(trust, "roles"));
	add_role(trust, TRUST_IMAGE, P256);
	json_object_update_new(fixture_role(trust, "image"),
	    json_pack("{s:[s], s:b}", "images", "*", "debug", 0));
	add_role(trust, TRUST_BOOT_POLICY, P256);
	add_role(trust, TRUST_STORE_INDEX, P256);
	add_role(trust, TRUST_POLICY, P256);
	return trust;
}

static json_t *
signed_as(const char *payload_type, const struct fixture_key *key)
{
	json_t *tree = fixture_envelope(payload_type, bytes_of_str(PAYLOAD));

	fixture_envelope_sign(tree, key, key->id);
	return tree;
}

static void
trust_verify_takes_for_a_purpose_only_what_was_signed_for_it(void **state)
{
	struct trust_verdict verdict;

	(void)state;
	for (size_t made = 0; made < countof(payload_types); made++) {
		for (size_t used = 0; used < countof(payload_types); used++)
			assert_code(verify_for(trust_of_one_key(),
					(enum trust_purpose)used,
					signed_as(payload_types[made], P256),
					&verdict),
			    made == used ? ERR_NONE : PAYLOAD_TYPE_UNKNOWN);
	}
}

static void
trust_verify_gives_only_roles_of_the_purpose(void **state)
{
	struct trust_verdict verdict;

	(void)state;
	for (size_t i = 0; i < countof(payload_types); i++) {
		assert_code(verify_for(trust_of_one_key(),
				(enum trust_purpose)i,
				signed_as(payload_types[i], P256), &verdict),
		    ERR_NONE);
		assert_int_equal(verdict.roles, 1u << i);
	}
}

/* The payload type is as it must be, and only the role is not. */
static void
trust_verify_counts_no_role_of_another_purpose(void **state)
{
	struct trust_verdict verdict;

	(void)state;
	for (size_t used = 0; used < countof(payload_types); used++) {
		json_t *trust = trust_of_one_key();

		json_object_set_new(
		    fixture_role(trust,
			trust_purpose_name((enum trust_purpose)used)),
		    "keys", json_pack("[s]", ED25519->id));
		assert_code(verify_for(trust, (enum trust_purpose)used,
				signed_as(payload_types[used], P256), &verdict),
		    THRESHOLD_NOT_MET);
	}
}

static void
trust_verify_counts_no_revoked_key_of_another_purpose(void **state)
{
	json_t *trust = fixture_trust();
	struct trust_verdict verdict;

	(void)state;
	add_role(trust, TRUST_BOOT_POLICY, ED25519);
	revoke_key(trust, P256);
	assert_code(verify_for(trust, TRUST_BOOT_POLICY,
			signed_as(payload_types[TRUST_BOOT_POLICY], P256),
			&verdict),
	    THRESHOLD_NOT_MET);
}

static void
trust_verify_refuses_what_no_role_may_sign(void **state)
{
	struct trust_verdict verdict;

	(void)state;
	for (size_t i = TRUST_BOOT_POLICY; i < countof(payload_types); i++)
		assert_code(verify_for(fixture_trust(), (enum trust_purpose)i,
				signed_as(payload_types[i], P256), &verdict),
		    TRUST_NO_ROLE);
	assert_int_equal(try_count, 0);
}

/* Takes the tree. */
static struct trust_policy *
decode(json_t *trust)
{
	CLEANUP(freep) char *text = fixture_text(trust);
	struct trust_policy *policy = NULL;
	struct err err;

	assert_code(trust_decode(bytes_of_str(text), &policy, &err), ERR_NONE);
	return policy;
}

static void
expect_allowed(uint32_t roles, const char *name, bool is_debug, size_t expected)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = decode(fixture_trust());
	struct trust_verdict verdict = {.roles = roles};
	size_t role = 77;
	struct err err;

	assert_code(
	    trust_allows_image(policy, &verdict, name, is_debug, &role, &err),
	    ERR_NONE);
	assert_int_equal(role, expected);
}

static void
expect_not_allowed(uint32_t roles, const char *name, bool is_debug)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = decode(fixture_trust());
	struct trust_verdict verdict = {.roles = roles};
	size_t role = 77;
	struct err err;

	assert_code(
	    trust_allows_image(policy, &verdict, name, is_debug, &role, &err),
	    ROLE_NOT_ALLOWED);
	assert_int_equal(err.code, ROLE_NOT_ALLOWED);
	assert_int_equal(role, 77);
}

static void
trust_allows_image_by_a_literal_or_a_beginning(void **state)
{
	(void)state;
	expect_allowed(1u << PROD, "db", false, PROD);
	expect_allowed(1u << PROD, "web-frontend", false, PROD);
	expect_allowed(1u << PROD, "web-", false, PROD);
}

static void
trust_allows_image_refuses_other_names(void **state)
{
	static const char *const names[] = {"", "d", "db2", "dbx", "web", "we",
	    "x-web-", "other", "Web-a", "web*"};

	(void)state;
	for (size_t i = 0; i < countof(names); i++)
		expect_not_allowed(1u << PROD, names[i], false);
}

static void
trust_allows_image_asks_only_roles_that_signed(void **state)
{
	(void)state;
	expect_not_allowed(0, "db", false);
	expect_not_allowed(0, "db", true);
	expect_not_allowed(1u << LAB, "db", false);
	expect_not_allowed(1u << 31, "db", false);
}

static void
trust_allows_image_wants_a_debug_role_for_debug_images(void **state)
{
	(void)state;
	expect_not_allowed(1u << PROD, "db", true);
	expect_not_allowed(1u << LAB, "db", false);
	expect_allowed(1u << LAB, "db", true, LAB);
	expect_allowed(1u << PROD | 1u << LAB, "db", true, LAB);
	expect_allowed(1u << PROD | 1u << LAB, "db", false, PROD);
}

static void
trust_allows_image_gives_the_first_role(void **state)
{
	json_t *trust = fixture_trust();
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	struct trust_verdict verdict = {.roles = 3};
	size_t role = 77;
	struct err err;

	(void)state;
	json_object_set_new(fixture_role(trust, "lab"), "debug", json_false());
	policy = decode(trust);
	assert_code(
	    trust_allows_image(policy, &verdict, "db", false, &role, &err),
	    ERR_NONE);
	assert_int_equal(role, PROD);
	assert_code(
	    trust_allows_image(policy, &verdict, "other", false, &role, &err),
	    ERR_NONE);
	assert_int_equal(role, LAB);
}

static void
trust_check_rollback_refuses_an_index_below_the_floor(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = decode(fixture_trust());
	struct err err;

	(void)state;
	assert_code(trust_check_rollback(policy, "web-frontend", 14, &err),
	    IMAGE_ROLLBACK);
	assert_int_equal(err.code, IMAGE_ROLLBACK);
	assert_code(trust_check_rollback(policy, "web-frontend", 0, &err),
	    IMAGE_ROLLBACK);
}

static void
trust_check_rollback_accepts_an_index_at_or_above_the_floor(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = decode(fixture_trust());
	struct err err;

	(void)state;
	assert_code(trust_check_rollback(policy, "web-frontend", 15, &err),
	    ERR_NONE);
	assert_code(
	    trust_check_rollback(policy, "web-frontend", INT64_MAX, &err),
	    ERR_NONE);
}

static void
trust_check_rollback_has_no_floor_for_other_locations(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = decode(fixture_trust());
	struct err err;

	(void)state;
	assert_code(trust_check_rollback(policy, "web", 0, &err), ERR_NONE);
	assert_code(trust_check_rollback(policy, "web-frontend2", 0, &err),
	    ERR_NONE);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(trust_verify_wants_the_number_of_each_group,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_names_every_key_that_counts,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_takes_for_a_purpose_only_what_was_signed_for_it,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_gives_only_roles_of_the_purpose,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_counts_no_role_of_another_purpose, forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_counts_no_revoked_key_of_another_purpose,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_refuses_what_no_role_may_sign,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_accepts_two_keys_of_a_role,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_accepts_more_keys_than_needed,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_accepts_one_key_where_one_is_enough, forget_tries),
	    cmocka_unit_test_setup(trust_verify_names_every_role_that_signed,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_gives_the_digest_of_the_envelope_as_it_came,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_needs_no_keyid, forget_tries),
	    cmocka_unit_test_setup(trust_verify_takes_a_keyid_only_as_a_hint,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_tries_the_hinted_key_first,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_tries_each_key_once_for_a_signature, forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_tries_no_key_that_cannot_have_made_a_signature,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_refuses_one_signature_of_two,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_counts_the_same_key_once,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_does_not_add_up_keys_of_two_roles, forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_does_not_count_a_key_that_is_in_no_role,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_refuses_a_foreign_key,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_refuses_a_foreign_signature_without_keyid_as_bad,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_refuses_a_foreign_signature_under_a_known_keyid,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_ignores_bad_signatures_beside_enough_good_ones,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_names_the_manner_in_which_the_right_key_signed,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_never_counts_a_key_that_signed_in_another_manner,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_accepts_what_it_accepted_beside_another_manner,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_names_bytes_after_a_good_signature, forget_tries),
	    cmocka_unit_test_setup(trust_verify_names_raw_r_and_s,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_looks_into_one_signature_of_an_envelope,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_looks_into_no_signature_that_names_no_key,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_refuses_a_payload_with_a_flipped_bit,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_refuses_a_signature_with_a_flipped_bit,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_refuses_a_longer_or_shorter_payload, forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_refuses_another_payload_type_than_was_signed,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_refuses_bytes_moved_from_the_payload_to_the_type,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_refuses_a_well_signed_foreign_payload_type,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_looks_at_signatures_before_the_payload_type,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_refuses_a_revoked_key,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_refuses_a_revoked_key_under_another_keyid,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_accepts_enough_keys_beside_a_revoked_one,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_tells_of_a_bad_signature_before_a_revoked_key,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_tells_of_a_revoked_key_before_a_foreign_one,
		forget_tries),
	    cmocka_unit_test_setup(trust_verify_refuses_a_revoked_envelope,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_refuses_a_revoked_payload_in_any_envelope,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_verify_tells_of_a_revoked_envelope_before_its_signatures,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_allows_image_by_a_literal_or_a_beginning, forget_tries),
	    cmocka_unit_test_setup(trust_allows_image_refuses_other_names,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_allows_image_asks_only_roles_that_signed, forget_tries),
	    cmocka_unit_test_setup(
		trust_allows_image_wants_a_debug_role_for_debug_images,
		forget_tries),
	    cmocka_unit_test_setup(trust_allows_image_gives_the_first_role,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_check_rollback_refuses_an_index_below_the_floor,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_check_rollback_accepts_an_index_at_or_above_the_floor,
		forget_tries),
	    cmocka_unit_test_setup(
		trust_check_rollback_has_no_floor_for_other_locations,
		forget_tries),
	};

	return cmocka_run_group_tests_name("trust_verify", tests, NULL, NULL);
}
