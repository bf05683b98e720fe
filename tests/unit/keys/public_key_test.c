#include "keys_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/limits.h"
#include "base/scope.h"
#include "keys/public_key.h"

#define MESSAGE bytes_of_str("DSSEv1 1 t 7 message")

static const enum algorithm all[] = {ALGORITHM_ECDSA_P256_SHA256,
    ALGORITHM_ECDSA_P384_SHA384, ALGORITHM_ED25519, ALGORITHM_RSA_PSS_SHA256};

static struct public_key *
read_key(const char *pem)
{
	struct public_key *key = NULL;
	struct err err;

	assert_code(public_key_from_pem(bytes_of_str(pem), &key, &err),
	    ERR_NONE);
	return key;
}

static void
expect_refused(struct bytes pem, enum err_code code)
{
	struct public_key *key = UNTOUCHED;
	struct err err;

	assert_code(public_key_from_pem(pem, &key, &err), code);
	assert_int_equal(err.code, code);
	assert_ptr_equal(key, UNTOUCHED);
	assert_int_equal(ERR_peek_error(), 0);
}

/* Takes both. */
static void
expect_refused_text(char *pem, enum err_code code)
{
	expect_refused(bytes_of_str(pem), code);
	free(pem);
}

static void
expect_refused_key(EVP_PKEY *pkey, enum err_code code)
{
	assert_non_null(pkey);
	expect_refused_text(fixture_pem(pkey), code);
	EVP_PKEY_free(pkey);
}

static char *
join(const char *a, const char *b, const char *c)
{
	char *text;

	assert_true(asprintf(&text, "%s%s%s", a, b, c) >= 0);
	return text;
}

static struct bytes
der_of(EVP_PKEY *pkey)
{
	unsigned char *der = NULL;
	int len = i2d_PUBKEY(pkey, &der);
	uint8_t *copy;

	assert_true(len > 0);
	copy = malloc((size_t)len);
	memcpy(copy, der, (size_t)len);
	OPENSSL_free(der);
	return bytes_of(copy, (size_t)len);
}

static void
public_key_from_pem_reads_all_four_algorithms(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		const struct fixture_key *made = fixture_key(all[i], 0);
		struct public_key *key = read_key(made->pem);
		char hex[DIGEST_HEX_SIZE];

		assert_int_equal(public_key_algorithm(key), all[i]);
		digest_hex(public_key_id(key), hex);
		assert_string_equal(hex, made->id);
		public_key_freep(&key);
		assert_null(key);
	}
}

static void
public_key_to_pem_writes_what_was_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		const struct fixture_key *made = fixture_key(all[i], 0);
		struct public_key *key = read_key(made->pem);
		struct err err;
		char *pem;

		assert_code(public_key_to_pem(key, &pem, &err), ERR_NONE);
		assert_string_equal(pem, made->pem);
		free(pem);
		public_key_freep(&key);
	}
}

static void
public_key_from_pem_takes_white_space_at_the_end(void **state)
{
	const struct fixture_key *made = fixture_key(ALGORITHM_ED25519, 0);
	char *pem = join("", made->pem, "\r\n \t\n");
	struct public_key *key = read_key(pem);

	(void)state;
	public_key_freep(&key);
	free(pem);
}

static void
public_key_from_pem_takes_lines_that_end_in_crlf(void **state)
{
	const struct fixture_key *made = fixture_key(ALGORITHM_ED25519, 0);
	char pem[512] = "";
	size_t len = 0;
	struct public_key *key;

	(void)state;
	for (const char *c = made->pem; *c != '\0'; c++) {
		if (*c == '\n')
			pem[len++] = '\r';
		pem[len++] = *c;
	}
	key = read_key(pem);
	public_key_freep(&key);
}

static void
public_key_from_pem_refuses_text_around_the_block(void **state)
{
	const char *pem = fixture_key(ALGORITHM_ED25519, 0)->pem;

	(void)state;
	expect_refused_text(join("\n", pem, ""), KEY_MALFORMED);
	expect_refused_text(join(" ", pem, ""), KEY_MALFORMED);
	expect_refused_text(join("my key\n", pem, ""), KEY_MALFORMED);
	expect_refused_text(join("\xef\xbb\xbf", pem, ""), KEY_MALFORMED);
	expect_refused_text(join("", pem, "x"), BYTES_TRAILING);
	expect_refused_text(join("", pem, "\nmy key\n"), BYTES_TRAILING);
}

static void
public_key_from_pem_refuses_two_blocks(void **state)
{
	const char *a = fixture_key(ALGORITHM_ED25519, 0)->pem;
	const char *b = fixture_key(ALGORITHM_ED25519, 1)->pem;

	(void)state;
	expect_refused_text(join(a, b, ""), BYTES_TRAILING);
	expect_refused_text(join(a, a, ""), BYTES_TRAILING);
}

static void
public_key_from_pem_refuses_other_labels(void **state)
{
	EVP_PKEY *pkey = fixture_key(ALGORITHM_ED25519, 0)->pkey;
	struct bytes der = der_of(pkey);

	(void)state;
	expect_refused_text(fixture_pem_of_der("PRIVATE KEY", der),
	    KEY_MALFORMED);
	expect_refused_text(fixture_pem_of_der("CERTIFICATE", der),
	    KEY_MALFORMED);
	expect_refused_text(fixture_pem_of_der("RSA PUBLIC KEY", der),
	    KEY_MALFORMED);
	expect_refused_text(fixture_pem_of_der("PUBLIC KEY ", der),
	    KEY_MALFORMED);
	fixture_free_bytes(der);
}

static void
public_key_from_pem_refuses_boundary_lines_that_differ(void **state)
{
	const char *pem = fixture_key(ALGORITHM_ED25519, 0)->pem;
	char *changed = strdup(pem);

	(void)state;
	memcpy(strstr(changed, "PUBLIC"), "FOREST", 6);
	expect_refused(bytes_of_str(changed), KEY_MALFORMED);
	strcpy(changed, pem);
	memcpy(strstr(strstr(changed, "END"), "PUBLIC"), "FOREST", 6);
	expect_refused(bytes_of_str(changed), KEY_MALFORMED);
	free(changed);
}

static void
public_key_from_pem_refuses_headers_in_the_block(void **state)
{
	const char *pem = fixture_key(ALGORITHM_ED25519, 0)->pem;
	const char *body = strchr(pem, '\n') + 1;

	(void)state;
	expect_refused_text(
	    join("-----BEGIN PUBLIC KEY-----\nComment: x\n\n", body, ""),
	    KEY_MALFORMED);
	expect_refused_text(join("-----BEGIN PUBLIC KEY-----\n \n", body, ""),
	    KEY_MALFORMED);
	expect_refused_text(join("-----BEGIN PUBLIC KEY-----", body, ""),
	    KEY_MALFORMED);
}

static void
public_key_from_pem_refuses_what_is_hardly_there(void **state)
{
	static const char *const texts[] = {"", "\n",
	    "-----BEGIN PUBLIC KEY-----",
	    "-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
	    "-----BEGIN PUBLIC KEY-----\n\n-----END PUBLIC KEY-----\n",
	    "-----BEGIN PUBLIC KEY-----\nAA==\n-----END PUBLIC KEY-----\n",
	    "-----BEGIN PUBLIC KEY-----\nAAA\n-----END PUBLIC KEY-----\n",
	    "-----BEGIN PUBLIC KEY-----\n-_-_\n-----END PUBLIC KEY-----\n"};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++)
		expect_refused(bytes_of_str(texts[i]), KEY_MALFORMED);
	expect_refused(bytes_of(NULL, 0), KEY_MALFORMED);
}

static void
public_key_from_pem_refuses_a_zero_byte_in_the_block(void **state)
{
	const struct fixture_key *made = fixture_key(ALGORITHM_ED25519, 0);
	size_t len = strlen(made->pem);
	char *pem = strdup(made->pem);

	(void)state;
	pem[40] = '\0';
	expect_refused(bytes_of(pem, len), KEY_MALFORMED);
	free(pem);
}

static void
public_key_from_pem_refuses_a_text_over_the_limit(void **state)
{
	const char *pem = fixture_key(ALGORITHM_ED25519, 0)->pem;
	char *spaces = malloc(LIMIT_PEM_BYTES + 1);

	(void)state;
	memset(spaces, ' ', LIMIT_PEM_BYTES);
	spaces[LIMIT_PEM_BYTES] = '\0';
	expect_refused_text(join(pem, spaces, ""), KEY_MALFORMED);
	free(spaces);
}

static void
public_key_from_spki_refuses_trailing_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		struct bytes der = der_of(fixture_key(all[i], 0)->pkey);
		struct public_key *key = UNTOUCHED;
		uint8_t longer[1024] = {0};
		struct err err;

		memcpy(longer, der.ptr, der.len);
		assert_code(public_key_from_spki(bytes_of(longer, der.len + 1),
				&key, &err),
		    BYTES_TRAILING);
		assert_non_null(strstr(err.text, "1 bytes after"));
		assert_code(public_key_from_spki(bytes_of(longer, der.len - 1),
				&key, &err),
		    KEY_MALFORMED);
		assert_ptr_equal(key, UNTOUCHED);
		fixture_free_bytes(der);
	}
}

/* The outer length in two bytes where one will do: BER, not DER. */
static void
public_key_from_pem_refuses_a_length_that_is_not_minimal(void **state)
{
	struct bytes der =
	    der_of(fixture_key(ALGORITHM_ECDSA_P256_SHA256, 0)->pkey);
	uint8_t ber[128];

	(void)state;
	assert_int_equal(der.len, 91);
	ber[0] = der.ptr[0];
	ber[1] = 0x81;
	memcpy(ber + 2, der.ptr + 1, der.len - 1);
	expect_refused_text(
	    fixture_pem_of_der("PUBLIC KEY", bytes_of(ber, der.len + 1)),
	    KEY_MALFORMED);
	fixture_free_bytes(der);
}

/* rsaEncryption without its NULL parameters is the same key, another hash. */
static void
public_key_from_pem_refuses_rsa_without_null_parameters(void **state)
{
	struct bytes der =
	    der_of(fixture_key(ALGORITHM_RSA_PSS_SHA256, 0)->pkey);
	uint8_t changed[1024];

	(void)state;
	/* 30 82 hi lo, 30 0d 06 09 <9 bytes of oid> 05 00, 03 82 ... */
	assert_int_equal(der.ptr[5], 0x0d);
	assert_int_equal(der.ptr[17], 0x05);
	memcpy(changed, der.ptr, 17);
	memcpy(changed + 17, der.ptr + 19, der.len - 19);
	changed[5] = 0x0b;
	changed[3] = (uint8_t)(changed[3] - 2);
	expect_refused_text(
	    fixture_pem_of_der("PUBLIC KEY", bytes_of(changed, der.len - 2)),
	    KEY_MALFORMED);
	fixture_free_bytes(der);
}

static void
public_key_from_pem_refuses_other_curves(void **state)
{
	static const char *const curves[] = {"P-521", "secp256k1", "P-224",
	    "brainpoolP256r1", "brainpoolP384r1"};

	(void)state;
	for (size_t i = 0; i < countof(curves); i++)
		expect_refused_key(
		    EVP_PKEY_Q_keygen(NULL, NULL, "EC", curves[i]),
		    KEY_CURVE_WRONG);
}

static void
public_key_from_pem_refuses_other_types(void **state)
{
	static const char *const types[] = {"X25519", "ED448", "X448", "SM2"};
	size_t bits = 3072;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA-PSS", NULL);
	EVP_PKEY *pss = NULL;

	(void)state;
	for (size_t i = 0; i < countof(types); i++)
		expect_refused_key(EVP_PKEY_Q_keygen(NULL, NULL, types[i]),
		    KEY_UNSUPPORTED);
	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, (int)bits), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &pss), 1);
	EVP_PKEY_CTX_free(ctx);
	expect_refused_key(pss, KEY_UNSUPPORTED);
}

/* An object identifier that no libcrypto of today knows. */
static void
public_key_from_pem_refuses_a_type_of_the_future(void **state)
{
	struct bytes der = der_of(fixture_key(ALGORITHM_ED25519, 0)->pkey);
	uint8_t changed[64];

	(void)state;
	memcpy(changed, der.ptr, der.len);
	changed[8] = 0x7f; /* 1.3.101.112 becomes 1.3.101.127 */
	expect_refused_text(
	    fixture_pem_of_der("PUBLIC KEY", bytes_of(changed, der.len)),
	    KEY_UNSUPPORTED);
	fixture_free_bytes(der);
}

static EVP_PKEY *
ec_key_with(const char *curve, const char *param, const char *value)
{
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
		strdup(curve), 0),
	    OSSL_PARAM_construct_utf8_string(param, strdup(value), 0),
	    OSSL_PARAM_construct_end(),
	};
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *pkey = NULL;

	assert_int_equal(EVP_PKEY_keygen_init(ctx), 1);
	assert_int_equal(EVP_PKEY_CTX_set_params(ctx, params), 1);
	assert_int_equal(EVP_PKEY_generate(ctx, &pkey), 1);
	EVP_PKEY_CTX_free(ctx);
	free(params[0].data);
	free(params[1].data);
	return pkey;
}

static void
public_key_from_pem_refuses_explicit_curve_parameters(void **state)
{
	(void)state;
	expect_refused_key(
	    ec_key_with("P-256", OSSL_PKEY_PARAM_EC_ENCODING, "explicit"),
	    KEY_PARAMETERS_EXPLICIT);
	/* Which is said before the curve, that nobody named. */
	expect_refused_key(
	    ec_key_with("P-521", OSSL_PKEY_PARAM_EC_ENCODING, "explicit"),
	    KEY_PARAMETERS_EXPLICIT);
	expect_refused_key(
	    ec_key_with("P-384", OSSL_PKEY_PARAM_EC_ENCODING, "explicit"),
	    KEY_PARAMETERS_EXPLICIT);
}

/* The same key in two encodings would have two identities. */
static void
public_key_from_pem_refuses_compressed_and_hybrid_points(void **state)
{
	static const char *const forms[] = {"compressed", "hybrid"};

	(void)state;
	for (size_t i = 0; i < countof(forms); i++) {
		const struct fixture_key *made =
		    fixture_key(ALGORITHM_ECDSA_P384_SHA384, 0);
		EVP_PKEY *pkey = EVP_PKEY_dup(made->pkey);

		assert_int_equal(EVP_PKEY_set_utf8_string_param(pkey,
				     OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT,
				     forms[i]),
		    1);
		expect_refused_key(pkey, KEY_UNSUPPORTED);
	}
}

static void
public_key_from_pem_refuses_a_point_off_the_curve(void **state)
{
	struct bytes der =
	    der_of(fixture_key(ALGORITHM_ECDSA_P256_SHA256, 0)->pkey);
	uint8_t changed[128];

	(void)state;
	memcpy(changed, der.ptr, der.len);
	changed[der.len - 1] ^= 1;
	expect_refused_text(
	    fixture_pem_of_der("PUBLIC KEY", bytes_of(changed, der.len)),
	    KEY_MALFORMED);
	fixture_free_bytes(der);
}

/*
 * With the neutral element as the key, R neutral and s zero verify for every
 * message. Its sign bit and y + p are other encodings of it.
 */
static void
public_key_from_pem_refuses_ed25519_points_of_small_order(void **state)
{
	/* clang-format off */
	static const uint8_t points[][32] = {
		{0},
		{1},
		{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0,
		 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39,
		 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
		{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f,
		 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6,
		 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0xfa},
		{0xec, [1 ... 30] = 0xff, 0x7f},
		{0xed, [1 ... 30] = 0xff, 0x7f},
		{0xee, [1 ... 30] = 0xff, 0x7f},
		{1, [31] = 0x80},
		{0, [31] = 0x80},
		{0xee, [1 ... 30] = 0xff, 0xff},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < countof(points); i++)
		expect_refused_key(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519,
				       NULL, points[i], 32),
		    KEY_MALFORMED);
}

static void
public_key_from_pem_refuses_small_rsa_keys(void **state)
{
	static const size_t bits[] = {1024, 2048};

	(void)state;
	for (size_t i = 0; i < countof(bits); i++)
		expect_refused_key(
		    EVP_PKEY_Q_keygen(NULL, NULL, "RSA", bits[i]),
		    KEY_TOO_SHORT);
}

/* Takes both numbers. Only the public half, so that any number will do. */
static EVP_PKEY *
rsa_key_of(BIGNUM *n, BIGNUM *e)
{
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM *params;

	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n);
	OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e);
	params = OSSL_PARAM_BLD_to_param(build);
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(
	    EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return pkey;
}

static BIGNUM *
number(unsigned long word)
{
	BIGNUM *bn = BN_new();

	BN_set_word(bn, word);
	return bn;
}

/* Random, odd, of exactly so many bits. */
static BIGNUM *
modulus_of(int bits)
{
	BIGNUM *bn = BN_new();

	assert_int_equal(BN_rand(bn, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD),
	    1);
	return bn;
}

static void
public_key_from_pem_refuses_rsa_keys_next_to_the_limits(void **state)
{
	(void)state;
	expect_refused_key(rsa_key_of(modulus_of(8193), number(65537)),
	    KEY_UNSUPPORTED);
	expect_refused_key(rsa_key_of(modulus_of(3071), number(65537)),
	    KEY_TOO_SHORT);
}

static void
public_key_from_pem_refuses_other_rsa_exponents(void **state)
{
	static const unsigned long exponents[] = {1, 3, 17, 65535, 65539};
	BIGNUM *n = NULL;

	(void)state;
	assert_int_equal(EVP_PKEY_get_bn_param(
			     fixture_key(ALGORITHM_RSA_PSS_SHA256, 0)->pkey,
			     OSSL_PKEY_PARAM_RSA_N, &n),
	    1);
	for (size_t i = 0; i < countof(exponents); i++)
		expect_refused_key(rsa_key_of(BN_dup(n), number(exponents[i])),
		    KEY_UNSUPPORTED);
	BN_free(n);
}

static void
public_key_from_pem_refuses_an_even_rsa_modulus(void **state)
{
	BIGNUM *n = modulus_of(3072);

	(void)state;
	BN_sub_word(n, 1);
	expect_refused_key(rsa_key_of(n, number(65537)), KEY_MALFORMED);
}

static void
public_key_accepts_a_signature_by_its_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		const struct fixture_key *made = fixture_key(all[i], 0);
		struct public_key *key = read_key(made->pem);
		struct bytes sig = fixture_sign_with(made, MESSAGE);

		assert_true(public_key_accepts(key, MESSAGE, sig));
		fixture_free_bytes(sig);
		public_key_freep(&key);
	}
}

static void
public_key_accepts_an_empty_message(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		const struct fixture_key *made = fixture_key(all[i], 0);
		struct public_key *key = read_key(made->pem);
		struct bytes empty = bytes_of(NULL, 0);
		struct bytes sig = fixture_sign_with(made, empty);

		assert_true(public_key_accepts(key, empty, sig));
		fixture_free_bytes(sig);
		public_key_freep(&key);
	}
}

static void
public_key_refuses_a_signature_by_another_key(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		struct public_key *key = read_key(fixture_key(all[i], 0)->pem);

		for (size_t j = 0; j < countof(all); j++) {
			struct bytes sig =
			    fixture_sign_with(fixture_key(all[j], 1), MESSAGE);

			assert_false(public_key_accepts(key, MESSAGE, sig));
			fixture_free_bytes(sig);
		}
		assert_int_equal(ERR_peek_error(), 0);
		public_key_freep(&key);
	}
}

/* Every single bit, for every algorithm. */
static void
public_key_refuses_a_signature_with_a_flipped_bit(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		const struct fixture_key *made = fixture_key(all[i], 0);
		struct public_key *key = read_key(made->pem);
		struct bytes sig = fixture_sign_with(made, MESSAGE);
		uint8_t changed[1024];

		for (size_t bit = 0; bit < 8 * sig.len; bit++) {
			memcpy(changed, sig.ptr, sig.len);
			changed[bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_false(public_key_accepts(key, MESSAGE,
			    bytes_of(changed, sig.len)));
		}
		fixture_free_bytes(sig);
		public_key_freep(&key);
	}
}

static void
public_key_refuses_a_signature_of_another_length(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(all); i++) {
		const struct fixture_key *made = fixture_key(all[i], 0);
		struct public_key *key = read_key(made->pem);
		struct bytes sig = fixture_sign_with(made, MESSAGE);
		uint8_t changed[2048] = {0};

		memcpy(changed, sig.ptr, sig.len);
		for (size_t len = 0; len < sig.len + 40; len++) {
			bool is_same = len == sig.len;

			assert_int_equal(public_key_accepts(key, MESSAGE,
					     bytes_of(changed, len)),
			    is_same);
		}
		fixture_free_bytes(sig);
		public_key_freep(&key);
	}
}

/* Draw signatures until one begins with a zero byte, then leave it out. */
static void
public_key_refuses_an_rsa_signature_without_its_leading_zero(void **state)
{
	const struct fixture_key *made =
	    fixture_key(ALGORITHM_RSA_PSS_SHA256, 0);
	struct public_key *key = read_key(made->pem);
	struct bytes sig = fixture_sign_with(made, MESSAGE);

	(void)state;
	for (int tries = 0; sig.ptr[0] != 0 && tries < 20000; tries++) {
		fixture_free_bytes(sig);
		sig = fixture_sign_with(made, MESSAGE);
	}
	assert_int_equal(sig.ptr[0], 0);
	assert_true(public_key_accepts(key, MESSAGE, sig));
	assert_false(public_key_accepts(key, MESSAGE,
	    bytes_of(sig.ptr + 1, sig.len - 1)));
	fixture_free_bytes(sig);
	public_key_freep(&key);
}

/* r||s of fixed width, which PKCS#11 tokens give if they are not told. */
static void
public_key_refuses_a_raw_ecdsa_signature(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		const struct fixture_key *made = fixture_key(all[i], 0);
		struct public_key *key = read_key(made->pem);
		struct bytes sig = fixture_sign_with(made, MESSAGE);
		int half = all[i] == ALGORITHM_ECDSA_P256_SHA256 ? 32 : 48;
		const uint8_t *pos = sig.ptr;
		uint8_t raw[96];
		ECDSA_SIG *parts;

		parts = d2i_ECDSA_SIG(NULL, &pos, (long)sig.len);
		BN_bn2binpad(ECDSA_SIG_get0_r(parts), raw, half);
		BN_bn2binpad(ECDSA_SIG_get0_s(parts), raw + half, half);
		assert_false(public_key_accepts(key, MESSAGE,
		    bytes_of(raw, (size_t)(2 * half))));
		ECDSA_SIG_free(parts);
		fixture_free_bytes(sig);
		public_key_freep(&key);
	}
}

/*
 * The same r and s, but the outer length in long form, or an integer with a
 * zero byte too many.
 */
static void
public_key_refuses_an_ecdsa_signature_that_is_ber(void **state)
{
	const struct fixture_key *made =
	    fixture_key(ALGORITHM_ECDSA_P256_SHA256, 0);
	struct public_key *key = read_key(made->pem);
	struct bytes sig;
	uint8_t ber[128];

	(void)state;
	/* Short enough that the change stays under the upper bound. */
	for (;;) {
		sig = fixture_sign_with(made, MESSAGE);
		if (sig.len <= 71)
			break;
		fixture_free_bytes(sig);
	}
	ber[0] = 0x30;
	ber[1] = 0x81;
	memcpy(ber + 2, sig.ptr + 1, sig.len - 1);
	assert_false(
	    public_key_accepts(key, MESSAGE, bytes_of(ber, sig.len + 1)));

	memcpy(ber, sig.ptr, 4);
	ber[1]++;
	ber[3]++;
	ber[4] = 0;
	memcpy(ber + 5, sig.ptr + 4, sig.len - 4);
	assert_false(
	    public_key_accepts(key, MESSAGE, bytes_of(ber, sig.len + 1)));
	fixture_free_bytes(sig);
	public_key_freep(&key);
}

/* RFC 8032 §5.1.7: s below the group order. s + L is the same scalar. */
static void
public_key_refuses_an_ed25519_signature_with_a_large_s(void **state)
{
	static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63,
	    0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
	    0x14, [31] = 0x10};
	const struct fixture_key *made = fixture_key(ALGORITHM_ED25519, 0);
	struct public_key *key = read_key(made->pem);
	struct bytes sig = fixture_sign_with(made, MESSAGE);
	uint8_t changed[64];
	unsigned int carry = 0;

	(void)state;
	memcpy(changed, sig.ptr, 64);
	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned int)changed[32 + i] + order[i];
		changed[32 + i] = (uint8_t)carry;
		carry >>= 8;
	}
	assert_int_equal(carry, 0);
	assert_false(public_key_accepts(key, MESSAGE, bytes_of(changed, 64)));
	fixture_free_bytes(sig);
	public_key_freep(&key);
}

static void
public_key_refuses_a_signature_with_another_hash(void **state)
{
	static const struct {
		enum algorithm algorithm;
		const char *hash;
	} wrong[] = {
	    {ALGORITHM_ECDSA_P256_SHA256, "SHA384"},
	    {ALGORITHM_ECDSA_P256_SHA256, "SHA1"},
	    {ALGORITHM_ECDSA_P384_SHA384, "SHA256"},
	    {ALGORITHM_ECDSA_P384_SHA384, "SHA512"},
	    {ALGORITHM_RSA_PSS_SHA256, "SHA384"},
	    {ALGORITHM_RSA_PSS_SHA256, "SHA512"},
	};

	(void)state;
	for (size_t i = 0; i < countof(wrong); i++) {
		const struct fixture_key *made =
		    fixture_key(wrong[i].algorithm, 0);
		struct public_key *key = read_key(made->pem);
		struct bytes sig =
		    fixture_sign(made->pkey, wrong[i].hash, MESSAGE);

		assert_false(public_key_accepts(key, MESSAGE, sig));
		fixture_free_bytes(sig);
		public_key_freep(&key);
	}
}

static struct bytes
sign_rsa(int padding, int salt_len, const char *mgf1)
{
	EVP_PKEY *pkey = fixture_key(ALGORITHM_RSA_PSS_SHA256, 0)->pkey;
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_ctx = NULL;
	size_t len = (size_t)EVP_PKEY_get_size(pkey);
	uint8_t *sig = malloc(len);

	assert_int_equal(EVP_DigestSignInit_ex(ctx, &key_ctx, "SHA256", NULL,
			     NULL, pkey, NULL),
	    1);
	assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(key_ctx, padding), 1);
	if (padding == RSA_PKCS1_PSS_PADDING) {
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_pss_saltlen(key_ctx, salt_len), 1);
		assert_int_equal(
		    EVP_PKEY_CTX_set_rsa_mgf1_md_name(key_ctx, mgf1, NULL), 1);
	}
	assert_int_equal(
	    EVP_DigestSign(ctx, sig, &len, MESSAGE.ptr, MESSAGE.len), 1);
	EVP_MD_CTX_free(ctx);
	return bytes_of(sig, len);
}

static void
public_key_refuses_rsa_with_another_padding(void **state)
{
	static const struct {
		int padding;
		int salt_len;
		const char *mgf1;
		bool is_good;
	} cases[] = {
	    {RSA_PKCS1_PSS_PADDING, 32, "SHA256", true},
	    {RSA_PKCS1_PSS_PADDING, 0, "SHA256", false},
	    {RSA_PKCS1_PSS_PADDING, 31, "SHA256", false},
	    {RSA_PKCS1_PSS_PADDING, 33, "SHA256", false},
	    {RSA_PKCS1_PSS_PADDING, RSA_PSS_SALTLEN_MAX, "SHA256", false},
	    {RSA_PKCS1_PSS_PADDING, 32, "SHA1", false},
	    {RSA_PKCS1_PSS_PADDING, 32, "SHA384", false},
	    {RSA_PKCS1_PADDING, 0, "", false},
	};
	const char *pem = fixture_key(ALGORITHM_RSA_PSS_SHA256, 0)->pem;
	struct public_key *key = read_key(pem);

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		struct bytes sig = sign_rsa(cases[i].padding, cases[i].salt_len,
		    cases[i].mgf1);

		assert_int_equal(public_key_accepts(key, MESSAGE, sig),
		    cases[i].is_good);
		fixture_free_bytes(sig);
	}
	public_key_freep(&key);
}

/* FIPS 204 keys by their object identifiers, RFC 9881. */
static void
public_key_names_ml_dsa_before_openssl_3_5(void **state)
{
	static const size_t sizes[] = {1952, 2592};
	static const char *const names[] = {"ml-dsa-65", "ml-dsa-87"};

	(void)state;
	if (OPENSSL_VERSION_NUMBER >= 0x30500000L)
		skip();
	for (size_t i = 0; i < 2; i++) {
		uint8_t der[22 + 2592] = {0x30, 0x82, 0, 0, 0x30, 0x0b, 0x06,
		    0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x03,
		    (uint8_t)(0x12 + i), 0x03, 0x82, 0, 0, 0};
		size_t bits = sizes[i] + 1;
		size_t rest = 13 + 4 + bits;
		struct public_key *key = UNTOUCHED;
		struct err err;

		der[2] = (uint8_t)(rest >> 8);
		der[3] = (uint8_t)rest;
		der[19] = (uint8_t)(bits >> 8);
		der[20] = (uint8_t)bits;
		assert_code(
		    public_key_from_spki(bytes_of(der, 4 + rest), &key, &err),
		    KEY_UNSUPPORTED);
		assert_non_null(strstr(err.text, names[i]));
		assert_ptr_equal(key, UNTOUCHED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(public_key_names_ml_dsa_before_openssl_3_5),
	    cmocka_unit_test(public_key_from_pem_reads_all_four_algorithms),
	    cmocka_unit_test(public_key_to_pem_writes_what_was_read),
	    cmocka_unit_test(public_key_from_pem_takes_white_space_at_the_end),
	    cmocka_unit_test(public_key_from_pem_takes_lines_that_end_in_crlf),
	    cmocka_unit_test(public_key_from_pem_refuses_text_around_the_block),
	    cmocka_unit_test(public_key_from_pem_refuses_two_blocks),
	    cmocka_unit_test(public_key_from_pem_refuses_other_labels),
	    cmocka_unit_test(
		public_key_from_pem_refuses_boundary_lines_that_differ),
	    cmocka_unit_test(public_key_from_pem_refuses_headers_in_the_block),
	    cmocka_unit_test(public_key_from_pem_refuses_what_is_hardly_there),
	    cmocka_unit_test(
		public_key_from_pem_refuses_a_zero_byte_in_the_block),
	    cmocka_unit_test(public_key_from_pem_refuses_a_text_over_the_limit),
	    cmocka_unit_test(public_key_from_spki_refuses_trailing_bytes),
	    cmocka_unit_test(
		public_key_from_pem_refuses_a_length_that_is_not_minimal),
	    cmocka_unit_test(
		public_key_from_pem_refuses_rsa_without_null_parameters),
	    cmocka_unit_test(public_key_from_pem_refuses_other_curves),
	    cmocka_unit_test(public_key_from_pem_refuses_other_types),
	    cmocka_unit_test(public_key_from_pem_refuses_a_type_of_the_future),
	    cmocka_unit_test(
		public_key_from_pem_refuses_explicit_curve_parameters),
	    cmocka_unit_test(
		public_key_from_pem_refuses_compressed_and_hybrid_points),
	    cmocka_unit_test(public_key_from_pem_refuses_a_point_off_the_curve),
	    cmocka_unit_test(
		public_key_from_pem_refuses_ed25519_points_of_small_order),
	    cmocka_unit_test(public_key_from_pem_refuses_small_rsa_keys),
	    cmocka_unit_test(
		public_key_from_pem_refuses_rsa_keys_next_to_the_limits),
	    cmocka_unit_test(public_key_from_pem_refuses_other_rsa_exponents),
	    cmocka_unit_test(public_key_from_pem_refuses_an_even_rsa_modulus),
	    cmocka_unit_test(public_key_accepts_a_signature_by_its_key),
	    cmocka_unit_test(public_key_accepts_an_empty_message),
	    cmocka_unit_test(public_key_refuses_a_signature_by_another_key),
	    cmocka_unit_test(public_key_refuses_a_signature_with_a_flipped_bit),
	    cmocka_unit_test(public_key_refuses_a_signature_of_another_length),
	    cmocka_unit_test(
		public_key_refuses_an_rsa_signature_without_its_leading_zero),
	    cmocka_unit_test(public_key_refuses_a_raw_ecdsa_signature),
	    cmocka_unit_test(public_key_refuses_an_ecdsa_signature_that_is_ber),
	    cmocka_unit_test(
		public_key_refuses_an_ed25519_signature_with_a_large_s),
	    cmocka_unit_test(public_key_refuses_a_signature_with_another_hash),
	    cmocka_unit_test(public_key_refuses_rsa_with_another_padding),
	};

	return cmocka_run_group_tests_name("public_key", tests, NULL, NULL);
}
