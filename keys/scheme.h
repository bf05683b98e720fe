/*
 * What an algorithm means to libcrypto: which keys it takes, which hash and
 * padding it uses. Verifying and signing share this one table.
 *
 * Spec: FORMATS "Algorithms"; FIPS 186-5; RFC 8032; RFC 8017 §8.1.
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

/* NULL for Ed25519, which brings its own. */
const EVP_MD *scheme_hash(enum algorithm algorithm);

/* Set the padding after EVP_DigestVerifyInit or EVP_DigestSignInit. */
bool scheme_set_padding(enum algorithm algorithm, EVP_PKEY_CTX *ctx);

#endif
