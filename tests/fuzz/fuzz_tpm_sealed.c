/*
 * Sealed secrets and credentials: a secret that decodes is the same after
 * encoding and decoding.
 */
#include <string.h>

#include "base/log.h"
#include "base/scope.h"
#include "measure/tpm_sealed.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(freep) char *text = NULL;
	TPM2B_ENCRYPTED_SECRET encrypted;
	TPM2B_ID_OBJECT blob;
	TPM2B_PRIVATE privates[2];
	TPM2B_PUBLIC publics[2];
	struct err err;

	(void)tpm_credential_decode(bytes_of(data, len), &blob, &encrypted,
	    &err);
	if (tpm_sealed_decode(bytes_of(data, len), &publics[0], &privates[0],
		&err) != 0)
		return 0;
	bug_unless(
	    tpm_sealed_encode(&publics[0], &privates[0], &text, &err) == 0);
	bug_unless(tpm_sealed_decode(bytes_of_str(text), &publics[1],
		       &privates[1], &err) == 0);
	bug_unless(privates[0].size == privates[1].size &&
		   memcmp(privates[0].buffer, privates[1].buffer,
		       privates[0].size) == 0);
	bug_unless(publics[0].publicArea.type == publics[1].publicArea.type);
	return 0;
}
