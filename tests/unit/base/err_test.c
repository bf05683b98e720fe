#include "base_fixture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "base/err_meaning.h"

struct row {
	int number;
	const char *name;
	enum err_class class;
	const char *meaning;
	const char *remedy;
};

static const struct row rows[] = {
#define ROW(number, name, class, meaning, remedy) \
	{number, #name, ERR_CLASS_##class, meaning, remedy},
    ERR_TABLE(ROW)
#undef ROW
};

static void
err_table_uses_each_number_and_name_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		for (size_t j = 0; j < i; j++) {
			assert_int_not_equal(rows[i].number, rows[j].number);
			assert_string_not_equal(rows[i].name, rows[j].name);
		}
	}
}

static void
err_table_keeps_each_hundred_to_one_class(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		int hundred = rows[i].number / 100;

		if (hundred >= 1 && hundred <= 3)
			assert_int_equal(rows[i].class, ERR_CLASS_REFUSAL);
		else if (hundred == 4)
			assert_int_equal(rows[i].class, ERR_CLASS_ENVIRONMENT);
		else if (hundred == 5) /* measured boot: of both */
			assert_int_not_equal(rows[i].class, ERR_CLASS_BUG);
		else
			assert_int_equal(rows[i].class, ERR_CLASS_BUG);
	}
}

static void
err_functions_agree_with_the_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		enum err_code code = (enum err_code)rows[i].number;

		assert_true(err_is_known(rows[i].number));
		assert_string_equal(err_name(code), rows[i].name);
		assert_string_equal(err_meaning(code), rows[i].meaning);
		assert_string_equal(err_remedy(code), rows[i].remedy);
		assert_int_equal(err_class_of(code), rows[i].class);
	}
}

/* These cross wires and stand in documents: they never change. */
static void
err_numbers_stay_what_they_were(void **state)
{
	(void)state;
	assert_int_equal(ENVELOPE_MALFORMED, 100);
	assert_int_equal(TRUST_MALFORMED, 113);
	assert_int_equal(MANIFEST_MALFORMED, 200);
	assert_int_equal(CMDLINE_TOO_LONG, 216);
	assert_int_equal(RPC_MALFORMED, 300);
	assert_int_equal(BUILD_CANCELLED, 308);
	assert_int_equal(XEN_FAILED, 400);
	assert_int_equal(FAULT_INJECTED, 411);
	assert_int_equal(BUG, 900);
}

static void
err_texts_are_printable_and_say_something(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		const char *texts[] = {rows[i].meaning, rows[i].remedy};

		for (size_t j = 0; j < countof(texts); j++) {
			size_t len = strlen(texts[j]);

			assert_true(len > 8 && len < 100);
			assert_int_not_equal(texts[j][len - 1], '.');
			for (size_t k = 0; k < len; k++)
				assert_in_range(texts[j][k], ' ', '~');
		}
	}
}

static void
err_knows_no_number_outside_the_table(void **state)
{
	static const int numbers[] = {0, -1, 1, 99, 499, 899, 901, 1 << 30};

	(void)state;
	for (size_t i = 0; i < countof(numbers); i++) {
		enum err_code code = (enum err_code)numbers[i];

		assert_false(err_is_known(numbers[i]));
		assert_string_equal(err_name(code), "UNKNOWN_CODE");
		assert_string_equal(err_meaning(code), "");
		assert_string_equal(err_remedy(code), "");
		assert_int_equal(err_class_of(code), ERR_CLASS_BUG);
	}
}

static void
err_set_returns_the_code_that_it_stores(void **state)
{
	struct err err;

	(void)state;
	memset(&err, 0x55, sizeof(err));
	assert_refused(err_set(&err, BUG, "n %d", 7), BUG);
	assert_refused((int)err.code, BUG);
	assert_int_equal(err.sys, 0);
	assert_string_equal(err.field, "");
	assert_string_equal(err.text, "n 7");
}

static void
err_set_field_names_the_field(void **state)
{
	struct err err;

	(void)state;
	memset(&err, 0x55, sizeof(err));
	assert_refused(err_set_field(&err, LIMIT_EXCEEDED, "vcpus", "%u", 9u),
	    LIMIT_EXCEEDED);
	assert_string_equal(err.field, "vcpus");
	assert_string_equal(err.text, "9");
}

static void
err_set_errno_keeps_errno_and_adds_its_text(void **state)
{
	struct err err;

	(void)state;
	errno = ENOENT;
	assert_refused(err_set_errno(&err, STORE_IO, "index"), STORE_IO);
	assert_int_equal(err.sys, ENOENT);
	assert_string_equal(err.text, "index: No such file or directory");
}

static void
err_texts_end_inside_their_room(void **state)
{
	char far_too_long[1000];
	struct err err;

	(void)state;
	memset(far_too_long, 'x', sizeof(far_too_long));
	far_too_long[sizeof(far_too_long) - 1] = '\0';
	err_set_field(&err, BUG, far_too_long, "%s", far_too_long);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(strlen(err.field), sizeof(err.field) - 1);
	errno = EIO;
	err_set_errno(&err, STORE_IO, "%s", far_too_long);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(err.sys, EIO);
}

static void
err_prefix_puts_the_place_first_and_keeps_the_rest(void **state)
{
	struct err err;

	(void)state;
	err_set_field(&err, IMAGE_UNKNOWN, "image", "not there");
	assert_refused(err_prefix(&err, "%s/%d", "store", 3), IMAGE_UNKNOWN);
	assert_string_equal(err.text, "store/3: not there");
	assert_string_equal(err.field, "image");
}

static void
err_prefix_ends_inside_its_room(void **state)
{
	char long_text[400];
	struct err err;

	(void)state;
	memset(long_text, 'y', sizeof(long_text));
	long_text[sizeof(long_text) - 1] = '\0';
	err_set(&err, BUG, "%s", long_text);
	err_prefix(&err, "%s", long_text);
	assert_true(strlen(err.text) < sizeof(err.text));
	assert_has(err.text, "yyy: yyy");
}

static void
err_quote_leaves_printable_text_alone(void **state)
{
	(void)state;
	assert_string_equal(err_quote_str("a~ \\\"z").text, "a~ \\\"z");
	assert_string_equal(err_quote("", 0).text, "");
}

static void
err_quote_escapes_what_is_not_printable(void **state)
{
	(void)state;
	assert_string_equal(err_quote("a\0b", 3).text, "a\\x00b");
	assert_string_equal(err_quote_str("\x1b[31m").text, "\\x1b[31m");
	assert_string_equal(err_quote_str("\n\t\x7f\xff").text,
	    "\\x0a\\x09\\x7f\\xff");
}

static void
err_quote_ends_in_dots_over_sixty_four_bytes(void **state)
{
	char in[80];

	(void)state;
	memset(in, 'a', sizeof(in));
	assert_int_equal(strlen(err_quote(in, 64).text), 64);
	assert_int_equal(strlen(err_quote(in, 65).text), 64 + 3);
	assert_string_equal(err_quote(in, 65).text + 64, "...");
	/* Sixteen escapes fill it; a seventeenth does not fit half. */
	memset(in, 0x01, sizeof(in));
	assert_int_equal(strlen(err_quote(in, 16).text), 64);
	assert_string_equal(err_quote(in, 17).text + 64, "...");
	in[0] = 'a';
	assert_string_equal(err_quote(in, 17).text + 61, "...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(err_table_uses_each_number_and_name_once),
	    cmocka_unit_test(err_table_keeps_each_hundred_to_one_class),
	    cmocka_unit_test(err_functions_agree_with_the_table),
	    cmocka_unit_test(err_numbers_stay_what_they_were),
	    cmocka_unit_test(err_texts_are_printable_and_say_something),
	    cmocka_unit_test(err_knows_no_number_outside_the_table),
	    cmocka_unit_test(err_set_returns_the_code_that_it_stores),
	    cmocka_unit_test(err_set_field_names_the_field),
	    cmocka_unit_test(err_set_errno_keeps_errno_and_adds_its_text),
	    cmocka_unit_test(err_texts_end_inside_their_room),
	    cmocka_unit_test(
		err_prefix_puts_the_place_first_and_keeps_the_rest),
	    cmocka_unit_test(err_prefix_ends_inside_its_room),
	    cmocka_unit_test(err_quote_leaves_printable_text_alone),
	    cmocka_unit_test(err_quote_escapes_what_is_not_printable),
	    cmocka_unit_test(err_quote_ends_in_dots_over_sixty_four_bytes),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
