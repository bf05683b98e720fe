/*
 * What a quote and an NV certification sign besides the TPM's own values: the
 * verifier's nonce, bound to the purpose and to a context such as the key of
 * the channel over which the evidence was asked for.
 *
 *	SHA-256("assay-evidence/1" || nonce || SHA-256(context))
 *
 * It goes into TPMS_ATTEST.extraData of both.
 */
#ifndef ASSAY_MEASURE_EVIDENCE_NONCE_H
#define ASSAY_MEASURE_EVIDENCE_NONCE_H

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"

#define EVIDENCE_NONCE_MIN_BYTES 16
#define EVIDENCE_NONCE_MAX_BYTES 64
#define EVIDENCE_NONCE_HEX_SIZE  (2 * EVIDENCE_NONCE_MAX_BYTES + 1)

/* SHA-256 of no bytes: what evidence is bound to that has no context. */
extern const struct digest evidence_no_context;

/*
 * An even number of lower-case hex digits, 16 to 64 bytes. False, and outputs
 * untouched, for anything else.
 */
bool evidence_nonce_from_hex(const char *hex,
    uint8_t ret_nonce[EVIDENCE_NONCE_MAX_BYTES], size_t *ret_len);

/* `context` is the SHA-256 of the context. Errors: NO_MEMORY. */
int evidence_nonce_bind(struct bytes nonce, const struct digest *context,
    struct digest *ret_extra_data, struct err *err);

#endif
