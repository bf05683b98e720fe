/*
 * SHA-256 digests and their text form "sha256:<64 lower-case hex digits>".
 */
#ifndef ASSAY_BASE_DIGEST_H
#define ASSAY_BASE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define DIGEST_BYTES     32
#define DIGEST_HEX_SIZE  65 /* with NUL */
#define DIGEST_TEXT_SIZE 72 /* "sha256:" and hex and NUL */

struct digest {
	uint8_t bytes[DIGEST_BYTES];
};

/* Errors: NO_MEMORY when libcrypto cannot allocate. */
int digest_of(struct bytes data, struct digest *ret_digest, struct err *err);

/* The same piece by piece: hasher_new, hasher_add, hasher_end. */
struct hasher;

int hasher_new(struct hasher **ret_hasher, struct err *err);
int hasher_add(struct hasher *hasher, struct bytes data, struct err *err);
/* Once; then it can only be freed. */
int hasher_end(struct hasher *hasher, struct digest *ret_digest,
    struct err *err);
void hasher_freep(struct hasher **hasher);

bool digest_equal(const struct digest *a, const struct digest *b);

void digest_hex(const struct digest *digest, char ret_hex[DIGEST_HEX_SIZE]);
void digest_text(const struct digest *digest, char ret_text[DIGEST_TEXT_SIZE]);

/* True only for exactly 64 lower-case hex digits. */
bool digest_from_hex(const char *hex, struct digest *ret_digest);

/* True only for "sha256:" and exactly 64 lower-case hex digits. */
bool digest_from_text(const char *text, struct digest *ret_digest);

#endif
