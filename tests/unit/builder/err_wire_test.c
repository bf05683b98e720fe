#include "builder_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "builder/err_wire.h"

static void
outcome_carries_an_error_across(void **state)
{
	struct err_wire outcome;
	struct err sent;
	struct err received = {0};

	(void)state;
	err_set_field(&sent, LIMIT_EXCEEDED, "vcpus", "vcpus: 9 is outside");
	sent.sys = 5;
	err_wire_from(&outcome, LIMIT_EXCEEDED, &sent);
	assert_code(err_wire_to(&outcome, BUG, &received), LIMIT_EXCEEDED);
	assert_code((int)received.code, LIMIT_EXCEEDED);
	assert_string_equal(received.field, "vcpus");
	assert_string_equal(received.text, "vcpus: 9 is outside");
}

static void
outcome_of_success_says_nothing(void **state)
{
	struct err_wire outcome;
	struct err_wire zero;
	struct err err;

	(void)state;
	memset(&outcome, 0x5a, sizeof(outcome));
	memset(&zero, 0, sizeof(zero));
	memset(&err, 0x5a, sizeof(err));
	err_wire_from(&outcome, 0, NULL);
	assert_memory_equal(&outcome, &zero, sizeof(zero));
	assert_code(err_wire_to(&outcome, BUG, &err), 0);
	assert_int_equal(err.text[0], 0x5a);
}

static void
outcome_of_an_unknown_number_is_what_the_receiver_says(void **state)
{
	static const int32_t numbers[] = {1, -1, 99, 901, INT32_MAX, INT32_MIN};

	(void)state;
	for (size_t i = 0; i < countof(numbers); i++) {
		struct err_wire outcome = {.code = numbers[i]};
		struct err err = {0};

		strcpy(outcome.text, "trust me");
		assert_code(err_wire_to(&outcome, STAGE_FAILED, &err),
		    STAGE_FAILED);
		assert_has(err.text, "unknown error number");
	}
}

static void
outcome_texts_are_terminated_and_made_printable(void **state)
{
	struct err_wire outcome = {.code = STORE_IO};
	struct err err;

	(void)state;
	memset(outcome.field, 'f', sizeof(outcome.field));
	memset(outcome.text, 't', sizeof(outcome.text));
	outcome.text[0] = '\n';
	outcome.text[1] = '\x1b';
	outcome.text[2] = (char)0xff;
	outcome.text[3] = '\x7f';
	outcome.field[0] = '\t';
	memset(&err, 0x5a, sizeof(err));
	assert_code(err_wire_to(&outcome, BUG, &err), STORE_IO);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strlen(err.field), sizeof(err.field) - 1);
	assert_memory_equal(err.text, "????tt", 6);
	assert_memory_equal(err.field, "?ff", 3);
	assert_int_equal(err.sys, 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(outcome_carries_an_error_across),
	    cmocka_unit_test(outcome_of_success_says_nothing),
	    cmocka_unit_test(
		outcome_of_an_unknown_number_is_what_the_receiver_says),
	    cmocka_unit_test(outcome_texts_are_terminated_and_made_printable),
	};

	return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
