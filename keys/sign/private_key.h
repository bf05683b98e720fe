/*
 * A private key in a file, for signing in CI or on a laptop.
 *
 * Secret bytes are wiped after use, files are created 0600, and nothing secret
 * is printed.
 */
#ifndef ASSAY_KEYS_SIGN_PRIVATE_KEY_H
#define ASSAY_KEYS_SIGN_PRIVATE_KEY_H

#include "base/bytes.h"
#include "base/err.h"
#include "keys/algorithm.h"
#include "keys/public_key.h"

struct private_key;

/*
 * RSA keys are made with 3072 bits. Returns owned.
 * Errors: KEY_UNSUPPORTED (ML-DSA before OpenSSL 3.5); SYSTEM_FAILED if
 * libcrypto cannot; NO_MEMORY.
 */
int private_key_generate(enum algorithm algorithm, struct private_key **ret_key,
    struct err *err);

/*
 * PKCS#8 or traditional PEM, one block alone, not encrypted: nobody is asked
 * for a passphrase. Its public half must belong to it and is held to the rules
 * of public_key.h. Returns owned.
 * Errors: KEY_MALFORMED, KEY_UNSUPPORTED, STORE_IO, SYSTEM_FAILED, NO_MEMORY.
 */
int private_key_load(const char *path, struct private_key **ret_key,
    struct err *err);

/*
 * Write PKCS#8 PEM, mode 0600. Never over an existing file.
 * Errors: FILE_EXISTS, STORE_IO, SYSTEM_FAILED.
 */
int private_key_save(const struct private_key *key, const char *path,
    struct err *err);

void private_key_freep(struct private_key **key);

/* The public half; borrowed from the key. */
const struct public_key *private_key_public(const struct private_key *key);

/*
 * Sign a message. Returns owned (malloc). ECDSA signatures are DER.
 * Errors: SYSTEM_FAILED if libcrypto cannot; NO_MEMORY.
 */
int private_key_sign(const struct private_key *key, struct bytes message,
    uint8_t **ret_sig, size_t *ret_len, struct err *err);

#endif
