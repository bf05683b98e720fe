/*
 * Sealed secrets and credentials: a secret that decodes is the same after
 * encoding and decoding.
 */
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "measure/tpm/setup/tpm_sealed.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(freep) char *text = NULL;
	TPM2B_ENCRYPTED_SECRET encrypted;
	TPM2B_ID_OBJECT blob;
	struct tpm_sealed one;
	struct tpm_sealed two;
	struct err err;

	(void)tpm_credential_decode(bytes_of(data, len), &blob, &encrypted,
	    &err);
	if (tpm_sealed_decode(bytes_of(data, len), &one, &err) != 0)
		return 0;
	bug_unless(tpm_sealed_encode(&one, &text, &err) == 0);
	bug_unless(tpm_sealed_decode(bytes_of_str(text), &two, &err) == 0);
	bug_unless(one.private.size == two.private.size &&
		   memcmp(one.private.buffer, two.private.buffer,
		       one.private.size) == 0);
	bug_unless(one.public.publicArea.type == two.public.publicArea.type);
	bug_unless(one.from_epoch == two.from_epoch &&
		   one.from_counter == two.from_counter);
	return 0;
}
