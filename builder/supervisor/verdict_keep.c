#include "builder/supervisor/verdict_keep.h"

void
verdict_keep(struct verdict_cache *cache, const struct digest *policy,
    const struct trust_verdict *verdict)
{
	if (verdict_cache_find(cache, policy, &verdict->envelope) != NULL)
		return;
	cache->known[cache->added % VERDICT_CACHE_SIZE] =
	    (struct known_verdict){*policy, *verdict};
	cache->added++;
	/* So that it never wraps to "few". */
	if (cache->added == 2 * VERDICT_CACHE_SIZE)
		cache->added = VERDICT_CACHE_SIZE;
}
