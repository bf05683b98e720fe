/*
 * UUIDs as 16 bytes and as text, as Xen and xl write them:
 * "6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d11".
 */
#ifndef ASSAY_BASE_UUID_H
#define ASSAY_BASE_UUID_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define UUID_BYTES     16
#define UUID_TEXT_SIZE 37 /* with NUL */

void uuid_text(const uint8_t uuid[UUID_BYTES], char ret_text[UUID_TEXT_SIZE]);

/* True only for 36 characters in lower case; the zero uuid is refused. */
bool uuid_from_text(const char *text, uint8_t ret_uuid[UUID_BYTES]);

/* A random one (RFC 9562 version 4). Errors: SYSTEM_FAILED. */
int uuid_random(uint8_t ret_uuid[UUID_BYTES], struct err *err);

#endif
