#include "image-store/pack/blob_check.h"

#include "base/scope.h"

int
blob_check(const struct blob *blob, const struct sealed *raw_bytes,
    const char *what, struct err *err)
{
	struct digest digest;

	TRY(blob_check_size(blob, raw_bytes, what, err));
	TRY(digest_of(sealed_bytes(raw_bytes), &digest, err));
	return blob_check_digest(blob, &digest, what, err);
}

int
checked_blob_new(const struct blob *blob, struct sealed *raw_bytes,
    const char *what, struct checked_blob **ret_checked, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *owned = raw_bytes;

	TRY(blob_check(blob, owned, what, err));
	return checked_blob_from_cache(blob, take_ptr(&owned), what,
	    ret_checked, err);
}
