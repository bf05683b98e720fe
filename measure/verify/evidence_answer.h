/*
 * Does what the TPM signed answer the question of this verifier? And if not,
 * which part of the question is another one?
 * Format: measure/evidence_nonce.h.
 */
#ifndef ASSAY_MEASURE_VERIFY_EVIDENCE_ANSWER_H
#define ASSAY_MEASURE_VERIFY_EVIDENCE_ANSWER_H

#include "measure/verify/evidence_verify.h"

/*
 * Of a quote or a certification whose signature is good.
 * Errors: EVIDENCE_NONCE_MISMATCH; EVIDENCE_CONTEXT_MISMATCH if the nonce is
 * right; NO_MEMORY.
 */
int evidence_answer_check(const struct tpm_attest *attest,
    const struct evidence *evidence, const struct evidence_reference *reference,
    struct err *err);

#endif
