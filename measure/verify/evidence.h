/*
 * Evidence: what a host hands out to show what it booted and started. One JSON
 * object, assay.evidence/1, made by `assay attest` from what the TPM said.
 *
 * Decoding is strict and bounded, and believes nothing: whether it is true is
 * for measure/verify/evidence_verify.h.
 * Format: assay-evidence(5).
 */
#ifndef ASSAY_MEASURE_VERIFY_EVIDENCE_H
#define ASSAY_MEASURE_VERIFY_EVIDENCE_H

#include <jansson.h>

#include "base/bytes.h"
#include "base/err.h"
#include "measure/evidence_nonce.h"
#include "measure/pcr.h"

#define EVIDENCE_SCHEMA "assay.evidence/1"
#define EVIDENCE_NVS    4

/* Bytes of their own. */
struct evidence_part {
	uint8_t *ptr;
	size_t len;
};

struct evidence_nv {
	uint32_t index;
	struct evidence_part attest; /* TPMS_ATTEST of TPM2_NV_Certify */
	struct evidence_part signature;
};

struct evidence {
	uint8_t nonce[EVIDENCE_NONCE_MAX_BYTES];
	size_t nonce_len;
	struct digest context;          /* SHA-256 of it, or of nothing */
	struct evidence_part ak;        /* TPM2B_PUBLIC */
	struct evidence_part ek;        /* TPM2B_PUBLIC; empty if unknown */
	struct evidence_part ek_cert;   /* DER; empty if there is none */
	struct evidence_part attest;    /* TPMS_ATTEST of TPM2_Quote */
	struct evidence_part signature; /* TPMT_SIGNATURE */
	struct pcr_values pcrs;
	struct evidence_nv nv[EVIDENCE_NVS];
	size_t nv_count;
	struct evidence_part log;          /* of assayd */
	struct evidence_part firmware_log; /* empty if there is none */
};

struct bytes evidence_part_bytes(const struct evidence_part *part);

/*
 * Every member is required and no other is allowed. Fills *ret_evidence, which
 * evidence_done() empties. Errors: EVIDENCE_MALFORMED; those of json_parse()
 * and json_base64_in(); NO_MEMORY.
 */
int evidence_decode(struct bytes text, struct evidence *ret_evidence,
    struct err *err);

void evidence_done(struct evidence *evidence);

/* Returns owned; NULL if memory is short. */
json_t *evidence_encode(const struct evidence *evidence);

#endif
