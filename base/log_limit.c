#include "base/log_limit.h"

bool
log_limit_allows(struct log_limit *limit, uint64_t now_usec,
    uint64_t *ret_missed)
{
	uint64_t refills = (now_usec - limit->refill_usec) / limit->usec;

	if (refills > 0) {
		limit->used -=
		    refills < limit->used ? (uint32_t)refills : limit->used;
		limit->refill_usec = now_usec;
	}
	if (limit->used == limit->burst) {
		limit->missed++;
		return false;
	}
	limit->used++;
	*ret_missed = limit->missed;
	limit->missed = 0;
	return true;
}
