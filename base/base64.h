/*
 * Strict base64 (RFC 4648 §4 and §5), as FORMATS "strict profile" demands:
 * one alphabet in the whole string (standard or URL-safe), length a multiple
 * of four with '=' padding, unused bits zero, no white space.
 */
#ifndef ASSAY_BASE_BASE64_H
#define ASSAY_BASE_BASE64_H

#include <stdbool.h>

#include "base/bytes.h"

/*
 * Returns owned: *ret_data is malloc'd (NULL for an empty string).
 * False, and outputs untouched, if a rule is broken or memory is short;
 * *ret_why then names the rule.
 */
bool base64_decode(const char *text, uint8_t **ret_data, size_t *ret_len,
    const char **ret_why);

/* Standard alphabet, padded. Returns owned; NULL if memory is short. */
char *base64_encode(struct bytes data);

#endif
