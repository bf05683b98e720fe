#include "base_fixture.h"

#include "base/hex.h"
#include "base/scope.h"

static const char digits[] = "0123456789abcdef";

static void
hex_of_every_byte_is_two_lower_case_digits_and_read_back(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 256; i++) {
		uint8_t byte = (uint8_t)i;
		uint8_t back = (uint8_t)~byte;
		char expected[] = {digits[i / 16], digits[i % 16], '\0'};
		char hex[3] = "??";

		hex_encode(bytes_of(&byte, 1), hex);
		assert_string_equal(hex, expected);
		assert_true(hex_decode(hex, 1, &back));
		assert_int_equal(back, byte);
	}
}

static void
hex_of_nothing_is_an_empty_text(void **state)
{
	char hex[] = "?";
	uint8_t byte = 0x5a;

	(void)state;
	hex_encode(bytes_of(NULL, 0), hex);
	assert_string_equal(hex, "");
	assert_true(hex_decode("", 0, &byte));
	assert_int_equal(byte, 0x5a);
}

static void
hex_decode_refuses_other_lengths_and_characters_and_writes_nothing(void **state)
{
	static const char *const texts[] = {"", "0", "01", "012", "01234",
	    "012345", "0x12", "01 2", " 012", "012 ", "012A", "0123 ", "0123g",
	    "F123", "012g", "/123", "01:2", "`123", "-123",
	    ("01\xff"
	     "2")};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		uint8_t bytes[] = {0x5a, 0x5a, 0x5a};

		if (hex_decode(texts[i], 2, bytes))
			fail_msg("\"%s\" is taken", texts[i]);
		assert_memory_equal(bytes, "ZZZ", 3);
	}
}

static void
hex_value_knows_sixteen_characters(void **state)
{
	unsigned int known = 0;

	(void)state;
	for (int c = 0; c < 256; c++) {
		int value = hex_value((char)c);

		if (value < 0)
			continue;
		assert_int_equal(digits[value], c);
		known++;
	}
	assert_int_equal(known, 16);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		hex_of_every_byte_is_two_lower_case_digits_and_read_back),
	    cmocka_unit_test(hex_of_nothing_is_an_empty_text),
	    cmocka_unit_test(
		hex_decode_refuses_other_lengths_and_characters_and_writes_nothing),
	    cmocka_unit_test(hex_value_knows_sixteen_characters),
	};

	return cmocka_run_group_tests_name("hex", tests, NULL, NULL);
}
