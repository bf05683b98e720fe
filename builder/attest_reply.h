/*
 * What assayd gives to whoever asks for evidence: one record, handed from the
 * tpm role to the front in sealed memory.
 */
#ifndef ASSAY_BUILDER_ATTEST_REPLY_H
#define ASSAY_BUILDER_ATTEST_REPLY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/digest.h"
#include "measure/evidence_nonce.h"
#include "measure/tpm_identity.h"
#include "measure/tpm_port.h"

/* The caller's fresh bytes, and what they are for. */
struct attest_request {
	uint32_t nonce_len;
	uint8_t nonce[EVIDENCE_NONCE_MAX_BYTES];
	struct digest context; /* or evidence_no_context */
};

struct attest_reply {
	struct tpm_quote quote;
	bool has_log_index;
	struct tpm_object log_index;
	struct tpm_attestation log_index_attestation;
	struct tpm_blob ak; /* TPMT_PUBLIC */
	struct tpm_blob ek;
	struct tpm_blob ek_certificate; /* DER, or empty */
	uint64_t log_bytes;             /* the log had then */
};

/* A piece of the log: so many bytes at most. */
#define ATTEST_LOG_BYTES ((size_t)96 << 10)

#endif
