#include "keys/public_key.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include "base/scope.h"
#include "keys/pem.h"
#include "keys/scheme.h"

struct public_key {
	EVP_PKEY *pkey;
	enum algorithm algorithm;
	struct digest id;
};

/* How others sign with such a key; never a way to be accepted. */
struct manner {
	const EVP_MD *(*hash)(void);
	int padding; /* 0: not RSA */
	enum err_code code;
	const char *what;
};

static const struct manner manners[] = {
    {EVP_sha256, 0, SIGNATURE_OTHER_HASH, "over SHA-256"},
    {EVP_sha384, 0, SIGNATURE_OTHER_HASH, "over SHA-384"},
    {EVP_sha512, 0, SIGNATURE_OTHER_HASH, "over SHA-512"},
    {EVP_sha384, RSA_PKCS1_PSS_PADDING, SIGNATURE_OTHER_HASH, "over SHA-384"},
    {EVP_sha512, RSA_PKCS1_PSS_PADDING, SIGNATURE_OTHER_HASH, "over SHA-512"},
    {EVP_sha256, RSA_PKCS1_PSS_PADDING, SIGNATURE_OTHER_PADDING,
	"with a PSS salt of another length"},
    {EVP_sha256, RSA_PKCS1_PADDING, SIGNATURE_OTHER_PADDING,
	"with PKCS #1 v1.5 padding"},
    {EVP_sha384, RSA_PKCS1_PADDING, SIGNATURE_OTHER_PADDING,
	"with PKCS #1 v1.5 padding, over SHA-384"},
    {EVP_sha512, RSA_PKCS1_PADDING, SIGNATURE_OTHER_PADDING,
	"with PKCS #1 v1.5 padding, over SHA-512"},
};

static int decode_spki(struct bytes der, EVP_PKEY **ret_pkey, struct err *err);
static int check_type(X509_PUBKEY *spki, struct err *err);
static int check_canonical(EVP_PKEY *pkey, struct bytes der, struct err *err);
static int check_numbers(EVP_PKEY *pkey, struct err *err);
static int check_order(const EVP_PKEY *pkey, struct err *err);
static struct bytes first_signature(const struct public_key *key,
    struct bytes signature);
static bool fits(const struct manner *manner, const struct public_key *key,
    struct bytes message, struct bytes signature);
static bool is_der(struct bytes signature);
static bool verify(const struct public_key *key, EVP_MD_CTX *ctx,
    struct bytes message, struct bytes signature);
static void free_spki(X509_PUBKEY **spki);
static void free_md_ctx(EVP_MD_CTX **ctx);
static void free_pkey_ctx(EVP_PKEY_CTX **ctx);
static void free_bio(BIO **bio);

int
public_key_from_pem(struct bytes pem, struct public_key **ret_key,
    struct err *err)
{
	static const char *const labels[] = {"PUBLIC KEY", NULL};
	CLEANUP(pem_block_done) struct pem_block block = {.der = NULL};

	TRY(pem_decode(pem, labels, &block, err));
	return public_key_from_spki(bytes_of(block.der, block.len), ret_key,
	    err);
}

int
public_key_from_spki(struct bytes der, struct public_key **ret_key,
    struct err *err)
{
	CLEANUP(public_key_freep) struct public_key *key = NULL;

	key = calloc(1, sizeof(*key));
	if (key == NULL)
		return err_set(err, NO_MEMORY, "public key");
	TRY(decode_spki(der, &key->pkey, err));
	TRY(scheme_of_key(key->pkey, &key->algorithm, err));
	TRY(check_canonical(key->pkey, der, err));
	TRY(check_numbers(key->pkey, err));
	TRY(check_order(key->pkey, err));
	TRY(digest_of(der, &key->id, err));
	*ret_key = take_ptr(&key);
	return 0;
}

void
public_key_freep(struct public_key **key)
{
	if (*key == NULL)
		return;
	EVP_PKEY_free((*key)->pkey);
	freep(key);
}

enum algorithm
public_key_algorithm(const struct public_key *key)
{
	return key->algorithm;
}

const struct digest *
public_key_id(const struct public_key *key)
{
	return &key->id;
}

int
public_key_to_pem(const struct public_key *key, char **ret_pem, struct err *err)
{
	CLEANUP(free_bio) BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	char *pem;
	long len;

	if (bio == NULL || PEM_write_bio_PUBKEY(bio, key->pkey) != 1) {
		ERR_clear_error();
		return err_set(err, NO_MEMORY, "pem of a public key");
	}
	len = BIO_get_mem_data(bio, &text);
	pem = strndup(text, (size_t)len);
	if (pem == NULL)
		return err_set(err, NO_MEMORY, "pem of a public key");
	*ret_pem = pem;
	return 0;
}

/*
 * libcrypto takes RSA signatures without their leading zeros. It refuses
 * ECDSA signatures that are not exact DER (ossl_ecdsa_verify encodes again
 * and compares), so what is no DER of this length need not be tried.
 */
bool
public_key_fits(const struct public_key *key, struct bytes signature)
{
	size_t full = (size_t)EVP_PKEY_get_size(key->pkey);

	switch (key->algorithm) {
	case ALGORITHM_ECDSA_P256_SHA256:
	case ALGORITHM_ECDSA_P384_SHA384:
		return signature.len <= full && is_der(signature);
	case ALGORITHM_ED25519:
	case ALGORITHM_RSA_PSS_SHA256:
	case ALGORITHM_ML_DSA_65:
	case ALGORITHM_ML_DSA_87:
		return signature.len == full;
	}
	return false;
}

bool
public_key_accepts(const struct public_key *key, struct bytes message,
    struct bytes signature)
{
	CLEANUP(free_md_ctx) EVP_MD_CTX *ctx = NULL;
	bool is_good;

	if (!public_key_fits(key, signature))
		return false;
	ctx = EVP_MD_CTX_new();
	is_good = ctx != NULL && verify(key, ctx, message, signature);
	ERR_clear_error();
	return is_good;
}

int
public_key_refuse(const struct public_key *key, struct bytes message,
    struct bytes signature, enum err_code code, struct err *err)
{
	struct bytes first = first_signature(key, signature);

	/* By its size: that is enough for a message. */
	if (signature.len == algorithm_raw_bytes(key->algorithm))
		return err_set(err, SIGNATURE_NOT_DER,
		    "%zu bytes of raw r||s instead of DER", signature.len);
	if (first.len < signature.len &&
	    public_key_accepts(key, message, first))
		return err_set(err, BYTES_TRAILING,
		    "%zu bytes after a good signature",
		    signature.len - first.len);
	for (size_t i = 0; i < countof(manners); i++) {
		if (fits(&manners[i], key, message, signature))
			return err_set(err, manners[i].code,
			    "it is by this key, but %s; %s is due",
			    manners[i].what, algorithm_name(key->algorithm));
	}
	return err_set(err, code, "%zu bytes that are no %s signature by it",
	    signature.len, algorithm_name(key->algorithm));
}

/* Nothing but the whole of one SubjectPublicKeyInfo of a type we know. */
static int
decode_spki(struct bytes der, EVP_PKEY **ret_pkey, struct err *err)
{
	CLEANUP(free_spki) X509_PUBKEY *spki = NULL;
	const uint8_t *pos = der.ptr;
	EVP_PKEY *pkey;

	spki = d2i_X509_PUBKEY(NULL, &pos, (long)der.len);
	ERR_clear_error();
	if (spki == NULL)
		return err_set(err, KEY_MALFORMED,
		    "rfc 5280: not one SubjectPublicKeyInfo");
	if (pos != der.ptr + der.len)
		return err_set(err, BYTES_TRAILING,
		    "rfc 5280: %zu bytes after the SubjectPublicKeyInfo",
		    (size_t)(der.ptr + der.len - pos));
	TRY(check_type(spki, err));
	pkey = X509_PUBKEY_get(spki);
	ERR_clear_error();
	if (pkey == NULL)
		return err_set(err, KEY_MALFORMED,
		    "rfc 5280: the key inside cannot be read");
	*ret_pkey = pkey;
	return 0;
}

static int
check_type(X509_PUBKEY *spki, struct err *err)
{
	ASN1_OBJECT *type = NULL;
	char name[64] = "";
	int nid;

	X509_PUBKEY_get0_param(&type, NULL, NULL, NULL, spki);
	nid = OBJ_obj2nid(type);
	if (nid == NID_X9_62_id_ecPublicKey || nid == NID_rsaEncryption ||
	    nid == NID_ED25519)
		return 0;
	/* By number: before 3.5 libcrypto has no name for them. */
	OBJ_obj2txt(name, sizeof(name), type, 1);
	if (strcmp(name, "2.16.840.1.101.3.4.3.18") == 0)
		return scheme_check_available(ALGORITHM_ML_DSA_65, err);
	if (strcmp(name, "2.16.840.1.101.3.4.3.19") == 0)
		return scheme_check_available(ALGORITHM_ML_DSA_87, err);
	OBJ_obj2txt(name, sizeof(name), type, 0);
	return err_set(err, KEY_UNSUPPORTED, "a key of the type %s",
	    err_quote_str(name).text);
}

/* The identity is a hash of the encoding, so there must be only one. */
static int
check_canonical(EVP_PKEY *pkey, struct bytes der, struct err *err)
{
	uint8_t *encoded = NULL;
	int len = i2d_PUBKEY(pkey, &encoded);
	bool is_same;

	ERR_clear_error();
	if (len < 0)
		return err_set(err, NO_MEMORY, "der of a public key");
	is_same = bytes_equal(bytes_of(encoded, (size_t)len), der);
	OPENSSL_free(encoded);
	if (!is_same)
		return err_set(err, KEY_MALFORMED,
		    "x.690 §10: the encoding is not canonical DER");
	return 0;
}

/* Is the point on the curve, can the modulus be a product of two primes? */
static int
check_numbers(EVP_PKEY *pkey, struct err *err)
{
	CLEANUP(free_pkey_ctx) EVP_PKEY_CTX *ctx = NULL;
	int result;

	ctx = EVP_PKEY_CTX_new(pkey, NULL);
	if (ctx == NULL)
		return err_set(err, NO_MEMORY, "check of a public key");
	result = EVP_PKEY_public_check(ctx);
	ERR_clear_error();
	if (result != 1)
		return err_set(err, KEY_MALFORMED,
		    "the numbers in the key do not make a public key");
	return 0;
}

/*
 * Refuse the Ed25519 points of small order, for which anybody can make
 * signatures, in each encoding that RFC 8032 §5.1.3 decoders take. libcrypto
 * does not look. P-256 and P-384 have no such points.
 */
static int
check_order(const EVP_PKEY *pkey, struct err *err)
{
	/* y, little-endian: 0, 1, two of order eight, p - 1, p, p + 1 */
	/* clang-format off */
	static const uint8_t small[][32] = {
		{0},
		{1},
		{0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0,
		 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0,
		 0xd5, 0xdf, 0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39,
		 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05},
		{0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f,
		 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f,
		 0x2a, 0x20, 0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6,
		 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a},
		{0xec, [1 ... 30] = 0xff, 0x7f},
		{0xed, [1 ... 30] = 0xff, 0x7f},
		{0xee, [1 ... 30] = 0xff, 0x7f},
	};
	/* clang-format on */
	uint8_t y[32];
	size_t len = sizeof(y);

	if (!EVP_PKEY_is_a(pkey, "ED25519"))
		return 0;
	if (EVP_PKEY_get_raw_public_key(pkey, y, &len) != 1)
		return err_set(err, NO_MEMORY, "check of a public key");
	y[31] &= 0x7f; /* the sign of x */
	for (size_t i = 0; i < countof(small); i++) {
		if (memcmp(y, small[i], sizeof(y)) == 0)
			return err_set(err, KEY_MALFORMED,
			    "rfc 8032: a point of small order");
	}
	return 0;
}

/*
 * As long as one can be: by what it says itself if it is DER, whose signatures
 * on our curves have a length of one byte, or by the size of the key.
 */
static struct bytes
first_signature(const struct public_key *key, struct bytes signature)
{
	size_t len = (size_t)EVP_PKEY_get_size(key->pkey);

	if (EVP_PKEY_is_a(key->pkey, "EC"))
		len = signature.len < 2 ? 0 : 2u + signature.ptr[1];
	return len < signature.len ? bytes_of(signature.ptr, len) : signature;
}

static bool
fits(const struct manner *manner, const struct public_key *key,
    struct bytes message, struct bytes signature)
{
	CLEANUP(free_md_ctx) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *borrowed = NULL;
	bool is_rsa = EVP_PKEY_is_a(key->pkey, "RSA");
	bool is_good;

	if (scheme_hash(key->algorithm) == NULL ||
	    is_rsa != (manner->padding != 0))
		return false;
	is_good = ctx != NULL &&
	          EVP_DigestVerifyInit(ctx, &borrowed, manner->hash(), NULL,
		      key->pkey) == 1 &&
	          (!is_rsa || EVP_PKEY_CTX_set_rsa_padding(borrowed,
				  manner->padding) == 1) &&
	          EVP_DigestVerify(ctx, signature.ptr, signature.len,
		      message.ptr, message.len) == 1;
	ERR_clear_error();
	return is_good;
}

/* A SEQUENCE that ends where the signature does; on our curves its length is
 * one byte. */
static bool
is_der(struct bytes signature)
{
	return signature.len >= 2 && signature.len < 0x80 + 2 &&
	       signature.ptr[0] == 0x30 &&
	       signature.ptr[1] == signature.len - 2;
}

static bool
verify(const struct public_key *key, EVP_MD_CTX *ctx, struct bytes message,
    struct bytes signature)
{
	EVP_PKEY_CTX *borrowed = NULL;

	if (EVP_DigestVerifyInit(ctx, &borrowed, scheme_hash(key->algorithm),
		NULL, key->pkey) != 1)
		return false;
	if (!scheme_set_padding(key->algorithm, borrowed))
		return false;
	return EVP_DigestVerify(ctx, signature.ptr, signature.len, message.ptr,
		   message.len) == 1;
}

static void
free_spki(X509_PUBKEY **spki)
{
	X509_PUBKEY_free(*spki);
}

static void
free_md_ctx(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static void
free_pkey_ctx(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static void
free_bio(BIO **bio)
{
	BIO_free(*bio);
}
