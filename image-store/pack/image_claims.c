#include "image-store/pack/image_claims.h"

#include <stdio.h>

#include "base/scope.h"
#include "image-store/payload.h"
#include "keys/dsse.h"

int
image_claims_read(struct bytes raw_envelope, struct manifest *ret_claimed,
    struct digest *ret_payload, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;

	TRY(dsse_decode(raw_envelope, &envelope, err));
	TRY(payload_decode(dsse_payload_type(envelope),
	    dsse_raw_payload(envelope), ret_claimed, err));
	if (ret_payload == NULL)
		return 0;
	return digest_of(dsse_raw_payload(envelope), ret_payload, err);
}

int
image_claims_payload(int store_fd, const struct layout_entry *entry,
    struct digest *ret_payload, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct digest found;

	TRY(layout_copy_blob_max(store_fd, &entry->envelope,
	    LIMIT_ENVELOPE_BYTES, "envelope", &raw, err));
	TRY(digest_of(sealed_bytes(raw), &found, err));
	if (!digest_equal(&found, &entry->envelope))
		return err_set(err, BLOB_DIGEST_MISMATCH,
		    "envelope: the stored one is not the one named");
	TRY(dsse_decode(sealed_bytes(raw), &envelope, err));
	return digest_of(dsse_raw_payload(envelope), ret_payload, err);
}

int
image_claims_describe(struct bytes data, struct blob *ret_blob, struct err *err)
{
	ret_blob->size_bytes = data.len;
	return digest_of(data, &ret_blob->digest, err);
}

void
image_claims_ref(const struct manifest *claimed, char ret_ref[IMAGE_REF_SIZE])
{
	snprintf(ret_ref, IMAGE_REF_SIZE, "%s:%s", claimed->name,
	    claimed->version);
}
