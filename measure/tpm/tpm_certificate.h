/*
 * The certificate that the maker of a TPM stored in it for its EK.
 *
 * Private to measure/tpm_*.c: it needs the TSS headers.
 * Spec: TCG EK Credential Profile, 2.2.1.4 and 2.2.1.5, the NV indices.
 */
#ifndef ASSAY_MEASURE_TPM_TPM_CERTIFICATE_H
#define ASSAY_MEASURE_TPM_TPM_CERTIFICATE_H

#include "measure/tpm/tpm_esys.h"

/* The one for an EK of this type, without the padding that some makers put
 * after it; empty if there is none.
 * Errors: TPM_FAILED (too long, or a short answer); those of tpm_port.h. */
int tpm_certificate_read(struct tpm_esys *tpm, TPMI_ALG_PUBLIC ek_type,
    struct tpm_blob *ret_blob, struct err *err);

#endif
