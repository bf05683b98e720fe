#include "base_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/scope.h"

/* The code of the format that a string belongs to. */
static const enum err_code CODE = ENVELOPE_MALFORMED;

static void
assert_decodes(const char *text, const char *expected)
{
	CLEANUP(freep)
	uint8_t *data = NULL;
	size_t len = 77;
	struct err err = {0};

	if (base64_decode(bytes_of_str(text), CODE, &data, &len, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	assert_int_equal(len, strlen(expected));
	if (len > 0)
		assert_memory_equal(data, expected, len);
	else
		assert_null(data);
}

static void
assert_named(const char *text, enum err_code code, const char *rule)
{
	uint8_t mark;
	uint8_t *data = &mark;
	size_t len = 77;
	struct err err = {0};

	assert_refused(
	    base64_decode(bytes_of_str(text), CODE, &data, &len, &err), code);
	assert_ptr_equal(data, &mark);
	assert_int_equal(len, 77);
	assert_has(err.text, "base64: ");
	assert_has(err.text, rule);
}

#define assert_broken(text, rule) assert_named(text, CODE, rule)

static void
base64_decodes_the_vectors_of_rfc_4648(void **state)
{
	(void)state;
	assert_decodes("", "");
	assert_decodes("Zg==", "f");
	assert_decodes("Zm8=", "fo");
	assert_decodes("Zm9v", "foo");
	assert_decodes("Zm9vYg==", "foob");
	assert_decodes("Zm9vYmE=", "fooba");
	assert_decodes("Zm9vYmFy", "foobar");
}

static void
base64_takes_either_alphabet(void **state)
{
	(void)state;
	assert_decodes("++//", "\xfb\xef\xff");
	assert_decodes("--__", "\xfb\xef\xff");
}

static void
base64_names_both_alphabets_in_one_string(void **state)
{
	(void)state;
	assert_named("+-//", BASE64_ALPHABETS_MIXED, "both '+' and '-'");
	assert_named("AAA+AAA_", BASE64_ALPHABETS_MIXED, "both '+' and '_'");
	assert_named("AAA-AAA/", BASE64_ALPHABETS_MIXED, "both '/' and '-'");
	/* Whatever else is wrong with it. */
	assert_named("-/", BASE64_ALPHABETS_MIXED, "both");
	assert_named("*-/*", BASE64_ALPHABETS_MIXED, "both");
}

static void
base64_names_white_space_and_where_it_is(void **state)
{
	static const char spaces[] = " \t\n\v\f\r";

	(void)state;
	for (size_t i = 0; spaces[i] != '\0'; i++) {
		char text[] = "Zm9v?Zm9v";

		text[4] = spaces[i];
		assert_named(text, BASE64_WHITESPACE, "at character 5");
	}
	assert_named(" ", BASE64_WHITESPACE, "at character 1");
	assert_named("Zm9v\n", BASE64_WHITESPACE, "at character 5");
	assert_named(" Zm9", BASE64_WHITESPACE, "at character 1");
	assert_named("+- \n", BASE64_WHITESPACE, "at character 3");
}

static void
base64_refuses_a_length_that_is_not_a_multiple_of_four(void **state)
{
	(void)state;
	assert_broken("Z", "multiple of four");
	assert_broken("Zg", "multiple of four");
	assert_broken("Zg=", "multiple of four");
	assert_broken("Zm9vY", "multiple of four");
}

static void
base64_refuses_misplaced_padding(void **state)
{
	(void)state;
	assert_broken("====", "alphabet");
	assert_broken("A===", "alphabet");
	assert_broken("A=AA", "alphabet");
	assert_broken("=AAA", "alphabet");
	assert_broken("Zg==Zg==", "alphabet");
}

static void
base64_refuses_unused_bits_that_are_not_zero(void **state)
{
	(void)state;
	assert_broken("Zh==", "unused bits");
	assert_broken("Zm9=", "unused bits");
	assert_broken("Z/==", "unused bits");
}

static void
base64_refuses_every_byte_outside_the_alphabets(void **state)
{
	static const char alphabets[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghi"
					"jklmnopqrstuvwxyz0123456789+/-_";

	(void)state;
	for (int c = 1; c < 256; c++) {
		char text[] = "AAAA";

		text[1] = (char)c;
		if (strchr(alphabets, c) == NULL &&
		    strchr(" \t\n\v\f\r", c) == NULL)
			assert_broken(text, "alphabet");
	}
}

/* No text of C, which would end there. */
static void
base64_with_a_zero_byte_is_refused(void **state)
{
	uint8_t mark;
	uint8_t *data = &mark;
	size_t len = 77;
	struct err err;

	(void)state;
	assert_refused(base64_decode(bytes_of((const uint8_t *)"Zm9v\0m9v", 8),
			   CODE, &data, &len, &err),
	    CODE);
	assert_ptr_equal(data, &mark);
}

static void
base64_encodes_what_it_decodes(void **state)
{
	uint8_t data[256];

	(void)state;
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)(i * 7 + 3);
	for (size_t len = 0; len <= sizeof(data); len++) {
		CLEANUP(freep)
		char *text = base64_encode(bytes_of(data, len));
		CLEANUP(freep)
		uint8_t *back = NULL;
		size_t back_len = 0;
		struct err err;

		assert_non_null(text);
		assert_int_equal(strlen(text), (len + 2) / 3 * 4);
		assert_refused(base64_decode(bytes_of_str(text), CODE, &back,
				   &back_len, &err),
		    0);
		assert_true(
		    bytes_equal(bytes_of(back, back_len), bytes_of(data, len)));
	}
}

static void
base64_encodes_the_vectors_of_rfc_4648(void **state)
{
	static const char *const vectors[][2] = {{"", ""}, {"f", "Zg=="},
	    {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
	    {"\xfb\xef\xff", "++//"}};

	(void)state;
	for (size_t i = 0; i < countof(vectors); i++) {
		CLEANUP(freep)
		char *text = base64_encode(bytes_of_str(vectors[i][0]));

		assert_string_equal(text, vectors[i][1]);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(base64_decodes_the_vectors_of_rfc_4648),
	    cmocka_unit_test(base64_takes_either_alphabet),
	    cmocka_unit_test(base64_names_both_alphabets_in_one_string),
	    cmocka_unit_test(base64_names_white_space_and_where_it_is),
	    cmocka_unit_test(
		base64_refuses_a_length_that_is_not_a_multiple_of_four),
	    cmocka_unit_test(base64_refuses_misplaced_padding),
	    cmocka_unit_test(base64_refuses_unused_bits_that_are_not_zero),
	    cmocka_unit_test(base64_refuses_every_byte_outside_the_alphabets),
	    cmocka_unit_test(base64_with_a_zero_byte_is_refused),
	    cmocka_unit_test(base64_encodes_what_it_decodes),
	    cmocka_unit_test(base64_encodes_the_vectors_of_rfc_4648),
	};

	return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
