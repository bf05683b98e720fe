/*
 * The key that authorises TPM policies, as a TPM sees it: TPM2_PolicyAuthorize
 * binds a secret to this key instead of to register values, and its signatures
 * then say which values are approved.
 *
 * ECDSA P-256 only: every TPM 2.0 has it, while few take an RSA key of the
 * sizes that assay allows. The public area is the one that tpm2_loadexternal(1)
 * makes of the same PEM file, and so the Name is the same.
 * Spec: TPM 2.0 Part 2, TPMT_PUBLIC; Part 3, TPM2_PolicyAuthorize.
 */
#ifndef ASSAY_MEASURE_TPM_SETUP_POLICY_KEY_H
#define ASSAY_MEASURE_TPM_SETUP_POLICY_KEY_H

#include "base/digest.h"
#include "keys/public_key.h"
#include "measure/tpm_identity.h"

enum { POLICY_KEY_AREA_BYTES = 86, POLICY_KEY_HALF_BYTES = 32 };

struct policy_key {
	uint8_t area[POLICY_KEY_AREA_BYTES]; /* TPMT_PUBLIC */
	struct tpm_name name;
};

/* Errors: POLICY_KEY_UNFIT; NO_MEMORY. */
int policy_key_from(const struct public_key *key, struct policy_key *ret_key,
    struct err *err);

/* r and s of a DER signature, as TPM2_VerifySignature takes them.
 * Errors: APPROVAL_MALFORMED. */
int policy_key_signature(struct bytes der,
    uint8_t ret_r[static POLICY_KEY_HALF_BYTES],
    uint8_t ret_s[static POLICY_KEY_HALF_BYTES], struct err *err);

#endif
