#include "base_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "measure/verify/kept_nonce.h"

enum { NOW = 1700000000 };

static void
what_was_not_used_may_be_until_its_last_second(void **state)
{
	const struct once once = once_begin(NOW, 2);
	struct err err = {0};

	(void)state;
	assert_int_equal(once.expires - once.made, 120);
	assert_refused(once_check(&once, NOW, &err), 0);
	assert_refused(once_check(&once, NOW + 120, &err), 0);
	assert_refused(once_check(&once, NOW + 121, &err), CHALLENGE_EXPIRED);
	assert_string_equal(err.text, "it ended at 2023-11-14T22:15:20Z");
	assert_refused(once_check(&once, NOW - 1, &err), CHALLENGE_EXPIRED);
	assert_refused(once_check(&once, INT64_MAX, &err), CHALLENGE_EXPIRED);
}

static void
what_was_used_may_not_be_again(void **state)
{
	struct once once = once_begin(NOW, ONCE_MAX_MINUTES);
	struct err err = {0};

	(void)state;
	once.used = NOW + 1;
	assert_refused(once_check(&once, NOW + 2, &err), CHALLENGE_USED);
	assert_string_equal(err.text, "it was used at 2023-11-14T22:13:21Z");
	/* It was, whatever the clock says. */
	assert_refused(once_check(&once, NOW, &err), CHALLENGE_USED);
	assert_refused(once_check(&once, NOW - 1, &err), CHALLENGE_USED);
}

static void
a_nonce_comes_back(void **state)
{
	struct kept_nonce nonce = {.once = once_begin(NOW, 60)};
	struct kept_nonce again;
	struct err err;

	(void)state;
	memset(nonce.nonce, 0x5a, sizeof(nonce.nonce));
	for (int i = 0; i < 2; i++) {
		CLEANUP(json_freep)
		json_t *document = kept_nonce_encode(&nonce);
		CLEANUP(freep) char *text = json_dumps(document, 0);

		memset(&again, 0, sizeof(again));
		assert_refused(
		    kept_nonce_decode(bytes_of_str(text), &again, &err), 0);
		assert_memory_equal(&again, &nonce, sizeof(nonce));
		nonce.once.used = NOW + 7;
	}
}

static void
an_end_is_behind_the_beginning_and_not_far_away(void **state)
{
	struct kept_nonce nonce = {.once = {.made = NOW}};
	static const struct {
		int64_t seconds;
		int code;
	} cases[] = {{-1, REFERENCE_MALFORMED}, {0, REFERENCE_MALFORMED},
	    {1, 0}, {(int64_t)ONCE_MAX_MINUTES * 60, 0},
	    {(int64_t)ONCE_MAX_MINUTES * 60 + 1, REFERENCE_MALFORMED}};
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(cases); i++) {
		CLEANUP(json_freep) json_t *document = NULL;
		CLEANUP(freep) char *text = NULL;
		struct kept_nonce again;

		nonce.once.expires = NOW + cases[i].seconds;
		document = kept_nonce_encode(&nonce);
		text = json_dumps(document, 0);
		assert_refused(
		    kept_nonce_decode(bytes_of_str(text), &again, &err),
		    cases[i].code);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(what_was_not_used_may_be_until_its_last_second),
	    cmocka_unit_test(what_was_used_may_not_be_again),
	    cmocka_unit_test(a_nonce_comes_back),
	    cmocka_unit_test(an_end_is_behind_the_beginning_and_not_far_away),
	};

	return cmocka_run_group_tests_name("once", tests, NULL, NULL);
}
