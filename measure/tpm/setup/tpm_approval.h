/*
 * Showing an approval to a TPM: that the registers are as they were approved,
 * and that the policy key signed so; and that its epoch is not over.
 *
 * Private to measure/tpm/setup/tpm_secret.c: it needs the TSS headers.
 * Spec: TPM 2.0 Part 3, TPM2_VerifySignature, TPM2_PolicyPCR,
 * TPM2_PolicyAuthorize, TPM2_PolicyNV, TPM2_PolicyOR.
 */
#ifndef ASSAY_MEASURE_TPM_SETUP_TPM_APPROVAL_H
#define ASSAY_MEASURE_TPM_SETUP_TPM_APPROVAL_H

#include "measure/tpm/setup/approval.h"
#include "measure/tpm/setup/epoch_policy.h"
#include "measure/tpm/tpm_esys.h"

/*
 * Afterwards the policy session holds TPM2_PolicyAuthorize of the approvals'
 * key and use. `approval` is one of them.
 * Errors: TPM_POLICY_UNMET; TPM_FAILED also for a false signature; those of
 * policy_key_from() and policy_key_signature().
 */
int tpm_approval_show(struct tpm_esys *tpm, ESYS_TR session,
    const struct approvals *approvals, const struct approval *approval,
    struct err *err);

/*
 * Then, for a secret that goes with epochs: the counter has not passed this
 * one. Afterwards the session holds the policy of all epochs.
 * Errors: TPM_POLICY_UNMET (it has); those of tpm_esys_object().
 */
int tpm_approval_show_epoch(struct tpm_esys *tpm, ESYS_TR session,
    const struct tpm_object *counter, const struct epoch_policy_terms *terms,
    int64_t epoch, struct err *err);

#endif
