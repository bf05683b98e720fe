/* Public areas as keys of libcrypto, and signatures by them. */
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "base/scope.h"
#include "measure/verify/tpm_structs.h"

static int rsa_params(const struct tpm_public *public, OSSL_PARAM_BLD *bld,
    BIGNUM **ret_number);
static int ecc_params(const struct tpm_public *public, OSSL_PARAM_BLD *bld,
    uint8_t *point);
static int make_key(const struct tpm_public *public, OSSL_PARAM *params,
    EVP_PKEY **ret_key);
static bool set_padding(EVP_PKEY_CTX *ctx, enum tpm_scheme scheme);
static bool to_der(const struct tpm_signature *signature, uint8_t **ret_der,
    size_t *ret_len);
static void bld_freep(OSSL_PARAM_BLD **bld);
static void params_freep(OSSL_PARAM **params);
static void number_freep(BIGNUM **number);
static void pkey_ctx_freep(EVP_PKEY_CTX **ctx);
static void md_ctx_freep(EVP_MD_CTX **ctx);
static void ecdsa_freep(ECDSA_SIG **sig);
static void openssl_freep(uint8_t **data);

int
tpm_public_key(const struct tpm_public *public, EVP_PKEY **ret_key,
    struct err *err)
{
	CLEANUP(bld_freep) OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
	CLEANUP(params_freep) OSSL_PARAM *params = NULL;
	CLEANUP(number_freep) BIGNUM *number = NULL;
	uint8_t point[1 + 2 * TPM_KEY_MAX_BYTES];
	int ok;

	if (bld == NULL)
		return err_set(err, NO_MEMORY, "public area");
	ok = public->is_rsa ? rsa_params(public, bld, &number)
	                    : ecc_params(public, bld, point);
	params = ok == 1 ? OSSL_PARAM_BLD_to_param(bld) : NULL;
	if (params == NULL)
		return err_set(err, NO_MEMORY, "public area");
	if (make_key(public, params, ret_key) != 1)
		return err_set(err, TPM_STRUCTURE_MALFORMED,
		    "public area: libcrypto takes no such key");
	return 0;
}

void
tpm_key_freep(EVP_PKEY **key)
{
	EVP_PKEY_free(*key);
	*key = NULL;
}

bool
tpm_public_accepts(const struct tpm_public *public, struct bytes message,
    const struct tpm_signature *signature)
{
	CLEANUP(tpm_key_freep) EVP_PKEY *key = NULL;
	CLEANUP(md_ctx_freep) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	CLEANUP(openssl_freep) uint8_t *der = NULL;
	const EVP_MD *md = EVP_get_digestbyname(pcr_bank_name(signature->hash));
	EVP_PKEY_CTX *pctx = NULL;
	struct bytes sig = signature->r;
	size_t len = 0;
	struct err err;

	if (ctx == NULL || md == NULL || !public->has_scheme ||
	    public->scheme != signature->scheme ||
	    public->scheme_hash != signature->hash ||
	    tpm_public_key(public, &key, &err) != 0)
		return false;
	if (signature->scheme == TPM_ECDSA) {
		if (!to_der(signature, &der, &len))
			return false;
		sig = bytes_of(der, len);
	}
	return EVP_DigestVerifyInit(ctx, &pctx, md, NULL, key) == 1 &&
	       set_padding(pctx, signature->scheme) &&
	       EVP_DigestVerify(ctx, sig.ptr, sig.len, message.ptr,
		   message.len) == 1;
}

static int
rsa_params(const struct tpm_public *public, OSSL_PARAM_BLD *bld,
    BIGNUM **ret_number)
{
	*ret_number = BN_bin2bn(public->x.ptr, (int)public->x.len, NULL);
	return *ret_number != NULL &&
	       OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N,
		   *ret_number) == 1 &&
	       OSSL_PARAM_BLD_push_uint32(bld, OSSL_PKEY_PARAM_RSA_E,
		   public->exponent) == 1;
}

/* Coordinates may come without their leading zeros. */
static int
ecc_params(const struct tpm_public *public, OSSL_PARAM_BLD *bld, uint8_t *point)
{
	size_t len = public->bits / 8;
	const char *group = public->bits == 256 ? "P-256" : "P-384";

	memset(point, 0, 1 + 2 * len);
	point[0] = POINT_CONVERSION_UNCOMPRESSED;
	memcpy(point + 1 + len - public->x.len, public->x.ptr, public->x.len);
	memcpy(point + 1 + 2 * len - public->y.len, public->y.ptr,
	    public->y.len);
	return OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME,
		   group, 0) == 1 &&
	       OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY,
		   point, 1 + 2 * len) == 1;
}

static int
make_key(const struct tpm_public *public, OSSL_PARAM *params,
    EVP_PKEY **ret_key)
{
	CLEANUP(pkey_ctx_freep)
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL,
	    public->is_rsa ? "RSA" : "EC", NULL);

	return ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
	       EVP_PKEY_fromdata(ctx, ret_key, EVP_PKEY_PUBLIC_KEY, params) ==
	           1;
}

/* TPM 2.0 Part 1 B.7: the salt is as long as the digest, or as long as fits. */
static bool
set_padding(EVP_PKEY_CTX *ctx, enum tpm_scheme scheme)
{
	if (scheme == TPM_ECDSA)
		return true;
	if (scheme == TPM_RSASSA)
		return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) ==
		       1;
	return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	       EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, RSA_PSS_SALTLEN_AUTO) == 1;
}

static bool
to_der(const struct tpm_signature *signature, uint8_t **ret_der,
    size_t *ret_len)
{
	CLEANUP(ecdsa_freep) ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(signature->r.ptr, (int)signature->r.len, NULL);
	BIGNUM *s = BN_bin2bn(signature->s.ptr, (int)signature->s.len, NULL);
	int len;

	if (sig == NULL || ECDSA_SIG_set0(sig, r, s) != 1) {
		BN_free(r);
		BN_free(s);
		return false;
	}
	len = i2d_ECDSA_SIG(sig, ret_der);
	*ret_len = len > 0 ? (size_t)len : 0;
	return len > 0;
}

static void
bld_freep(OSSL_PARAM_BLD **bld)
{
	OSSL_PARAM_BLD_free(*bld);
}

static void
params_freep(OSSL_PARAM **params)
{
	OSSL_PARAM_free(*params);
}

static void
number_freep(BIGNUM **number)
{
	BN_free(*number);
}

static void
pkey_ctx_freep(EVP_PKEY_CTX **ctx)
{
	EVP_PKEY_CTX_free(*ctx);
}

static void
md_ctx_freep(EVP_MD_CTX **ctx)
{
	EVP_MD_CTX_free(*ctx);
}

static void
ecdsa_freep(ECDSA_SIG **sig)
{
	ECDSA_SIG_free(*sig);
}

static void
openssl_freep(uint8_t **data)
{
	OPENSSL_free(*data);
}
