/*
 * Blobs that were checked before, by digest: sealed memory that the supervisor
 * holds and every build child gets.
 *
 * An entry is a statement: this sealed memfd has this digest. Only a build
 * child that hashed it may make the statement (see checked_blob_new()), so that
 * a second build of an image neither reads, unpacks nor hashes its blobs
 * again. Bounded in number and bytes; the least recently used go first.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_IMAGE_CACHE_H
#define ASSAY_BUILDER_SUPERVISOR_IMAGE_CACHE_H

#include "base/digest.h"
#include "base/sealed.h"
#include "builder/build_link.h"

struct image_cache_entry {
	struct digest digest;
	struct sealed *sealed; /* NULL: free */
	uint64_t last_used;
};

struct image_cache {
	struct image_cache_entry entries[IMAGE_CACHE_BLOBS];
	uint64_t uses;
	size_t bytes;
	size_t less_bytes; /* of IMAGE_CACHE_BYTES */
};

/* On a host with so much memory: a quarter of it, if that is less. */
void image_cache_limit(struct image_cache *cache, uint64_t host_bytes);

/* Borrowed, or NULL. */
const struct sealed *image_cache_find(struct image_cache *cache,
    const struct digest *digest);

/* Takes `checked`. Too large a blob, or one that is there, is let go. */
void image_cache_add(struct image_cache *cache, const struct digest *digest,
    struct sealed *checked);

void image_cache_done(struct image_cache *cache);

#endif
