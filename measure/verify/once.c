#include "measure/verify/once.h"

#include "base/log.h"
#include "base/scope.h"
#include "base/utc.h"

enum { MINUTE = 60 };

static int decode_time(const struct json_at *root, const char *member,
    int64_t *ret_seconds, struct err *err);
static json_t *encode_time(int64_t seconds);

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
once_decode(const struct json_at *root, struct once *ret_once, struct err *err)
{
	struct once once = {.used = UTC_NONE};

	TRY(decode_time(root, "made", &once.made, err));
	TRY(decode_time(root, "expires", &once.expires, err));
	if (once.expires <= once.made ||
	    once.expires - once.made > (int64_t)ONCE_MAX_MINUTES * MINUTE)
		return json_refuse(root, "expires", err,
		    "not within %d minutes after it was made",
		    ONCE_MAX_MINUTES);
	if (json_has(root, "used"))
		TRY(decode_time(root, "used", &once.used, err));
	else
		TRY(json_null_in(root, "used", err));
	*ret_once = once;
	return 0;
}

bool
once_encode(const struct once *once, json_t *document)
{
	return json_object_set_new(document, "made", encode_time(once->made)) ==
	           0 &&
	       json_object_set_new(document, "expires",
		   encode_time(once->expires)) == 0 &&
	       json_object_set_new(document, "used", encode_time(once->used)) ==
	           0;
}

static int
decode_time(const struct json_at *root, const char *member,
    int64_t *ret_seconds, struct err *err)
{
	const char *text;

	TRY(json_string_in(root, member, UTC_TEXT_SIZE - 1, &text, err));
	if (!utc_from_text(text, ret_seconds))
		return json_refuse(root, member, err,
		    "not a time like 2026-11-23T16:00:00Z");
	return 0;
}

static json_t *
encode_time(int64_t seconds)
{
	char text[UTC_TEXT_SIZE];

	if (seconds == UTC_NONE)
		return json_null();
	utc_text(seconds, text);
	return json_string(text);
}
