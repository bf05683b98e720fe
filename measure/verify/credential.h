/*
 * A credential that only one TPM can open: TPM2_MakeCredential in software.
 *
 * A secret is encrypted to an endorsement key together with the Name of an
 * attestation key. The TPM gives the secret back only if it holds both keys,
 * and the attestation key has just that public area. So whoever answers with
 * the secret has shown that the attestation key lives in the TPM that the
 * endorsement key belongs to.
 * Spec: TPM 2.0 Part 1, "Credential Protection", Annex B.10 (RSA) and C.6
 * (ECC), KDFa and KDFe; the file is that of tpm2_makecredential(1).
 */
#ifndef ASSAY_MEASURE_VERIFY_CREDENTIAL_H
#define ASSAY_MEASURE_VERIFY_CREDENTIAL_H

#include "measure/verify/tpm_structs.h"

#define CREDENTIAL_SECRET_BYTES 32
#define CREDENTIAL_MAX_BYTES    1024 /* of the file */

/* An endorsement key, as far as a credential needs it. */
struct credential_key {
	EVP_PKEY *key;
	enum pcr_bank name_hash;
	unsigned symmetric_bits;
};

/*
 * From a public area. It must be a restricted decryption key.
 * Errors: TPM_ALGORITHM_UNSUPPORTED; those of tpm_public_key().
 */
int credential_key_of_public(const struct tpm_public *public,
    struct credential_key *ret_key, struct err *err);

/*
 * From a certificate's key, with the rest as the default templates have it:
 * RSA 2048 or P-256, SHA-256, AES-128 (TCG EK Credential Profile, L-1, L-2).
 * Takes `key`. Errors: TPM_ALGORITHM_UNSUPPORTED.
 */
int credential_key_of_certificate(EVP_PKEY *key, struct credential_key *ret_key,
    struct err *err);

void credential_key_done(struct credential_key *key);

/*
 * Make the file for the host. `ret_file` holds CREDENTIAL_MAX_BYTES.
 * Errors: SYSTEM_FAILED if libcrypto fails.
 */
int credential_make(const struct credential_key *ek,
    const struct tpm_name *ak_name,
    const uint8_t secret[CREDENTIAL_SECRET_BYTES], uint8_t *ret_file,
    size_t *ret_len, struct err *err);

/* In constant time. Errors: CREDENTIAL_WRONG. */
int credential_check_answer(const uint8_t secret[CREDENTIAL_SECRET_BYTES],
    struct bytes answer, struct err *err);

#endif
