/*
 * in-toto statements: as an image's payload, whose predicate is a manifest.
 */
#include "image-store/payload.h"
#include "keys/dsse.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct manifest manifest;
	struct err err;

	(void)payload_decode(DSSE_STATEMENT_PAYLOAD_TYPE, bytes_of(data, len),
	    &manifest, &err);
	return 0;
}
