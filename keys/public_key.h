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
 * curve or of small order, an RSA modulus that cannot be one); BYTES_TRAILING
 * (after the PEM block, or after the key in it); KEY_CURVE_WRONG (neither P-256
 * nor P-384); KEY_PARAMETERS_EXPLICIT; KEY_TOO_SHORT (RSA under 3072 bits);
 * KEY_UNSUPPORTED (another algorithm; a compressed point; RSA over 8192 bits,
 * with an exponent other than 65537, or of the type id-RSASSA-PSS); NO_MEMORY.
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
 * Can these bytes be a signature by this key at all, by their length and, for
 * ECDSA, the header of their DER? Costs no public-key operation.
 */
bool public_key_fits(const struct public_key *key, struct bytes signature);

/*
 * Is this a signature of the message by this key? False for anything else:
 * a wrong length, raw r||s instead of DER, or a libcrypto failure.
 */
bool public_key_accepts(const struct public_key *key, struct bytes message,
    struct bytes signature);

/* Of an RSA key: one without what follows, and six manners to sign. */
#define PUBLIC_KEY_REFUSE_VERIFICATIONS 7

/*
 * Say why the key does not accept this signature, once public_key_accepts()
 * said so. It always refuses: what it finds out is for people only. It costs up
 * to PUBLIC_KEY_REFUSE_VERIFICATIONS.
 * Errors: SIGNATURE_NOT_DER (as long as raw r||s); BYTES_TRAILING (it begins
 * with a good one); SIGNATURE_OTHER_HASH and SIGNATURE_OTHER_PADDING (the key
 * made it, over SHA-256, 384 or 512; for RSA with PKCS #1 v1.5 padding or
 * another PSS salt); `code` if it is none of these.
 */
int public_key_refuse(const struct public_key *key, struct bytes message,
    struct bytes signature, enum err_code code, struct err *err);

#endif
