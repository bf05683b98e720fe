#include "keys/sign/dsse_signer.h"

#include <string.h>

#include "base/scope.h"

static int find_signature(const struct dsse_envelope *envelope,
    const struct public_key *key, struct err *err);

int
dsse_open_signed(struct bytes raw, const char *payload_type,
    const struct public_key *key, struct dsse_envelope **ret_envelope,
    struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;

	TRY(dsse_decode(raw, &envelope, err));
	TRY(find_signature(envelope, key, err));
	if (strcmp(dsse_payload_type(envelope), payload_type) != 0)
		return err_set(err, PAYLOAD_TYPE_UNKNOWN,
		    "it is \"%s\", not \"%s\"",
		    err_quote_str(dsse_payload_type(envelope)).text,
		    payload_type);
	*ret_envelope = take_ptr(&envelope);
	return 0;
}

static int
find_signature(const struct dsse_envelope *envelope,
    const struct public_key *key, struct err *err)
{
	CLEANUP(freep) uint8_t *pae = NULL;
	size_t len;

	TRY(dsse_pae(dsse_payload_type(envelope), dsse_raw_payload(envelope),
	    &pae, &len, err));
	for (size_t i = 0; i < dsse_signature_count(envelope); i++)
		if (public_key_accepts(key, bytes_of(pae, len),
			dsse_signature_at(envelope, i).sig))
			return 0;
	return err_set(err, SIGNER_OTHER, "none of %zu signatures is by it",
	    dsse_signature_count(envelope));
}
