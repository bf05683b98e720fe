/*
 * The files that hold something for one TPM: a sealed secret and a credential,
 * see measure/tpm/setup/tpm_secret.h for both formats. They are foreign.
 *
 * Not done: whether they are for this TPM, which only the TPM can tell.
 * Private to measure/tpm/setup/tpm_secret.c and tests: it needs the TSS
 * headers.
 */
#ifndef ASSAY_MEASURE_TPM_SETUP_TPM_SEALED_H
#define ASSAY_MEASURE_TPM_SETUP_TPM_SEALED_H

#include <tss2/tss2_tpm2_types.h>

#include "base/bytes.h"
#include "base/err.h"

struct tpm_sealed {
	TPM2B_PUBLIC public;
	TPM2B_PRIVATE private;
	/* As in measure/tpm/setup/epoch_policy.h; 0: it goes with no epoch. */
	int64_t from_epoch;
	int64_t from_counter;
};

/* Returns owned text. Errors: TPM_FAILED, NO_MEMORY. */
int tpm_sealed_encode(const struct tpm_sealed *sealed, char **ret_text,
    struct err *err);

/* Errors: SECRET_MALFORMED; those of json_parse() and base64_decode(). */
int tpm_sealed_decode(struct bytes text, struct tpm_sealed *ret_sealed,
    struct err *err);

/* Errors: SECRET_MALFORMED. */
int tpm_credential_decode(struct bytes credential, TPM2B_ID_OBJECT *ret_blob,
    TPM2B_ENCRYPTED_SECRET *ret_secret, struct err *err);

#endif
