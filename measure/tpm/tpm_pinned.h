/*
 * The commands behind measure/tpm/tpm_port_esys.c, on a TPM whose keys and
 * indices were found by their pinned names. Each is as in measure/tpm_port.h
 * says of its function there.
 *
 * Private to measure/tpm_*.c: it needs the TSS headers.
 */
#ifndef ASSAY_MEASURE_TPM_TPM_PINNED_H
#define ASSAY_MEASURE_TPM_TPM_PINNED_H

#include "measure/tpm/tpm_esys.h"

struct tpm_pinned {
	struct tpm_esys *tpm;
	bool has_identity;
	bool has_log;
	uint32_t banks; /* bit n: the TPM has it */
	ESYS_TR ak;
	ESYS_TR ek;
	ESYS_TR counter;
	ESYS_TR log;
	ESYS_TR launch; /* the policy session for the log index, once open */
};

int tpm_pinned_pcr_extend(struct tpm_pinned *pinned, unsigned int pcr,
    const struct pcr_digests *digests, struct err *err);
int tpm_pinned_log_extend(struct tpm_pinned *pinned, const struct digest *data,
    struct err *err);
int tpm_pinned_log_read(struct tpm_pinned *pinned, struct pcr_digest *ret_value,
    struct err *err);
int tpm_pinned_counter_read(struct tpm_pinned *pinned, uint64_t *ret_value,
    struct err *err);
int tpm_pinned_counter_increment(struct tpm_pinned *pinned, struct err *err);
int tpm_pinned_quote(struct tpm_pinned *pinned, const struct digest *extra,
    struct tpm_quote *ret_quote, struct err *err);
int tpm_pinned_log_certify(struct tpm_pinned *pinned,
    const struct digest *extra, struct tpm_attestation *ret_attestation,
    struct err *err);
int tpm_pinned_public_read(struct tpm_pinned *pinned, enum tpm_key key,
    struct tpm_blob *ret_public, struct err *err);
int tpm_pinned_ek_certificate_read(struct tpm_pinned *pinned,
    struct tpm_blob *ret_certificate, struct err *err);

#endif
