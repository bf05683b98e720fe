/*
 * Makes evidence of what assayd answers: the reply of Attest with the question
 * that it answers, and the log of GetEventLog, see assay-rpc(7).
 *
 * The reply is foreign. What is missing, too much or malformed is refused as
 * in evidence; whether any of it is true is for
 * measure/verify/evidence_verify.h. Also the register values as a file for
 * tpm2-tools.
 */
#ifndef ASSAY_MEASURE_VERIFY_EVIDENCE_ASSEMBLE_H
#define ASSAY_MEASURE_VERIFY_EVIDENCE_ASSEMBLE_H

#include "measure/verify/evidence.h"

/* What assayd was asked with. Borrowed. */
struct evidence_question {
	const char *nonce; /* hex */
	const struct digest *context;
};

/*
 * Borrows the reply. Of the log, which may have grown since, it takes as much
 * as there was at the moment of the quote (`log_bytes`); a shorter one is
 * refused. Fills *ret_evidence, which evidence_done() empties.
 * Errors: EVIDENCE_MALFORMED; those of json_base64_in(); NO_MEMORY.
 */
int evidence_assemble(json_t *reply, struct bytes log,
    const struct evidence_question *question, struct evidence *ret_evidence,
    struct err *err);

/*
 * The register values as tpm2_quote(1) writes them, for tpm2_checkquote(1): a
 * TPML_PCR_SELECTION and TPML_DIGESTs of at most 8 values, as structures of
 * tpm2-tss lie in memory on x86-64. (tpm2-tools 5.4 does not take all values of
 * a bank in its plain form.) Returns owned; NULL if memory is short.
 */
uint8_t *evidence_encode_pcrs(const struct pcr_values *values, size_t *ret_len);

#endif
