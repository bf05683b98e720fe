/*
 * Is this certificate one of an endorsement key? A maker of TPMs signs others
 * too: of platforms, of attestation keys, of authorities below it.
 *
 * Not done: who signed it (measure/verify/endorsement.h), and what its names
 * say of the TPM; a critical alternative name is taken, as the profile wants
 * it. Spec: TCG EK Credential Profile for TPM 2.0, "X.509 ASN.1 definitions":
 * version 3; basic constraints with CA false; key usage keyEncipherment for an
 * RSA key, keyAgreement for one on a curve; extended key usage
 * tcg-kp-EKCertificate. RFC 5280 §4.2: no critical extension is passed over.
 */
#ifndef ASSAY_MEASURE_VERIFY_ENDORSEMENT_PROFILE_H
#define ASSAY_MEASURE_VERIFY_ENDORSEMENT_PROFILE_H

#include <openssl/x509.h>

#include "base/err.h"

/* Errors: EK_UNTRUSTED with what does not hold; NO_MEMORY. */
int endorsement_profile_check(X509 *certificate, struct err *err);

#endif
