/*
 * Bytes as lower-case hex digits: what digests, names and nonces look like in
 * our files. Upper case is another spelling, and so refused.
 */
#ifndef ASSAY_BASE_HEX_H
#define ASSAY_BASE_HEX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/bytes.h"

/* `ret_hex` has room for 2 * data.len + 1. */
void hex_encode(struct bytes data, char *ret_hex);

/* Exactly 2 * len digits and the end; false, and nothing written, if not. */
bool hex_decode(const char *hex, size_t len, uint8_t *ret_bytes);

/* Of one digit; -1 if it is none. */
int hex_value(char digit);

#endif
