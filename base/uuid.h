/*
 * UUIDs as 16 bytes and as text, as Xen and xl write them:
 * "6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d11".
 */
#ifndef ASSAY_BASE_UUID_H
#define ASSAY_BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UUID_BYTES     16
#define UUID_TEXT_SIZE 37 /* with NUL */

void uuid_text(const uint8_t uuid[UUID_BYTES], char ret_text[UUID_TEXT_SIZE]);

/* Before this byte of the text. */
bool uuid_has_dash_before(size_t byte);

#endif
