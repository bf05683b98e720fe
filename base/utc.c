#include "base/utc.h"

#include <string.h>
#include <time.h>

#include "base/log.h"

#define FORMAT "%Y-%m-%dT%H:%M:%SZ"

bool
utc_from_text(const char *text, int64_t *ret_seconds)
{
	struct tm tm = {.tm_mday = 1};
	char again[UTC_TEXT_SIZE];
	const char *end = strptime(text, FORMAT, &tm);
	int64_t seconds;

	if (end == NULL || *end != '\0')
		return false;
	seconds = timegm(&tm);
	if (seconds <= UTC_NONE || seconds > UTC_MAX_SECONDS)
		return false;
	/* It takes more than it should; what it took must come back. */
	utc_text(seconds, again);
	if (strcmp(again, text) != 0)
		return false;
	*ret_seconds = seconds;
	return true;
}

void
utc_text(int64_t seconds, char ret_text[static UTC_TEXT_SIZE])
{
	time_t time = seconds;
	struct tm tm;

	bug_unless(seconds > UTC_NONE && seconds <= UTC_MAX_SECONDS);
	gmtime_r(&time, &tm);
	bug_unless(strftime(ret_text, UTC_TEXT_SIZE, FORMAT, &tm) ==
		   UTC_TEXT_SIZE - 1);
}
