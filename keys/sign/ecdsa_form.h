/*
 * The two forms of an ECDSA signature: DER, which assay takes, and raw r||s,
 * which PKCS#11 and some key services give.
 *
 * Spec: RFC 3279 §2.2.3; PKCS #11 v2.40 §2.3.1.
 */
#ifndef ASSAY_KEYS_SIGN_ECDSA_FORM_H
#define ASSAY_KEYS_SIGN_ECDSA_FORM_H

#include "base/bytes.h"
#include "base/err.h"

/* DER of r||s, whose halves are of one length. Returns owned (malloc).
 * Errors: NO_MEMORY. */
int ecdsa_form_to_der(struct bytes raw, uint8_t **ret_der, size_t *ret_len,
    struct err *err);

#endif
