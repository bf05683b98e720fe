#include "measure/verify/once.h"

#include "base/log.h"
#include "base/utc.h"

enum { MINUTE = 60 };

struct once
once_begin(int64_t now, int64_t minutes)
{
	bug_unless(minutes >= 1 && minutes <= ONCE_MAX_MINUTES);
	return (struct once){.made = now, .expires = now + minutes * MINUTE};
}

int
once_check(const struct once *once, int64_t now, struct err *err)
{
	char text[UTC_TEXT_SIZE];

	if (once->used != UTC_NONE) {
		utc_text(once->used, text);
		return err_set(err, CHALLENGE_USED, "it was used at %s", text);
	}
	if (now < once->made) {
		utc_text(once->made, text);
		return err_set(err, CHALLENGE_EXPIRED,
		    "it was made at %s, which is later than now", text);
	}
	if (now > once->expires) {
		utc_text(once->expires, text);
		return err_set(err, CHALLENGE_EXPIRED, "it ended at %s", text);
	}
	return 0;
}

int
once_check_span(const struct json_at *root, const struct once *once,
    struct err *err)
{
	if (once->expires <= once->made ||
	    once->expires - once->made > (int64_t)ONCE_MAX_MINUTES * MINUTE)
		return json_refuse(root, "expires", err,
		    "not within %d minutes after it was made",
		    ONCE_MAX_MINUTES);
	return 0;
}
