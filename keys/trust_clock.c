#include <time.h>

#include "base/scope.h"
#include "base/utc.h"
#include "keys/trust_policy.h"

int
trust_now(const struct trust_policy *policy, int64_t *ret_seconds,
    struct err *err)
{
	struct timespec now = {.tv_sec = 0};
	char earliest[UTC_TEXT_SIZE];

	if (!policy->trusts_clock)
		return err_set_field(err, CLOCK_NOT_TRUSTED, "clock",
		    "trust policy: no clock is trusted, and a date was given");
	clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec < policy->clock_not_before ||
	    now.tv_sec > UTC_MAX_SECONDS) {
		utc_text(policy->clock_not_before, earliest);
		return err_set_field(err, CLOCK_NOT_TRUSTED, "clock",
		    "the system's clock is wrong: it is not after %s",
		    earliest);
	}
	*ret_seconds = now.tv_sec;
	return 0;
}

int
trust_check_validity(const struct trust_policy *policy, int64_t not_before,
    int64_t not_after, struct err *err)
{
	char limit[UTC_TEXT_SIZE], says[UTC_TEXT_SIZE];
	int64_t now;

	if (not_before == UTC_NONE && not_after == UTC_NONE)
		return 0;
	TRY(trust_now(policy, &now, err));
	utc_text(now, says);
	if (not_before != UTC_NONE && now < not_before) {
		utc_text(not_before, limit);
		return err_set_field(err, IMAGE_NOT_YET_VALID, "not_before",
		    "not_before: %s; the system's clock says %s", limit, says);
	}
	if (not_after != UTC_NONE && now > not_after) {
		utc_text(not_after, limit);
		return err_set_field(err, IMAGE_EXPIRED, "not_after",
		    "not_after: %s; the system's clock says %s", limit, says);
	}
	return 0;
}
