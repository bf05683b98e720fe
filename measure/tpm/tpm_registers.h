/*
 * All registers of a TPM at one moment: which banks there are, their values,
 * and whether a quote is over just these values.
 *
 * A set of banks has bit n for enum pcr_bank n.
 * Private to measure/tpm_*.c: it needs the TSS headers.
 */
#ifndef ASSAY_MEASURE_TPM_TPM_REGISTERS_H
#define ASSAY_MEASURE_TPM_TPM_REGISTERS_H

#include "measure/tpm/tpm_esys.h"

/* The banks that we know and the TPM keeps registers in; at least one.
 * Errors: TPM_FAILED; those of tpm_port.h. */
int tpm_registers_banks(struct tpm_esys *tpm, uint32_t *ret_banks,
    struct err *err);

/* All registers of these banks, in their order. */
void tpm_registers_select(uint32_t banks, TPML_PCR_SELECTION *selection);

/*
 * A command returns eight registers at most, and how often any changed; so it
 * reads again if one changed meanwhile, a few times.
 * Errors: TPM_FAILED; those of tpm_port.h.
 */
int tpm_registers_read(struct tpm_esys *tpm, uint32_t banks,
    struct pcr_values *ret_values, struct err *err);

/* Is what was quoted the digest of these values, in the order of selection? */
int tpm_registers_fit_quote(const TPM2B_ATTEST *attest,
    const struct pcr_values *values, bool *ret_fits, struct err *err);

#endif
