/*
 * TPM structures: attestations, signatures, public areas, and keys of those.
 */
#include "base/scope.h"
#include "measure/verify/endorsement.h"
#include "tests/fuzz/fuzz.h"

static void
check_public(struct bytes raw)
{
	CLEANUP(tpm_key_freep) EVP_PKEY *key = NULL;
	struct tpm_public public;
	struct tpm_name name;
	struct err err;

	if (tpm_public_decode(raw, &public, &err) != 0)
		return;
	tpm_public_name(&public, &name, &err);
	tpm_public_key(&public, &key, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const struct endorsement_cas cas = {.count = 0};
	struct endorsement endorsement = {.is_certified = false};
	struct bytes raw = bytes_of(data, len);
	struct tpm_signature signature;
	struct tpm_attest attest;
	struct err err;

	tpm_attest_decode(raw, &attest, &err);
	tpm_signature_decode(raw, &signature, &err);
	check_public(raw);
	if (endorsement_read(raw, &cas, &endorsement, &err) == 0)
		endorsement_done(&endorsement);
	return 0;
}
