/*
 * A public key that is fit for use: its algorithm is known, its curve, size
 * and parameters were checked. It verifies signatures and has an identity.
 *
 * Identity: SHA-256 of the DER SubjectPublicKeyInfo, as hex; two keys are the
 * same key exactly if their identities are equal.
 */
#ifndef ASSAY_KEYS_PUBLIC_KEY_H
#define ASSAY_KEYS_PUBLIC_KEY_H

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"
#include "keys/algorithm.h"

struct public_key;

/*
 * Read a PEM "PUBLIC KEY" block; nothing may stand before or after it but
 * white space after it (keys/pem.h). Returns owned.
 * Errors: KEY_MALFORMED (also for DER that is not canonical, a point off the
 * curve or of small order, an RSA modulus that cannot be one); KEY_UNSUPPORTED
 * (another algorithm; an EC curve other than P-256 and P-384, explicit
 * parameters or a compressed point; RSA under 3072 or over 8192 bits, with an
 * exponent other than 65537, or of the type id-RSASSA-PSS); NO_MEMORY.
 */
int public_key_from_pem(struct bytes pem, struct public_key **ret_key,
    struct err *err);

/* The same from the DER SubjectPublicKeyInfo alone. Returns owned. */
int public_key_from_spki(struct bytes der, struct public_key **ret_key,
    struct err *err);

void public_key_freep(struct public_key **key);

enum algorithm public_key_algorithm(const struct public_key *key);
const struct digest *public_key_id(const struct public_key *key);

/* PEM of the key. Returns owned (malloc). Errors: NO_MEMORY. */
int public_key_to_pem(const struct public_key *key, char **ret_pem,
    struct err *err);

/*
 * Is this a signature of the message by this key? False for anything else:
 * a wrong length, raw r||s instead of DER, or a libcrypto failure.
 */
bool public_key_accepts(const struct public_key *key, struct bytes message,
    struct bytes signature);

#endif
