/*
 * Manifests, bare or in an in-toto statement: whatever decodes can be written,
 * and what was written decodes to the same value.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "image-store/manifest.h"
#include "image-store/payload.h"
#include "keys/dsse.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(freep) char *text = NULL;
	struct manifest manifest;
	struct manifest again;
	struct err err;

	if (manifest_decode(bytes_of(data, len), &manifest, &err) != 0 &&
	    payload_decode(DSSE_STATEMENT_PAYLOAD_TYPE, bytes_of(data, len),
		&manifest, &err) != 0)
		return 0;
	bug_unless(manifest_encode(&manifest, &text, &err) == 0);
	bug_unless(manifest_decode(bytes_of_str(text), &again, &err) == 0);
	bug_unless(strcmp(manifest.name, again.name) == 0);
	bug_unless(strcmp(manifest.cmdline, again.cmdline) == 0);
	bug_unless(digest_equal(&manifest.elf.digest, &again.elf.digest));
	return 0;
}
