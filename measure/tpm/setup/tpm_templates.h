/*
 * The public areas of the keys and NV indices that provisioning makes: what
 * they are and may do, as plain tables. A key from such a template is the same
 * each time a TPM makes it, so a second run can check what the first one did.
 *
 * Private to measure/tpm_*.c: it needs the TSS headers.
 * Spec: TCG EK Credential Profile, templates L-1 and L-2; TCG TPM 2.0
 * Provisioning Guidance, SRK; TPM 2.0 Part 2, TPMA_OBJECT and TPMA_NV.
 */
#ifndef ASSAY_MEASURE_TPM_SETUP_TPM_TEMPLATES_H
#define ASSAY_MEASURE_TPM_SETUP_TPM_TEMPLATES_H

#include <tss2/tss2_tpm2_types.h>

#include "base/digest.h"

/* Parent of sealed data and salt of sessions: ECC P-256, decrypts only what
 * the TPM itself made. */
extern const TPM2B_PUBLIC tpm_template_salt;

/* Signs what the TPM itself made: ECDSA P-256 with SHA-256. */
extern const TPM2B_PUBLIC tpm_template_ak;

extern const TPM2B_PUBLIC tpm_template_ek_rsa;
extern const TPM2B_PUBLIC tpm_template_ek_ecc;

/* Only goes up. Whoever may use the TPM can count: that shuts stores out, and
 * lets no old one in. */
TPMS_NV_PUBLIC tpm_template_counter(TPM2_HANDLE handle);

/* Extended under `policy` only; zero again after each reset of the TPM. */
TPMS_NV_PUBLIC tpm_template_log(TPM2_HANDLE handle,
    const struct digest *policy);

#endif
