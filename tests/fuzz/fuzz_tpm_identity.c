/*
 * TPM identities: whatever decodes is the same after encoding and decoding.
 */
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "measure/tpm_identity.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(freep) char *text = NULL;
	struct tpm_identity one = {0};
	struct tpm_identity two = {0};
	struct err err;

	if (tpm_identity_decode(bytes_of(data, len), &one, &err) != 0)
		return 0;
	bug_unless(tpm_identity_encode(&one, &text, &err) == 0);
	bug_unless(tpm_identity_decode(bytes_of_str(text), &two, &err) == 0);
	bug_unless(memcmp(&one, &two, sizeof(one)) == 0);
	return 0;
}
