/*
 * Platform configuration registers as plain values: banks, digests in every
 * bank, and the extend operation. No TPM is asked here.
 *
 * Spec: TPM 2.0 Part 1, "PCR Operations"; algorithm ids from the TCG
 * Algorithm Registry.
 */
#ifndef ASSAY_MEASURE_PCR_H
#define ASSAY_MEASURE_PCR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define PCR_COUNT     24
#define PCR_MAX_BYTES 48 /* of the largest bank */
#define PCR_HEX_SIZE  (2 * PCR_MAX_BYTES + 1)

/* The banks that assay knows, in the order in which it writes them. */
enum pcr_bank { PCR_SHA256, PCR_SHA384, PCR_BANKS };

/* The first pcr_bank_bytes() of it count; the rest is zero. */
struct pcr_digest {
	uint8_t bytes[PCR_MAX_BYTES];
};

/* One thing that was measured, as each bank sees it. */
struct pcr_digests {
	struct pcr_digest bank[PCR_BANKS];
};

/* What is known of a TPM's registers. */
struct pcr_values {
	uint32_t known[PCR_BANKS]; /* bit n: value[bank][n] is set */
	struct pcr_digest value[PCR_BANKS][PCR_COUNT];
};

size_t pcr_bank_bytes(enum pcr_bank bank);       /* 32 or 48 */
const char *pcr_bank_name(enum pcr_bank bank);   /* "sha256" */
uint16_t pcr_bank_algorithm(enum pcr_bank bank); /* TPM_ALG_ID, 0x000b */
bool pcr_bank_from_name(const char *name, enum pcr_bank *ret_bank);
bool pcr_bank_from_algorithm(uint16_t algorithm, enum pcr_bank *ret_bank);

/* Hash `data` with one bank's algorithm. Errors: NO_MEMORY. */
int pcr_digest_of(enum pcr_bank bank, struct bytes data,
    struct pcr_digest *ret_digest, struct err *err);

/* Hash `data` with every bank's algorithm. Errors: NO_MEMORY. */
int pcr_digests_of(struct bytes data, struct pcr_digests *ret_digests,
    struct err *err);

/* value = H(value || digest). Errors: NO_MEMORY. */
int pcr_extend(enum pcr_bank bank, const struct pcr_digest *digest,
    struct pcr_digest *value, struct err *err);

bool pcr_digest_equal(enum pcr_bank bank, const struct pcr_digest *a,
    const struct pcr_digest *b);

/* All bytes are 0x00, or all are 0xff: nothing was ever measured. */
bool pcr_digest_is_blank(enum pcr_bank bank, const struct pcr_digest *digest);

void pcr_digest_hex(enum pcr_bank bank, const struct pcr_digest *digest,
    char ret_hex[static PCR_HEX_SIZE]);

/* True only for exactly as many lower-case hex digits as the bank has. */
bool pcr_digest_from_hex(enum pcr_bank bank, const char *hex,
    struct pcr_digest *ret_digest);

#endif
