/*
 * TPM policies as digests, computed without a TPM: what a session holds after
 * these commands, and so what an object that is bound to them has in it.
 *
 * A policy begins as POLICY_DIGEST_START; each step goes into it:
 *
 *	struct digest policy = POLICY_DIGEST_START;
 *
 *	TRY(policy_digest_pcr(&selection, &policy, err));
 *	TRY(policy_digest_command(POLICY_COMMAND_NV_EXTEND, &policy, err));
 *
 * All with SHA-256, as all objects of assay have it as their name algorithm.
 * Spec: TPM 2.0 Part 3, TPM2_PolicyPCR, TPM2_PolicyCommandCode,
 * TPM2_PolicyAuthorize, TPM2_PolicyNV, TPM2_PolicyOR.
 */
#ifndef ASSAY_MEASURE_TPM_SETUP_POLICY_DIGEST_H
#define ASSAY_MEASURE_TPM_SETUP_POLICY_DIGEST_H

#include "base/digest.h"
#include "measure/pcr.h"
#include "measure/tpm_identity.h"

#define POLICY_DIGEST_START ((struct digest){{0}})

#define POLICY_COMMAND_NV_EXTEND 0x00000136u /* TPM_CC */

enum { POLICY_OR_MIN = 2, POLICY_OR_MAX = 8 };

/*
 * TPM2_PolicyPCR over all registers that `values` knows: banks in their order,
 * registers in theirs. A bank of which nothing is known is not selected.
 * All functions: Errors: NO_MEMORY; *policy is untouched then.
 */
int policy_digest_pcr(const struct pcr_values *values, struct digest *policy,
    struct err *err);

/* TPM2_PolicyCommandCode. */
int policy_digest_command(uint32_t command, struct digest *policy,
    struct err *err);

/* TPM2_PolicyAuthorize: replaces what was there. `ref` may be empty. */
int policy_digest_authorize(const struct tpm_name *key, struct bytes ref,
    struct digest *policy, struct err *err);

/*
 * TPM2_PolicyNV: a counter holds `value` or less. By the counter's Name, so
 * that another index at its handle is not it.
 */
int policy_digest_counter(const struct tpm_name *counter, uint64_t value,
    struct digest *policy, struct err *err);

/* TPM2_PolicyOR of POLICY_OR_MIN to POLICY_OR_MAX: replaces what was there. */
int policy_digest_or(const struct digest *branches, size_t count,
    struct digest *policy, struct err *err);

#endif
