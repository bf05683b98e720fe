/*
 * clock_gettime() is wrapped: the tests set the system's clock.
 */
#include "keys_fixture.h"

#include <stdlib.h>
#include <time.h>

#include "base/scope.h"
#include "base/utc.h"
#include "keys/trust.h"

#define EARLIEST "2026-11-01T00:00:00Z"

static time_t system_seconds;
static int times_asked;

int __wrap_clock_gettime(clockid_t clock, struct timespec *ret_now);

int
__wrap_clock_gettime(clockid_t clock, struct timespec *ret_now)
{
	assert_int_equal(clock, CLOCK_REALTIME);
	times_asked++;
	*ret_now = (struct timespec){.tv_sec = system_seconds};
	return 0;
}

static int64_t
at(const char *text)
{
	int64_t seconds = UTC_NONE;

	if (text != NULL)
		assert_true(utc_from_text(text, &seconds));
	return seconds;
}

static struct trust_policy *
policy_with(json_t *clock)
{
	json_t *tree = fixture_trust();
	struct trust_policy *policy = NULL;
	struct err err;
	char *text;

	if (clock != NULL)
		json_object_set_new(tree, "clock", clock);
	text = fixture_text(tree);
	assert_code(trust_decode(bytes_of_str(text), &policy, &err), ERR_NONE);
	free(text);
	return policy;
}

static struct trust_policy *
policy_that_trusts_the_clock(void)
{
	return policy_with(json_pack("{s:s, s:s}", "source", "system",
	    "not_before", EARLIEST));
}

/* An image with these dates (or NULL), when the system's clock says `now`. */
static int
check(const char *now, const char *not_before, const char *not_after)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = policy_that_trusts_the_clock();
	struct err err;

	system_seconds = at(now);
	return trust_check_validity(policy, at(not_before), at(not_after),
	    &err);
}

static void
trust_check_validity_asks_no_clock_without_dates(void **state)
{
	CLEANUP(trust_freep) struct trust_policy *policy = policy_with(NULL);
	struct err err;

	(void)state;
	times_asked = 0;
	assert_code(trust_check_validity(policy, UTC_NONE, UTC_NONE, &err),
	    ERR_NONE);
	assert_code(check("2000-01-01T00:00:00Z", NULL, NULL), ERR_NONE);
	assert_int_equal(times_asked, 0);
}

static void
trust_check_validity_refuses_dates_where_no_clock_is_trusted(void **state)
{
	CLEANUP(trust_freep) struct trust_policy *policy = policy_with(NULL);
	struct err err;

	(void)state;
	system_seconds = at("2026-12-01T00:00:00Z");
	assert_code(trust_check_validity(policy, at("2000-01-01T00:00:00Z"),
			UTC_NONE, &err),
	    CLOCK_NOT_TRUSTED);
	assert_code(trust_check_validity(policy, UTC_NONE,
			at("9999-01-01T00:00:00Z"), &err),
	    CLOCK_NOT_TRUSTED);
}

static void
trust_check_validity_refuses_an_expired_image(void **state)
{
	(void)state;
	assert_code(check("2026-12-01T00:00:00Z", NULL, "2026-12-01T00:00:00Z"),
	    ERR_NONE);
	assert_code(check("2026-12-01T00:00:01Z", NULL, "2026-12-01T00:00:00Z"),
	    IMAGE_EXPIRED);
	assert_code(check("2026-12-01T00:00:01Z", "2026-01-01T00:00:00Z",
			"2026-12-01T00:00:00Z"),
	    IMAGE_EXPIRED);
}

static void
trust_check_validity_refuses_an_image_before_its_time(void **state)
{
	(void)state;
	assert_code(check("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", NULL),
	    ERR_NONE);
	assert_code(check("2026-11-30T23:59:59Z", "2026-12-01T00:00:00Z", NULL),
	    IMAGE_NOT_YET_VALID);
	assert_code(check("2026-11-30T23:59:59Z", "2026-12-01T00:00:00Z",
			"2027-01-01T00:00:00Z"),
	    IMAGE_NOT_YET_VALID);
}

/* A battery that is empty, or a clock that somebody set back. */
static void
trust_now_refuses_a_clock_that_is_behind_the_policy(void **state)
{
	CLEANUP(trust_freep)
	struct trust_policy *policy = policy_that_trusts_the_clock();
	int64_t now = 77;
	struct err err;

	(void)state;
	system_seconds = at(EARLIEST) - 1;
	assert_code(trust_now(policy, &now, &err), CLOCK_NOT_TRUSTED);
	system_seconds = 0;
	assert_code(trust_now(policy, &now, &err), CLOCK_NOT_TRUSTED);
	system_seconds = UTC_MAX_SECONDS + 1;
	assert_code(trust_now(policy, &now, &err), CLOCK_NOT_TRUSTED);
	assert_int_equal(now, 77);
	system_seconds = at(EARLIEST);
	assert_code(trust_now(policy, &now, &err), ERR_NONE);
	assert_int_equal(now, at(EARLIEST));
}

static void
trust_now_has_no_clock_by_default(void **state)
{
	CLEANUP(trust_freep) struct trust_policy *policy = policy_with(NULL);
	int64_t now = 77;
	struct err err;

	(void)state;
	system_seconds = at("2026-12-01T00:00:00Z");
	assert_code(trust_now(policy, &now, &err), CLOCK_NOT_TRUSTED);
	assert_int_equal(err.code, CLOCK_NOT_TRUSTED);
	assert_int_equal(now, 77);
}

static void
trust_decode_refuses_a_malformed_clock(void **state)
{
	static const char *const bad[] = {"null", "{}", "[]", "\"system\"",
	    "{\"source\":\"system\"}", "{\"not_before\":\"" EARLIEST "\"}",
	    "{\"source\":\"ntp\",\"not_before\":\"" EARLIEST "\"}",
	    "{\"source\":\"system\",\"not_before\":null}",
	    "{\"source\":\"system\",\"not_before\":1}",
	    "{\"source\":\"system\",\"not_before\":\"2026-11-01\"}",
	    "{\"source\":\"system\",\"not_before\":\"" EARLIEST "\",\"x\":1}"};

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct trust_policy *policy = UNTOUCHED;
		json_t *tree = fixture_trust();
		struct err err;
		char *text;

		json_object_set_new(tree, "clock",
		    json_loads(bad[i], JSON_DECODE_ANY, NULL));
		text = fixture_text(tree);
		assert_code(trust_decode(bytes_of_str(text), &policy, &err),
		    TRUST_MALFORMED);
		assert_ptr_equal(policy, UNTOUCHED);
		free(text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(trust_check_validity_asks_no_clock_without_dates),
	    cmocka_unit_test(
		trust_check_validity_refuses_dates_where_no_clock_is_trusted),
	    cmocka_unit_test(trust_check_validity_refuses_an_expired_image),
	    cmocka_unit_test(
		trust_check_validity_refuses_an_image_before_its_time),
	    cmocka_unit_test(
		trust_now_refuses_a_clock_that_is_behind_the_policy),
	    cmocka_unit_test(trust_now_has_no_clock_by_default),
	    cmocka_unit_test(trust_decode_refuses_a_malformed_clock),
	};

	return cmocka_run_group_tests_name("trust_clock", tests, NULL, NULL);
}
