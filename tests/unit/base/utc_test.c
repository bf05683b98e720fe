#include "base_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "base/utc.h"

static const struct {
	const char *text;
	int64_t seconds;
} times[] = {
    /* date -u -d TEXT +%s */
    {"1970-01-01T00:00:01Z", 1},
    {"2000-02-29T12:34:56Z", 951827696},
    {"2026-11-23T16:00:00Z", 1795449600},
    {"2100-03-01T00:00:00Z", 4107542400},
    {"9999-12-31T23:59:59Z", UTC_MAX_SECONDS},
};

static void
utc_is_read_and_written_as_date_does(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(times); i++) {
		int64_t seconds = -1;
		char text[UTC_TEXT_SIZE];

		assert_true(utc_from_text(times[i].text, &seconds));
		assert_int_equal(seconds, times[i].seconds);
		utc_text(times[i].seconds, text);
		assert_string_equal(text, times[i].text);
	}
}

static void
utc_from_text_refuses_everything_else(void **state)
{
	static const char *const texts[] = {"", "Z", "2026-11-23",
	    "2026-11-23T16:00:00", "2026-11-23T16:00:00z",
	    "2026-11-23t16:00:00Z", "2026-11-23 16:00:00Z",
	    "2026-11-23T16:00:00ZZ", " 2026-11-23T16:00:00Z",
	    "2026-11-23T16:00:00Z ", "2026-11-23T16:00Z",
	    "2026-11-23T16:00:00.5Z", "2026-11-23T16:00:00+00:00",
	    "2026-1-23T16:00:00Z", "26-11-23T16:00:00Z", "2026-11-23T16:0:00Z",
	    "2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z",
	    "2026-02-29T00:00:00Z", "2026-11-31T00:00:00Z",
	    "2026-11-23T24:00:00Z", "2026-11-23T16:60:00Z",
	    "2016-12-31T23:59:60Z", "1970-01-01T00:00:00Z",
	    "1969-12-31T23:59:59Z", "10000-01-01T00:00:00Z", "1795449600"};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		int64_t seconds = 77;

		if (utc_from_text(texts[i], &seconds))
			fail_msg("\"%s\" is taken", texts[i]);
		assert_int_equal(seconds, 77);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(utc_is_read_and_written_as_date_does),
	    cmocka_unit_test(utc_from_text_refuses_everything_else),
	};

	return cmocka_run_group_tests_name("utc", tests, NULL, NULL);
}
