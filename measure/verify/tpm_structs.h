/*
 * TPM structures that a verifier reads: attestations, signatures and public
 * areas. Bounded decoders of foreign big-endian bytes; nothing is guessed and
 * no byte may follow. No TPM is asked here.
 *
 * What is malformed is TPM_STRUCTURE_MALFORMED, with the structure and the
 * offset; an algorithm, curve or size that assay does not use is
 * TPM_ALGORITHM_UNSUPPORTED.
 * Spec: TPM 2.0 Part 2 "Structures": TPMS_ATTEST, TPMT_SIGNATURE,
 * TPM2B_PUBLIC; Part 1 "Names".
 */
#ifndef ASSAY_MEASURE_VERIFY_TPM_STRUCTS_H
#define ASSAY_MEASURE_VERIFY_TPM_STRUCTS_H

#include <openssl/evp.h>

#include "base/bytes.h"
#include "base/err.h"
#include "measure/pcr.h"
#include "measure/tpm_identity.h" /* struct tpm_name */

#define TPM_ST_ATTEST_NV    0x8014
#define TPM_ST_ATTEST_QUOTE 0x8018

/* TPMA_OBJECT */
#define TPM_OBJECT_FIXED_TPM    (1u << 1)
#define TPM_OBJECT_FIXED_PARENT (1u << 4)
#define TPM_OBJECT_ORIGIN       (1u << 5) /* sensitiveDataOrigin */
#define TPM_OBJECT_RESTRICTED   (1u << 16)
#define TPM_OBJECT_DECRYPT      (1u << 17)
#define TPM_OBJECT_SIGN         (1u << 18)

#define TPM_KEY_MAX_BYTES 512

/* Borrows the bytes that it was decoded from. */
struct tpm_attest {
	uint16_t type; /* TPM_ST_ATTEST_QUOTE or _NV */
	struct bytes qualified_signer;
	struct bytes extra_data;
	uint64_t clock_msec;
	uint32_t reset_count;
	uint32_t restart_count;
	bool is_clock_safe;
	uint64_t firmware_version;
	/* Of a quote: which registers, in which order of banks. */
	size_t bank_count;
	enum pcr_bank banks[PCR_BANKS];
	uint32_t selected[PCR_BANKS]; /* by bank: bit n is register n */
	struct bytes pcr_digest;
	/* Of an NV certification. */
	struct bytes nv_name;
	uint16_t nv_offset;
	struct bytes nv_contents;
};

enum tpm_scheme {
	TPM_ECDSA,
	TPM_RSASSA,
	TPM_RSAPSS,
};

/* Borrows the bytes that it was decoded from. */
struct tpm_signature {
	enum tpm_scheme scheme;
	enum pcr_bank hash;
	struct bytes r; /* the whole signature for RSA */
	struct bytes s; /* ECDSA only */
};

/* A public area. Borrows the bytes that it was decoded from. */
struct tpm_public {
	bool is_rsa;
	enum pcr_bank name_hash;
	uint32_t attributes; /* TPMA_OBJECT */
	struct bytes policy;
	unsigned symmetric_bits; /* AES in CFB mode, of storage keys; or 0 */
	bool has_scheme;
	enum tpm_scheme scheme;
	enum pcr_bank scheme_hash;
	unsigned bits;     /* of the modulus, or of the curve: 256, 384 */
	uint32_t exponent; /* RSA */
	struct bytes x;    /* the modulus for RSA */
	struct bytes y;
	struct bytes area; /* TPMT_PUBLIC, which the Name is over */
};

/*
 * TPMS_ATTEST of a quote or an NV certification, without a size before it. A
 * quote's banks must be those that assay knows, each once, with 24 registers.
 * Errors: EVIDENCE_NOT_A_QUOTE (magic: not made by a TPM; another type);
 * TPM_STRUCTURE_MALFORMED; TPM_ALGORITHM_UNSUPPORTED.
 */
int tpm_attest_decode(struct bytes raw, struct tpm_attest *ret_attest,
    struct err *err);

/* TPMT_SIGNATURE. Errors: those above. */
int tpm_signature_decode(struct bytes raw, struct tpm_signature *ret_signature,
    struct err *err);

/*
 * TPM2B_PUBLIC of an RSA or ECC key: RSA of 2048 to 4096 bits with exponent
 * 65537, P-256, P-384; scheme ECDSA, RSASSA, RSAPSS or none.
 * Errors: those above.
 */
int tpm_public_decode(struct bytes raw, struct tpm_public *ret_public,
    struct err *err);

/* nameAlg || H(TPMT_PUBLIC). Errors: TPM_ALGORITHM_UNSUPPORTED if that is not
 * SHA-256; NO_MEMORY. */
int tpm_public_name(const struct tpm_public *public, struct tpm_name *ret_name,
    struct err *err);

/*
 * The key for libcrypto. Returns owned.
 * Errors: TPM_STRUCTURE_MALFORMED for a point off the curve; NO_MEMORY.
 */
int tpm_public_key(const struct tpm_public *public, EVP_PKEY **ret_key,
    struct err *err);
void tpm_key_freep(EVP_PKEY **key);

/*
 * Does the key accept the signature over the message, with the scheme that the
 * key demands? False for anything else.
 */
bool tpm_public_accepts(const struct tpm_public *public, struct bytes message,
    const struct tpm_signature *signature);

#endif
