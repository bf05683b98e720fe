#include "builder/build/kept_blobs.h"

#include "base/limits.h"
#include "base/scope.h"

/* Larger blobs are rare, and their faults spread over a longer build. */
#define TOUCH_BYTES_MAX LIMIT_MIB(128)

void
kept_blobs_add(struct kept_blobs *kept, const struct digest *digest,
    struct sealed *checked)
{
	CLEANUP(sealed_freep) struct sealed *owned = checked;

	if (kept->count == IMAGE_CACHE_BLOBS)
		return;
	if (sealed_bytes(checked).len <= TOUCH_BYTES_MAX)
		sealed_touch(checked);
	kept->digests[kept->count] = *digest;
	kept->sealed[kept->count++] = take_ptr(&owned);
}

struct sealed *
kept_blobs_take(struct kept_blobs *kept, const struct digest *digest)
{
	for (size_t i = 0; i < kept->count; i++) {
		if (kept->sealed[i] != NULL &&
		    digest_equal(&kept->digests[i], digest))
			return take_ptr(&kept->sealed[i]);
	}
	return NULL;
}
