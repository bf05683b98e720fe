/*
 * Makes evidence of the parts that a host gives: the reply to one call, with
 * the nonce that was asked with.
 *
 *	{"quote":{"attest","sig"},"pcrs":{"sha256":{"0":"<hex>",...},...},
 *	 "ak":"<TPM2B_PUBLIC>","ek":"<TPM2B_PUBLIC>"|null,
 *	 "ek_cert":"<DER>"|null,"nv":[{"index","attest","sig"}],
 *	 "log":"<log>","uefi_log":"<log>"|null}
 *
 * with bytes as base64. What is missing, too much or malformed is refused as in
 * evidence. Also the same evidence as files for tpm2-tools.
 */
#ifndef ASSAY_MEASURE_EVIDENCE_ASSEMBLE_H
#define ASSAY_MEASURE_EVIDENCE_ASSEMBLE_H

#include "measure/evidence.h"

/*
 * Borrows the reply. Fills *ret_evidence, which evidence_done() empties.
 * Errors: EVIDENCE_MALFORMED; NO_MEMORY.
 */
int evidence_assemble(json_t *reply, const char *nonce_hex,
    struct evidence *ret_evidence, struct err *err);

/*
 * The register values as tpm2_quote(1) writes them, for tpm2_checkquote(1): a
 * TPML_PCR_SELECTION and TPML_DIGESTs of at most 8 values, as structures of
 * tpm2-tss lie in memory on x86-64. (tpm2-tools 5.4 does not take all values of
 * a bank in its plain form.) Returns owned; NULL if memory is short.
 */
uint8_t *evidence_encode_pcrs(const struct pcr_values *values, size_t *ret_len);

#endif
