#include "measure/tpm/setup/policy_key.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/scope.h"

/* TPMT_PUBLIC before the point: ECC; SHA-256; userWithAuth, decrypt, sign; no
 * policy; no cipher, no scheme; NIST P-256; no KDF. */
static const uint8_t area_begins[] = {0x00, 0x23, 0x00, 0x0b, 0x00, 0x06, 0x00,
    0x40, 0x00, 0x00, 0x00, 0x10, 0x00, 0x10, 0x00, 0x03, 0x00, 0x10};

enum { HALF = POLICY_KEY_HALF_BYTES, POINT_BYTES = 1 + 2 * HALF };

static int point_of(const struct public_key *key,
    uint8_t ret_point[static POINT_BYTES], struct err *err);
static void pkey_freep(EVP_PKEY **pkey);
static void bio_freep(BIO **bio);
static void sig_freep(ECDSA_SIG **sig);

int
policy_key_from(const struct public_key *key, struct policy_key *ret_key,
    struct err *err)
{
	uint8_t point[POINT_BYTES];
	struct policy_key made;
	uint8_t *at = made.area;

	if (public_key_algorithm(key) != ALGORITHM_ECDSA_P256_SHA256)
		return err_set(err, POLICY_KEY_UNFIT, "policy key: it is %s",
		    algorithm_name(public_key_algorithm(key)));
	TRY(point_of(key, point, err));
	memcpy(at, area_begins, sizeof(area_begins));
	at += sizeof(area_begins);
	for (size_t i = 0; i < 2; i++) {
		*at++ = 0;
		*at++ = HALF;
		memcpy(at, point + 1 + i * HALF, HALF);
		at += HALF;
	}
	TRY(tpm_name_of(bytes_of(made.area, sizeof(made.area)), &made.name,
	    err));
	*ret_key = made;
	return 0;
}

int
policy_key_signature(struct bytes der,
    uint8_t ret_r[static POLICY_KEY_HALF_BYTES],
    uint8_t ret_s[static POLICY_KEY_HALF_BYTES], struct err *err)
{
	const uint8_t *at = der.ptr;
	CLEANUP(sig_freep)
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &at, (long)der.len);

	if (sig == NULL || at != der.ptr + der.len ||
	    BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret_r, HALF) != HALF ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret_s, HALF) != HALF)
		return err_set(err, APPROVAL_MALFORMED,
		    "signature: not a DER signature of a P-256 key");
	return 0;
}

static int
point_of(const struct public_key *key, uint8_t ret_point[static POINT_BYTES],
    struct err *err)
{
	CLEANUP(freep) char *pem = NULL;
	CLEANUP(bio_freep) BIO *bio = NULL;
	CLEANUP(pkey_freep) EVP_PKEY *pkey = NULL;
	size_t len = 0;

	TRY(public_key_to_pem(key, &pem, err));
	bio = BIO_new_mem_buf(pem, -1);
	pkey = bio != NULL ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
	if (pkey == NULL ||
	    EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY,
		ret_point, POINT_BYTES, &len) != 1 ||
	    len != POINT_BYTES)
		return err_set(err, NO_MEMORY, "policy key");
	return 0;
}

static void
pkey_freep(EVP_PKEY **pkey)
{
	EVP_PKEY_free(*pkey);
}

static void
bio_freep(BIO **bio)
{
	BIO_free(*bio);
}

static void
sig_freep(ECDSA_SIG **sig)
{
	ECDSA_SIG_free(*sig);
}
