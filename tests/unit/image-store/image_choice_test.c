#include "store_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "image-store/image_choice.h"

static int
pass(struct image_choice *choice, const char *version, enum err_code code)
{
	struct err err;

	err_set(&err, code, "because of %s", version);
	return image_choice_pass(choice, version, &err);
}

static void
image_choice_takes_the_highest_index(void **state)
{
	struct image_choice choice = {.has_one = false};
	struct err err = {0};

	(void)state;
	assert_true(image_choice_offer(&choice, "web", 0));
	assert_false(image_choice_offer(&choice, "web", 0));
	assert_code(image_choice_make(&choice, "web", &err), IMAGE_AMBIGUOUS);
	assert_true(image_choice_offer(&choice, "web", 3));
	assert_false(image_choice_offer(&choice, "web", 2));
	assert_code(image_choice_make(&choice, "web", &err), 0);
	assert_false(image_choice_offer(&choice, "web", 3));
	assert_code(image_choice_make(&choice, "web", &err), IMAGE_AMBIGUOUS);
	assert_string_equal(err.field, "manifest");
	assert_true(image_choice_offer(&choice, "web", 4));
	assert_code(image_choice_make(&choice, "web", &err), 0);
	assert_int_equal(choice.passed.count, 0);
}

static void
image_choice_compares_no_indexes_of_two_locations(void **state)
{
	struct image_choice choice = {.has_one = false};
	struct err err = {0};

	(void)state;
	assert_true(image_choice_offer(&choice, "web", 1));
	image_choice_offer(&choice, "other", 9);
	image_choice_offer(&choice, "web", 12);
	assert_code(image_choice_make(&choice, "web", &err), IMAGE_AMBIGUOUS);
	assert_non_null(strstr(err.text, "several rollback locations"));
}

/* All that there is, so that a new one is decided about. */
static void
image_choice_passes_over_what_the_policy_rejects_and_nothing_else(void **state)
{
	static const enum err_code policy[] = {KEY_REVOKED, IMAGE_REVOKED,
	    THRESHOLD_NOT_MET, ROLE_NOT_ALLOWED, IMAGE_ROLLBACK, IMAGE_EXPIRED,
	    IMAGE_NOT_YET_VALID, IMAGE_NOT_INDEXED, PROVENANCE_MISSING,
	    PROVENANCE_MISMATCH};
	size_t passed = 0;

	(void)state;
	for (int number = 1; number < 1000; number++) {
		struct image_choice choice = {.has_one = false};
		enum err_code code = (enum err_code)number;
		bool is_policy = false;

		if (!err_is_known(number))
			continue;
		for (size_t i = 0; i < countof(policy); i++)
			is_policy = is_policy || policy[i] == code;
		assert_code(pass(&choice, "1", code), is_policy ? 0 : number);
		assert_int_equal(choice.passed.count, is_policy);
		passed += is_policy;
	}
	assert_int_equal(passed, countof(policy));
}

static void
image_choice_tells_what_it_passed_over(void **state)
{
	static const char *const versions[] = {"1", "2", "3", "4", "5"};
	struct image_choice choice = {.has_one = false};
	struct err err = {0};

	(void)state;
	assert_code(pass(&choice, "0", IMAGE_EXPIRED), 0);
	for (size_t i = 0; i < countof(versions); i++)
		assert_code(pass(&choice, versions[i], IMAGE_REVOKED), 0);
	assert_int_equal(choice.passed.count, 6);
	assert_int_equal(choice.passed.images[0].code, IMAGE_EXPIRED);
	assert_string_equal(choice.passed.images[0].version, "0");
	assert_int_equal(choice.passed.images[3].code, IMAGE_REVOKED);
	assert_string_equal(choice.passed.images[3].version, "3");
	assert_code(image_choice_make(&choice, "web", &err), IMAGE_EXPIRED);
	assert_non_null(
	    strstr(err.text, "web: none of 6 may run: 0: because of 0"));
	image_choice_offer(&choice, "web", 1);
	assert_code(image_choice_make(&choice, "web", &err), 0);
}

static void
image_choice_of_one_that_may_not_run_says_why(void **state)
{
	struct image_choice choice = {.has_one = false};
	struct err err = {0};

	(void)state;
	assert_code(image_choice_make(&choice, "web", &err), IMAGE_UNKNOWN);
	assert_code(pass(&choice, "7", IMAGE_ROLLBACK), 0);
	assert_code(image_choice_make(&choice, "web", &err), IMAGE_ROLLBACK);
	assert_string_equal(err.text, "because of 7");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(image_choice_takes_the_highest_index),
	    cmocka_unit_test(image_choice_compares_no_indexes_of_two_locations),
	    cmocka_unit_test(
		image_choice_passes_over_what_the_policy_rejects_and_nothing_else),
	    cmocka_unit_test(image_choice_tells_what_it_passed_over),
	    cmocka_unit_test(image_choice_of_one_that_may_not_run_says_why),
	};

	return cmocka_run_group_tests_name("image_choice", tests, NULL, NULL);
}
