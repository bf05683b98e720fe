#include "store_fixture.h"

#include <stdio.h>
#include <string.h>

#include "image-store/pack/kernel_cmdline.h"

/* Each parameter as "[key]" or "[key|value]". */
static void
expect(const char *cmdline, const char *expected)
{
	struct kernel_parameter parameter;
	char found[512] = "";
	size_t len = 0;

	while (kernel_cmdline_next(&cmdline, &parameter)) {
		len += (size_t)snprintf(found + len, sizeof(found) - len,
		    "[%.*s", (int)parameter.key.len, parameter.key.ptr);
		if (parameter.value.ptr != NULL)
			len += (size_t)snprintf(found + len,
			    sizeof(found) - len, "|%.*s",
			    (int)parameter.value.len, parameter.value.ptr);
		len += (size_t)snprintf(found + len, sizeof(found) - len, "]");
	}
	assert_string_equal(found, expected);
}

static void
words_end_at_spaces(void **state)
{
	(void)state;
	expect("", "");
	expect(" \t ", "");
	expect("quiet", "[quiet]");
	expect("  a=1  b  c=\td==\n", "[a|1][b][c|][d|=]");
	expect("=a b=", "[=a][b|]");
}

/* What Linux 6.1 does with each of these: lib/cmdline.c next_arg(). */
static void
quotes_hold_spaces_together(void **state)
{
	(void)state;
	expect("a=\"b c\" d", "[a|b c][d]");
	expect("\"a=b c\" d", "[a|b c][d]");
	expect("\"a b\"=c d", "[a b\"|c][d]");
	expect("a\"b c\"d=e", "[a\"b c\"d|e]");
	expect("a=b\"c d\" e", "[a|b\"c d\"][e]");
	expect("a=\"b c", "[a|b c]");
	expect("\"\" b", "[][b]");
	expect("a=\" ", "[a| ]");
	expect("a=\"", "[a|]");
}

static void
what_follows_two_dashes_is_for_init(void **state)
{
	(void)state;
	expect("a -- b=1", "[a]");
	expect("a \"--\" b=1", "[a]");
	expect("--a b --=c d", "[--a][b][--|c][d]");
}

static void
dashes_are_underscores(void **state)
{
	const char *at = "dm_mod.create=x";
	struct kernel_parameter parameter;

	(void)state;
	assert_true(kernel_cmdline_next(&at, &parameter));
	assert_true(kernel_parameter_is(&parameter, "dm-mod.create"));
	assert_true(kernel_parameter_is(&parameter, "dm_mod.create"));
	assert_false(kernel_parameter_is(&parameter, "dm-mod.creat"));
	assert_false(kernel_parameter_is(&parameter, "dm-mod.create="));
	assert_false(kernel_parameter_is(&parameter, "dm-mod,create"));
}

static void
the_last_one_decides(void **state)
{
	struct bytes value = bytes_of_str("untouched");

	(void)state;
	assert_false(kernel_cmdline_last("a b a", "a", &value));
	assert_memory_equal(value.ptr, "untouched", 9);
	assert_true(kernel_cmdline_last("a=1 b=2 a=3 a -- a=4", "a", &value));
	assert_int_equal(value.len, 1);
	assert_memory_equal(value.ptr, "3", 1);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(words_end_at_spaces),
	    cmocka_unit_test(quotes_hold_spaces_together),
	    cmocka_unit_test(what_follows_two_dashes_is_for_init),
	    cmocka_unit_test(dashes_are_underscores),
	    cmocka_unit_test(the_last_one_decides),
	};

	return cmocka_run_group_tests_name("kernel_cmdline", tests, NULL, NULL);
}
