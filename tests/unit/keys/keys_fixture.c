#include "keys_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/base64.h"

enum { keys_each = 4, algorithms = 4 };

char untouched[1];

static struct fixture_key made[algorithms][keys_each];

static EVP_PKEY *make(enum algorithm algorithm);
static void free_made(void);
static void id_of(EVP_PKEY *pkey, char ret_hex[DIGEST_HEX_SIZE]);
static const char *hash_of(enum algorithm algorithm);

void
fixture_assert_code(int result, enum err_code code, const char *file, int line)
{
	const char *name = result == 0 ? "0" : err_name((enum err_code)result);

	_assert_string_equal(name, code == ERR_NONE ? "0" : err_name(code),
	    file, line);
}

const struct fixture_key *
fixture_key(enum algorithm algorithm, size_t n)
{
	struct fixture_key *key = &made[algorithm][n];

	assert_true(n < keys_each);
	if (key->pkey != NULL)
		return key;
	atexit(free_made);
	key->pkey = make(algorithm);
	assert_non_null(key->pkey);
	key->algorithm = algorithm;
	key->pem = fixture_pem(key->pkey);
	id_of(key->pkey, key->id);
	return key;
}

char *
fixture_pem(EVP_PKEY *pkey)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	char *pem;
	long len;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
	len = BIO_get_mem_data(bio, &text);
	pem = strndup(text, (size_t)len);
	BIO_free(bio);
	return pem;
}

char *
fixture_pem_of_der(const char *label, struct bytes der)
{
	char *base64 = fixture_base64(der);
	char *pem;

	assert_true(asprintf(&pem, "-----BEGIN %s-----\n%s\n-----END %s-----\n",
			label, base64, label) > 0);
	free(base64);
	return pem;
}

struct bytes
fixture_sign(EVP_PKEY *pkey, const char *hash, struct bytes message)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_ctx = NULL;
	size_t len = (size_t)EVP_PKEY_get_size(pkey);
	uint8_t *sig = malloc(len);

	assert_int_equal(
	    EVP_DigestSignInit_ex(ctx, &key_ctx, hash, NULL, NULL, pkey, NULL),
	    1);
	if (EVP_PKEY_is_a(pkey, "RSA")) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(key_ctx,
				     RSA_PKCS1_PSS_PADDING),
		    1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx,
				     RSA_PSS_SALTLEN_DIGEST),
		    1);
	}
	assert_int_equal(
	    EVP_DigestSign(ctx, sig, &len, message.ptr, message.len), 1);
	EVP_MD_CTX_free(ctx);
	return bytes_of(sig, len);
}

struct bytes
fixture_sign_with(const struct fixture_key *key, struct bytes message)
{
	return fixture_sign(key->pkey, hash_of(key->algorithm), message);
}

void
fixture_free_bytes(struct bytes bytes)
{
	union {
		const uint8_t *borrowed;
		void *owned;
	} ptr = {.borrowed = bytes.ptr};

	free(ptr.owned);
}

json_t *
fixture_trust(void)
{
	const struct fixture_key *p384 =
	    fixture_key(ALGORITHM_ECDSA_P384_SHA384, 0);
	const struct fixture_key *ed25519 = fixture_key(ALGORITHM_ED25519, 0);
	const struct fixture_key *rsa =
	    fixture_key(ALGORITHM_RSA_PSS_SHA256, 0);
	const struct fixture_key *p256 =
	    fixture_key(ALGORITHM_ECDSA_P256_SHA256, 0);
	json_t *trust = json_pack("{s:s, s:i, s:{},"
				  " s:{s:{s:i, s:[s,s,s], s:[s,s], s:b},"
				  "    s:{s:i, s:[s], s:[s], s:b}},"
				  " s:{s:[], s:[]}, s:{s:i}}",
	    "schema", "assay.trust/1", "version", 4, "keys", "roles", "prod",
	    "threshold", 2, "keys", p384->id, ed25519->id, rsa->id, "images",
	    "web-*", "db", "debug", 0, "lab", "threshold", 1, "keys", p256->id,
	    "images", "*", "debug", 1, "revoked", "keys", "manifests",
	    "min_rollback", "web-frontend", 15);

	assert_non_null(trust);
	fixture_trust_add_key(trust, p384);
	fixture_trust_add_key(trust, ed25519);
	fixture_trust_add_key(trust, rsa);
	fixture_trust_add_key(trust, p256);
	return trust;
}

void
fixture_trust_add_key(json_t *trust, const struct fixture_key *key)
{
	json_t *entry = json_pack("{s:s, s:s}", "alg",
	    algorithm_name(key->algorithm), "pem", key->pem);

	assert_int_equal(
	    json_object_set_new(json_object_get(trust, "keys"), key->id, entry),
	    0);
}

json_t *
fixture_role(json_t *trust, const char *role)
{
	json_t *found = json_object_get(json_object_get(trust, "roles"), role);

	assert_non_null(found);
	return found;
}

json_t *
fixture_envelope(const char *payload_type, struct bytes payload)
{
	char *base64 = fixture_base64(payload);
	json_t *envelope = json_pack("{s:s, s:s, s:[]}", "payload", base64,
	    "payloadType", payload_type, "signatures");

	assert_non_null(envelope);
	free(base64);
	return envelope;
}

void
fixture_envelope_sign(json_t *envelope, const struct fixture_key *key,
    const char *keyid)
{
	struct bytes pae = fixture_pae(envelope);
	struct bytes sig = fixture_sign_with(key, pae);
	char *base64 = fixture_base64(sig);
	json_t *item = json_pack("{s:s*, s:s}", "keyid", keyid, "sig", base64);

	assert_int_equal(json_array_append_new(
			     json_object_get(envelope, "signatures"), item),
	    0);
	free(base64);
	fixture_free_bytes(sig);
	fixture_free_bytes(pae);
}

json_t *
fixture_signed_envelope(void)
{
	const struct fixture_key *p384 =
	    fixture_key(ALGORITHM_ECDSA_P384_SHA384, 0);
	const struct fixture_key *ed25519 = fixture_key(ALGORITHM_ED25519, 0);
	json_t *envelope =
	    fixture_envelope(DSSE_IMAGE_PAYLOAD_TYPE, bytes_of_str(PAYLOAD));

	fixture_envelope_sign(envelope, p384, p384->id);
	fixture_envelope_sign(envelope, ed25519, ed25519->id);
	return envelope;
}

char *
fixture_text(json_t *tree)
{
	char *text = json_dumps(tree, JSON_COMPACT);

	assert_non_null(text);
	json_decref(tree);
	return text;
}

char *
fixture_base64(struct bytes bytes)
{
	char *text = malloc(bytes.len / 3 * 4 + 5);

	assert_non_null(text);
	text[0] = '\0';
	if (bytes.len > 0)
		EVP_EncodeBlock((unsigned char *)text, bytes.ptr,
		    (int)bytes.len);
	return text;
}

static EVP_PKEY *
make(enum algorithm algorithm)
{
	static const size_t rsa_bits = 3072;

	switch (algorithm) {
	case ALGORITHM_ECDSA_P256_SHA256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	case ALGORITHM_ECDSA_P384_SHA384:
		return EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-384");
	case ALGORITHM_ED25519:
		return EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	case ALGORITHM_RSA_PSS_SHA256:
		return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", rsa_bits);
	case ALGORITHM_ML_DSA_65:
	case ALGORITHM_ML_DSA_87:
		break;
	}
	return NULL;
}

static void
free_made(void)
{
	for (size_t i = 0; i < algorithms; i++) {
		for (size_t n = 0; n < keys_each; n++) {
			EVP_PKEY_free(made[i][n].pkey);
			free(made[i][n].pem);
			memset(&made[i][n], 0, sizeof(made[i][n]));
		}
	}
}

static void
id_of(EVP_PKEY *pkey, char ret_hex[DIGEST_HEX_SIZE])
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(pkey, &der);
	uint8_t hash[32];

	assert_true(len > 0);
	assert_int_equal(
	    EVP_Digest(der, (size_t)len, hash, NULL, EVP_sha256(), NULL), 1);
	for (size_t i = 0; i < sizeof(hash); i++)
		snprintf(ret_hex + 2 * i, 3, "%02x", hash[i]);
	OPENSSL_free(der);
}

static const char *
hash_of(enum algorithm algorithm)
{
	if (algorithm == ALGORITHM_ED25519)
		return NULL;
	return algorithm == ALGORITHM_ECDSA_P384_SHA384 ? "SHA384" : "SHA256";
}

/* Written again from DSSE's protocol.md, not shared with keys/dsse.c. */
struct bytes
fixture_pae(json_t *envelope)
{
	const char *type =
	    json_string_value(json_object_get(envelope, "payloadType"));
	const char *base64 =
	    json_string_value(json_object_get(envelope, "payload"));
	uint8_t *payload = NULL;
	size_t payload_len = 0;
	struct err err;
	char *pae = NULL;
	size_t len = 0;
	FILE *stream = open_memstream(&pae, &len);

	assert_code(base64_decode(bytes_of_str(base64), ENVELOPE_MALFORMED,
			&payload, &payload_len, &err),
	    ERR_NONE);
	fprintf(stream, "DSSEv1 %zu %s %zu ", strlen(type), type, payload_len);
	fwrite(payload, 1, payload_len, stream);
	fclose(stream);
	free(payload);
	return bytes_of(pae, len);
}
