/*
 * One PEM block and nothing else: the strict text of RFC 7468.
 *
 * Stricter than libcrypto's reader on purpose. A file that shows one key to a
 * person and another to a program is refused: no text around the block, no
 * second block, no headers inside it (and so no encrypted block, and never a
 * question for a passphrase). White space after the block is allowed.
 *
 * Not done: looking into the DER.
 */
#ifndef ASSAY_KEYS_PEM_H
#define ASSAY_KEYS_PEM_H

#include "base/bytes.h"
#include "base/err.h"

struct pem_block {
	const char *label; /* one of the labels that were asked for; borrowed */
	uint8_t *der;
	size_t len;
};

/*
 * Read the block, whose label must be in `labels` (NULL-terminated).
 * pem_block_done() wipes and frees what *ret_block owns.
 * Errors: BYTES_TRAILING after the block; KEY_MALFORMED; NO_MEMORY.
 */
int pem_decode(struct bytes text, const char *const *labels,
    struct pem_block *ret_block, struct err *err);

void pem_block_done(struct pem_block *block);

#endif
