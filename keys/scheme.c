#include "keys/scheme.h"

#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rsa.h>

#include "base/log.h"
#include "base/scope.h"

enum {
	rsa_min_bits = 3072,
	rsa_max_bits = 8192,
	rsa_exponent = 65537,
};

struct curve {
	const char *group; /* libcrypto's name */
	enum algorithm algorithm;
};

static const struct curve curves[] = {
    {"prime256v1", ALGORITHM_ECDSA_P256_SHA256},
    {"secp384r1", ALGORITHM_ECDSA_P384_SHA384},
};

/* Algorithms that leave nothing open. */
static const struct {
	const char *name; /* libcrypto's */
	enum algorithm algorithm;
} named[] = {
    {"ED25519", ALGORITHM_ED25519},
    {"ML-DSA-65", ALGORITHM_ML_DSA_65},
    {"ML-DSA-87", ALGORITHM_ML_DSA_87},
};

static int check_rsa(const EVP_PKEY *key, struct err *err);
static bool has_rsa_exponent(const EVP_PKEY *key);
static int check_ec(const EVP_PKEY *key, enum algorithm *ret_algorithm,
    struct err *err);
static int check_ec_form(const EVP_PKEY *key, struct err *err);

int
scheme_of_key(const EVP_PKEY *key, enum algorithm *ret_algorithm,
    struct err *err)
{
	if (EVP_PKEY_is_a(key, "EC"))
		return check_ec(key, ret_algorithm, err);
	if (EVP_PKEY_is_a(key, "RSA")) {
		TRY(check_rsa(key, err));
		*ret_algorithm = ALGORITHM_RSA_PSS_SHA256;
		return 0;
	}
	for (size_t i = 0; i < countof(named); i++) {
		if (EVP_PKEY_is_a(key, named[i].name)) {
			*ret_algorithm = named[i].algorithm;
			return 0;
		}
	}
	return err_set(err, KEY_UNSUPPORTED,
	    "not an EC, RSA, Ed25519 or ML-DSA key");
}

const char *
scheme_ml_dsa_name(enum algorithm algorithm)
{
	if (algorithm == ALGORITHM_ML_DSA_65)
		return "ML-DSA-65";
	return algorithm == ALGORITHM_ML_DSA_87 ? "ML-DSA-87" : NULL;
}

int
scheme_check_available(enum algorithm algorithm, struct err *err)
{
	const char *name = scheme_ml_dsa_name(algorithm);
	EVP_KEYMGMT *found;

	if (name == NULL)
		return 0;
	found = EVP_KEYMGMT_fetch(NULL, name, NULL);
	EVP_KEYMGMT_free(found);
	ERR_clear_error();
	if (found == NULL)
		return err_set(err, KEY_UNSUPPORTED,
		    "%s needs OpenSSL 3.5 or later; this is %s",
		    algorithm_name(algorithm),
		    OpenSSL_version(OPENSSL_VERSION_STRING));
	return 0;
}

const EVP_MD *
scheme_hash(enum algorithm algorithm)
{
	switch (algorithm) {
	case ALGORITHM_ECDSA_P256_SHA256:
	case ALGORITHM_RSA_PSS_SHA256:
		return EVP_sha256();
	case ALGORITHM_ECDSA_P384_SHA384:
		return EVP_sha384();
	case ALGORITHM_ED25519:
	case ALGORITHM_ML_DSA_65:
	case ALGORITHM_ML_DSA_87:
		return NULL;
	}
	log_bug(__FILE__, __LINE__, "algorithm is one of ours");
}

bool
scheme_set_padding(enum algorithm algorithm, EVP_PKEY_CTX *ctx)
{
	if (algorithm != ALGORITHM_RSA_PSS_SHA256)
		return true;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, EVP_sha256()) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_DIGEST) ==
	           1;
}

static int
check_rsa(const EVP_PKEY *key, struct err *err)
{
	int bits = EVP_PKEY_get_bits(key);

	if (bits < rsa_min_bits || bits > rsa_max_bits)
		return err_set(err,
		    bits < rsa_min_bits ? KEY_TOO_SHORT : KEY_UNSUPPORTED,
		    "rsa: %d bits, outside %d to %d", bits, rsa_min_bits,
		    rsa_max_bits);
	if (!has_rsa_exponent(key))
		return err_set(err, KEY_UNSUPPORTED,
		    "rsa: the public exponent is not %d", rsa_exponent);
	return 0;
}

static bool
has_rsa_exponent(const EVP_PKEY *key)
{
	BIGNUM *e = NULL;
	bool is_ours;

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_E, &e) != 1)
		return false;
	is_ours = BN_is_word(e, rsa_exponent) == 1;
	BN_free(e);
	return is_ours;
}

static int
check_ec(const EVP_PKEY *key, enum algorithm *ret_algorithm, struct err *err)
{
	char group[64] = "";
	size_t i = 0;

	TRY(check_ec_form(key, err));
	if (EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) != 1)
		return err_set(err, KEY_CURVE_WRONG,
		    "ec: the curve has no name");
	while (i < countof(curves) && strcmp(curves[i].group, group) != 0)
		i++;
	if (i == countof(curves))
		return err_set(err, KEY_CURVE_WRONG,
		    "ec: curve %s is neither P-256 nor P-384",
		    err_quote_str(group).text);
	*ret_algorithm = curves[i].algorithm;
	return 0;
}

/*
 * One key must have one encoding, or it would have several identities and
 * could count several times against a threshold.
 */
static int
check_ec_form(const EVP_PKEY *key, struct err *err)
{
	int is_explicit = 1;
	char form[32] = "";

	if (EVP_PKEY_get_int_param(key,
		OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS,
		&is_explicit) != 1 ||
	    is_explicit != 0)
		return err_set(err, KEY_PARAMETERS_EXPLICIT,
		    "ec: explicit curve parameters");
	if (EVP_PKEY_get_utf8_string_param(key,
		OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, form, sizeof(form),
		NULL) != 1 ||
	    strcmp(form, "uncompressed") != 0)
		return err_set(err, KEY_UNSUPPORTED,
		    "ec: the point is not in uncompressed form");
	return 0;
}
