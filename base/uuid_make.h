/*
 * Making a UUID: from text, or of random numbers.
 */
#ifndef ASSAY_BASE_UUID_MAKE_H
#define ASSAY_BASE_UUID_MAKE_H

#include "base/err.h"
#include "base/uuid.h"

/* True only for 36 characters in lower case; the zero uuid is refused. */
bool uuid_from_text(const char *text, uint8_t ret_uuid[UUID_BYTES]);

/* A random one (RFC 9562 version 4). Errors: SYSTEM_FAILED. */
int uuid_random(uint8_t ret_uuid[UUID_BYTES], struct err *err);

#endif
