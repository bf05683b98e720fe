/*
 * DSSE envelopes: whatever decodes has a type, a payload and signatures within
 * their limits, and bytes to be signed.
 */
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"
#include "keys/dsse.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	CLEANUP(freep) uint8_t *pae = NULL;
	struct err err;
	size_t pae_len;

	if (dsse_decode(bytes_of(data, len), &envelope, &err) != 0)
		return 0;
	bug_unless(dsse_signature_count(envelope) > 0);
	bug_unless(dsse_signature_count(envelope) <= LIMIT_SIGNATURES);
	for (size_t i = 0; i < dsse_signature_count(envelope); i++)
		bug_unless(dsse_signature_at(envelope, i).sig.len <=
			   LIMIT_SIGNATURE_BYTES);
	bug_unless(dsse_pae(dsse_payload_type(envelope),
		       dsse_raw_payload(envelope), &pae, &pae_len, &err) == 0);
	bug_unless(pae_len > dsse_raw_payload(envelope).len);
	return 0;
}
