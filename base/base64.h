/*
 * Strict base64 (RFC 4648 §4 and §5), as FORMATS "strict profile" demands:
 * one alphabet in the whole string (standard or URL-safe), length a multiple
 * of four with '=' padding, unused bits zero, no white space.
 */
#ifndef ASSAY_BASE_BASE64_H
#define ASSAY_BASE_BASE64_H

#include "base/bytes.h"
#include "base/err.h"

/*
 * Returns owned: *ret_data is malloc'd (NULL for an empty string).
 * Errors: BASE64_WHITESPACE; BASE64_ALPHABETS_MIXED; `code`, the one of the
 * format that the string belongs to, for any other rule; NO_MEMORY.
 */
int base64_decode(struct bytes text, enum err_code code, uint8_t **ret_data,
    size_t *ret_len, struct err *err);

/* Standard alphabet, padded. Returns owned; NULL if memory is short. */
char *base64_encode(struct bytes data);

#endif
