/*
 * What an algorithm means to libcrypto: which keys it takes, which hash and
 * padding it uses. Verifying and signing share this one table.
 *
 * Spec: FORMATS "Algorithms"; FIPS 186-5; FIPS 204; RFC 8032; RFC 8017 §8.1.
 */
#ifndef ASSAY_KEYS_SCHEME_H
#define ASSAY_KEYS_SCHEME_H

#include <stdbool.h>

#include <openssl/evp.h>

#include "base/err.h"
#include "keys/algorithm.h"

/*
 * The one algorithm that this key is for, once its type, curve, size and
 * parameters are found fit. Errors: KEY_UNSUPPORTED.
 */
int scheme_of_key(const EVP_PKEY *key, enum algorithm *ret_algorithm,
    struct err *err);

/*
 * Can this libcrypto do it? ML-DSA came with OpenSSL 3.5.
 * Errors: KEY_UNSUPPORTED.
 */
int scheme_check_available(enum algorithm algorithm, struct err *err);

/* libcrypto's name of an ML-DSA algorithm; NULL for any other. */
const char *scheme_ml_dsa_name(enum algorithm algorithm);

/* NULL for Ed25519 and ML-DSA, which bring their own. */
const EVP_MD *scheme_hash(enum algorithm algorithm);

/* Set the padding after EVP_DigestVerifyInit or EVP_DigestSignInit. */
bool scheme_set_padding(enum algorithm algorithm, EVP_PKEY_CTX *ctx);

#endif
