/*
 * The public half of a token's key, as a PKCS#11 public key object tells it.
 * Private to keys/token_*.c.
 *
 * Spec: PKCS #11 v2.40 §2.1.2 (RSA), §2.3.3 (EC), v3.0 §2.3.5 (Edwards).
 */
#ifndef ASSAY_KEYS_SIGN_TOKEN_PUBLIC_H
#define ASSAY_KEYS_SIGN_TOKEN_PUBLIC_H

#include "base/err.h"
#include "keys/public_key.h"
#include "keys/sign/token_session.h"

/*
 * Through public_key_from_spki(), so the rules for public keys hold.
 * Errors: KEY_UNSUPPORTED for another type; KEY_MALFORMED; PKCS11_FAILED;
 * NO_MEMORY.
 */
int token_public_read(const struct token_session *session,
    CK_OBJECT_HANDLE object, struct public_key **ret_key, struct err *err);

#endif
