#include "measure/tpm/setup/tpm_templates.h"

#include <string.h>

/* TPM2_PolicySecret(endorsement hierarchy): EK Credential Profile, B.3. */
#define EK_POLICY                                                          \
	{                                                                  \
		.size = 32,                                                \
		.buffer = {0x83, 0x71, 0x97, 0x67, 0x44, 0x84, 0xb3, 0xf8, \
		    0x1a, 0x90, 0xcc, 0x8d, 0x46, 0xa5, 0xd7, 0x24, 0xfd,  \
		    0x52, 0xd7, 0x6e, 0x06, 0x52, 0x0b, 0x64, 0xf2, 0xa1,  \
		    0xda, 0x1b, 0x33, 0x14, 0x69, 0xaa},                   \
	}

#define AES_128_CFB                                            \
	{                                                      \
		.algorithm = TPM2_ALG_AES, .keyBits.aes = 128, \
		.mode.aes = TPM2_ALG_CFB,                      \
	}

#define POINT_OF_ZEROS                     \
	{                                  \
		.x.size = 32, .y.size = 32 \
	}

enum {
	OF_THIS_TPM = TPMA_OBJECT_FIXEDTPM | TPMA_OBJECT_FIXEDPARENT |
	              TPMA_OBJECT_SENSITIVEDATAORIGIN,
	EK_ATTRIBUTES = OF_THIS_TPM | TPMA_OBJECT_ADMINWITHPOLICY |
	                TPMA_OBJECT_RESTRICTED | TPMA_OBJECT_DECRYPT,
};

const TPM2B_PUBLIC tpm_template_salt = {
    .publicArea = {.type = TPM2_ALG_ECC,
	.nameAlg = TPM2_ALG_SHA256,
	.objectAttributes = OF_THIS_TPM | TPMA_OBJECT_USERWITHAUTH |
                            TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
                            TPMA_OBJECT_DECRYPT,
	.parameters.eccDetail = {.symmetric = AES_128_CFB,
	    .scheme.scheme = TPM2_ALG_NULL,
	    .curveID = TPM2_ECC_NIST_P256,
	    .kdf.scheme = TPM2_ALG_NULL},
	.unique.ecc = POINT_OF_ZEROS},
};

const TPM2B_PUBLIC tpm_template_ak = {
    .publicArea = {.type = TPM2_ALG_ECC,
	.nameAlg = TPM2_ALG_SHA256,
	.objectAttributes = OF_THIS_TPM | TPMA_OBJECT_USERWITHAUTH |
                            TPMA_OBJECT_NODA | TPMA_OBJECT_RESTRICTED |
                            TPMA_OBJECT_SIGN_ENCRYPT,
	.parameters.eccDetail = {.symmetric.algorithm = TPM2_ALG_NULL,
	    .scheme = {.scheme = TPM2_ALG_ECDSA,
		.details.ecdsa.hashAlg = TPM2_ALG_SHA256},
	    .curveID = TPM2_ECC_NIST_P256,
	    .kdf.scheme = TPM2_ALG_NULL},
	.unique.ecc = POINT_OF_ZEROS},
};

const TPM2B_PUBLIC tpm_template_ek_rsa = {
    .publicArea = {.type = TPM2_ALG_RSA,
	.nameAlg = TPM2_ALG_SHA256,
	.objectAttributes = EK_ATTRIBUTES,
	.authPolicy = EK_POLICY,
	.parameters.rsaDetail = {.symmetric = AES_128_CFB,
	    .scheme.scheme = TPM2_ALG_NULL,
	    .keyBits = 2048},
	.unique.rsa.size = 256},
};

const TPM2B_PUBLIC tpm_template_ek_ecc = {
    .publicArea = {.type = TPM2_ALG_ECC,
	.nameAlg = TPM2_ALG_SHA256,
	.objectAttributes = EK_ATTRIBUTES,
	.authPolicy = EK_POLICY,
	.parameters.eccDetail = {.symmetric = AES_128_CFB,
	    .scheme.scheme = TPM2_ALG_NULL,
	    .curveID = TPM2_ECC_NIST_P256,
	    .kdf.scheme = TPM2_ALG_NULL},
	.unique.ecc = POINT_OF_ZEROS},
};

TPMS_NV_PUBLIC
tpm_template_counter(TPM2_HANDLE handle)
{
	return (TPMS_NV_PUBLIC){.nvIndex = handle,
	    .nameAlg = TPM2_ALG_SHA256,
	    .attributes = TPM2_NT_COUNTER << TPMA_NV_TPM2_NT_SHIFT |
	                  TPMA_NV_AUTHWRITE | TPMA_NV_AUTHREAD |
	                  TPMA_NV_OWNERREAD | TPMA_NV_NO_DA,
	    .dataSize = sizeof(uint64_t)};
}

TPMS_NV_PUBLIC
tpm_template_log(TPM2_HANDLE handle, const struct digest *policy)
{
	TPMS_NV_PUBLIC index = {.nvIndex = handle,
	    .nameAlg = TPM2_ALG_SHA256,
	    .attributes = TPM2_NT_EXTEND << TPMA_NV_TPM2_NT_SHIFT |
	                  TPMA_NV_POLICYWRITE | TPMA_NV_AUTHREAD |
	                  TPMA_NV_OWNERREAD | TPMA_NV_NO_DA | TPMA_NV_ORDERLY |
	                  TPMA_NV_CLEAR_STCLEAR,
	    .authPolicy.size = DIGEST_BYTES,
	    .dataSize = DIGEST_BYTES};

	memcpy(index.authPolicy.buffer, policy->bytes, DIGEST_BYTES);
	return index;
}
