#include "builder/verdict_cache.h"

const struct trust_verdict *
verdict_cache_find(const struct verdict_cache *cache,
    const struct digest *policy, const struct digest *envelope)
{
	uint32_t count = cache->added;

	if (count > VERDICT_CACHE_SIZE)
		count = VERDICT_CACHE_SIZE;
	for (uint32_t i = 0; i < count; i++) {
		const struct known_verdict *entry = &cache->known[i];

		if (digest_equal(&entry->policy, policy) &&
		    digest_equal(&entry->verdict.envelope, envelope))
			return &entry->verdict;
	}
	return NULL;
}
