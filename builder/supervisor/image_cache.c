#include "builder/supervisor/image_cache.h"

#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"

static size_t limit_of(const struct image_cache *cache);
static struct image_cache_entry *find(struct image_cache *cache,
    const struct digest *digest);
static struct image_cache_entry *make_room(struct image_cache *cache,
    size_t bytes);
static struct image_cache_entry *find_free(struct image_cache *cache);
static void evict_oldest(struct image_cache *cache);

void
image_cache_limit(struct image_cache *cache, uint64_t host_bytes)
{
	if (host_bytes / 4 < IMAGE_CACHE_BYTES)
		cache->less_bytes =
		    IMAGE_CACHE_BYTES - (size_t)(host_bytes / 4);
}

const struct sealed *
image_cache_find(struct image_cache *cache, const struct digest *digest)
{
	struct image_cache_entry *entry = find(cache, digest);

	if (entry == NULL)
		return NULL;
	entry->last_used = ++cache->uses;
	return entry->sealed;
}

void
image_cache_add(struct image_cache *cache, const struct digest *digest,
    struct sealed *checked)
{
	CLEANUP(sealed_freep) struct sealed *owned = checked;
	struct image_cache_entry *entry;

	if (find(cache, digest) != NULL ||
	    sealed_bytes(checked).len > limit_of(cache))
		return;
	entry = make_room(cache, sealed_bytes(checked).len);
	*entry = (struct image_cache_entry){
	    .digest = *digest,
	    .sealed = take_ptr(&owned),
	    .last_used = ++cache->uses,
	};
	cache->bytes += sealed_bytes(checked).len;
}

void
image_cache_done(struct image_cache *cache)
{
	for (size_t i = 0; i < IMAGE_CACHE_BLOBS; i++)
		sealed_freep(&cache->entries[i].sealed);
	cache->bytes = 0;
}

static size_t
limit_of(const struct image_cache *cache)
{
	return IMAGE_CACHE_BYTES - cache->less_bytes;
}

static struct image_cache_entry *
find(struct image_cache *cache, const struct digest *digest)
{
	for (size_t i = 0; i < IMAGE_CACHE_BLOBS; i++) {
		struct image_cache_entry *entry = &cache->entries[i];

		if (entry->sealed != NULL &&
		    digest_equal(&entry->digest, digest))
			return entry;
	}
	return NULL;
}

static struct image_cache_entry *
make_room(struct image_cache *cache, size_t bytes)
{
	struct image_cache_entry *entry;

	while (
	    cache->bytes + bytes > limit_of(cache) || find_free(cache) == NULL)
		evict_oldest(cache);
	entry = find_free(cache);
	bug_unless(entry != NULL);
	return entry;
}

static struct image_cache_entry *
find_free(struct image_cache *cache)
{
	for (size_t i = 0; i < IMAGE_CACHE_BLOBS; i++) {
		if (cache->entries[i].sealed == NULL)
			return &cache->entries[i];
	}
	return NULL;
}

static void
evict_oldest(struct image_cache *cache)
{
	struct image_cache_entry *oldest = NULL;

	for (size_t i = 0; i < IMAGE_CACHE_BLOBS; i++) {
		struct image_cache_entry *entry = &cache->entries[i];

		if (entry->sealed != NULL &&
		    (oldest == NULL || entry->last_used < oldest->last_used))
			oldest = entry;
	}
	if (oldest == NULL)
		return;
	cache->bytes -= sealed_bytes(oldest->sealed).len;
	sealed_freep(&oldest->sealed);
}
