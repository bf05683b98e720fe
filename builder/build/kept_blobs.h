/*
 * The blobs that a build child was given because an earlier one had checked
 * them: sealed memory by digest. The supervisor chooses which; here they wait
 * to be taken, each once, since a child builds one domain.
 *
 * An entry is a statement: this sealed memory has this digest. See
 * builder/supervisor/image_cache.h for who may make it.
 */
#ifndef ASSAY_BUILDER_BUILD_KEPT_BLOBS_H
#define ASSAY_BUILDER_BUILD_KEPT_BLOBS_H

#include "builder/build_link.h"

struct kept_blobs {
	struct digest digests[IMAGE_CACHE_BLOBS];
	struct sealed *sealed[IMAGE_CACHE_BLOBS]; /* owned; NULL: taken */
	size_t count;
};

/*
 * Takes `checked`; one too many is let go, and fetched when it is needed. Its
 * pages are mapped now, so that no build waits for the faults, unless it has
 * over 128 MiB.
 */
void kept_blobs_add(struct kept_blobs *kept, const struct digest *digest,
    struct sealed *checked);

/* Returns owned, or NULL. */
struct sealed *kept_blobs_take(struct kept_blobs *kept,
    const struct digest *digest);

#endif
