/*
 * A private key inside a PKCS#11 token, which signs there and never leaves.
 *
 * A key is named by its RFC 7512 URI; modules are found as p11-kit is
 * configured, or by the URI's module-path. Works with every algorithm of
 * keys/algorithm.h, Ed25519 too, because it speaks PKCS#11 itself:
 * docs/decisions/0023.
 *
 * The PIN comes from the file that the URI's pin-source names or from a
 * person, never from argv or the environment, and is wiped after use. A
 * pin-value in the URI is refused.
 *
 * Not done: keys that want the PIN again for each signature
 * (CKA_ALWAYS_AUTHENTICATE); those sign in two steps.
 * Spec: PKCS #11 v2.40 (C_Login, C_FindObjects, C_Sign), RFC 7512.
 */
#ifndef ASSAY_KEYS_SIGN_TOKEN_KEY_H
#define ASSAY_KEYS_SIGN_TOKEN_KEY_H

#include "base/bytes.h"
#include "base/err.h"
#include "keys/public_key.h"

#define TOKEN_PIN_SIZE 256

struct token_key;

/*
 * Ask a person for the PIN of the token with this label (printable, safe to
 * show). Called at most once, and only for a token that wants a PIN while the
 * URI has no pin-source. The buffer is wiped by the one who called.
 */
typedef int token_ask_fn(const char *label, char ret_pin[TOKEN_PIN_SIZE],
    struct err *err);

/*
 * Find the token and the key, log in, and read the public half from the
 * public key object with the same CKA_ID. Returns owned.
 * Errors: PKCS11_URI_BAD; PKCS11_KEY_MISSING (no such token, key or public
 * key, or several of them); PKCS11_PIN_BAD; PKCS11_FAILED; those of
 * public_key_from_spki; NO_MEMORY.
 */
int token_key_open(const char *uri, token_ask_fn *ask,
    struct token_key **ret_key, struct err *err);

void token_key_closep(struct token_key **key);

/* Borrowed from the key. */
const struct public_key *token_key_public(const struct token_key *key);

/*
 * Sign a message. Returns owned (malloc). ECDSA signatures are DER.
 * Errors: PKCS11_FAILED; NO_MEMORY.
 * Not done: checking that the signature is good; see dsse_attach().
 */
int token_key_sign(const struct token_key *key, struct bytes message,
    uint8_t **ret_sig, size_t *ret_len, struct err *err);

#endif
