#include "base_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"

enum { DEPTH = 4 };

/* Any code will do: what is refused is refused with the reader's own. */
static const enum err_code CODE = MANIFEST_MALFORMED;

static int
parse(const char *text, json_t **ret_document, struct err *err)
{
	return json_parse(bytes_of_str(text), DEPTH, "thing", CODE,
	    ret_document, err);
}

static json_t *
parsed(const char *text)
{
	json_t *document = NULL;
	struct err err;

	if (parse(text, &document, &err) != 0)
		fail_msg("%s: %s", text, err.text);
	return document;
}

static struct err
assert_parse_named(struct bytes text, enum err_code code, const char *why)
{
	json_t *document = NULL;
	struct err err;

	assert_refused(json_parse(text, DEPTH, "thing", CODE, &document, &err),
	    code);
	assert_null(document);
	assert_has(err.text, "thing: ");
	assert_has(err.text, why);
	return err;
}

static void
assert_parse_refused(struct bytes text, const char *why)
{
	assert_parse_named(text, CODE, why);
}

#define assert_text_refused(text, why) \
	assert_parse_refused(bytes_of_str(text), why)

static void
json_parse_takes_an_object(void **state)
{
	static const char *const texts[] = {"{}", " \n{ }\t", "{\"a\":1}",
	    "{\"a\":[[[1]]]}", "{\"\xc3\xa4\":\"\\u00e4\"}"};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		CLEANUP(json_freep)
		json_t *document = parsed(texts[i]);

		assert_non_null(document);
	}
}

static void
json_parse_refuses_what_is_not_an_object(void **state)
{
	(void)state;
	assert_text_refused("[]", "not a JSON object");
	assert_text_refused("", "line");
	assert_text_refused("\"a\"", "thing");
	assert_text_refused("1", "thing");
	assert_text_refused("null", "thing");
}

static void
assert_twice(const char *text, const char *name, const char *place)
{
	struct err err = assert_parse_named(bytes_of_str(text),
	    MEMBER_DUPLICATE, "stands there twice");

	assert_string_equal(err.field, name);
	assert_has(err.text, place);
}

static void
json_parse_names_a_duplicate_member_however_it_is_written(void **state)
{
	(void)state;
	assert_twice("{\"a\":1,\"a\":1}", "a",
	    "line 1 column 10: member \"a\"");
	assert_twice("{\"a\":1,\n\"\\u0061\":2}", "\\u0061", "line 2");
	assert_twice("{\"b\":{\"a\":1, \"a\" :1}}", "a", "line 1");
	assert_twice("{\"b\":[{\"a\":1,\"a\":1}]}", "a", "line 1");
	assert_twice("{\"\":1,\"\":1}", "", "member \"\"");
	assert_twice("{\"x\\\"y\":1,\"x\\\"y\":1}", "x\\\"y", "line 1");
	assert_twice("{\"x\\\\\":1,\"x\\\\\":1}", "x\\\\", "line 1");
	assert_twice("{\"\xc3\xa4\":1,\"\xc3\xa4\":1}", "\\xc3\\xa4", "line 1");
}

static void
json_parse_names_bytes_behind_the_document(void **state)
{
	(void)state;
	assert_parse_named(bytes_of_str("{}{}"), BYTES_TRAILING,
	    "it ends at byte 2");
	assert_parse_named(bytes_of_str(" {\"a\":1} \n x"), BYTES_TRAILING,
	    "it ends at byte 8");
	assert_parse_named(bytes_of_str("{} \"open"), BYTES_TRAILING, "byte 2");
	assert_parse_named(bytes_of_str("{}\xff"), BYTES_TRAILING, "byte 2");
	assert_parse_named(bytes_of("{}\0", 3), BYTES_TRAILING, "byte 2");
	assert_parse_named(bytes_of("{}\0{}", 5), BYTES_TRAILING, "byte 2");
	assert_parse_named(bytes_of_str("{}\v"), BYTES_TRAILING, "byte 2");
}

/* Whose fault it is, is not changed by a better name. */
static void
json_parse_keeps_a_code_that_is_no_refusal(void **state)
{
	static const char *const texts[] = {"{\"a\":1,\"a\":1}", "{}{}"};

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		json_t *document = NULL;
		struct err err;

		assert_refused(json_parse(bytes_of_str(texts[i]), DEPTH,
				   "thing", CONFIG_BAD, &document, &err),
		    CONFIG_BAD);
		assert_null(document);
	}
}

static void
json_parse_refuses_zero_bytes_in_strings(void **state)
{
	(void)state;
	assert_text_refused("{\"a\":\"x\\u0000y\"}", "line 1");
	assert_text_refused("{\"a\\u0000b\":1}", "line 1");
	assert_parse_refused(bytes_of("{\"a\":\"x\0y\"}", 11), "line 1");
}

static void
json_parse_refuses_numbers_that_it_cannot_hold(void **state)
{
	(void)state;
	assert_text_refused("{\"a\":9223372036854775808}", "big");
	assert_text_refused("{\"a\":-9223372036854775809}", "big");
	assert_text_refused("{\"a\":1e999}", "overflow");
	assert_text_refused("{\"a\":NaN}", "line 1");
	assert_text_refused("{\"a\":Infinity}", "line 1");
	assert_text_refused("{\"a\":01}", "line 1");
	assert_text_refused("{\"a\":0x10}", "line 1");
	assert_text_refused("{\"a\":+1}", "line 1");
	assert_text_refused("{\"a\":1.}", "line 1");
}

static void
json_parse_refuses_text_that_is_not_utf_8(void **state)
{
	(void)state;
	assert_text_refused("{\"a\":\"\xff\"}", "line 1");
	assert_text_refused("{\"a\":\"\xc0\x80\"}", "line 1");
	assert_text_refused("{\"a\":\"\xed\xa0\x80\"}", "line 1");
	assert_text_refused("{\"a\":\"\\ud800\"}", "line 1");
	assert_text_refused("\xef\xbb\xbf{}", "line 1");
}

static void
json_parse_counts_depth_outside_of_strings(void **state)
{
	(void)state;
	json_decref(parsed("{\"a\":{\"b\":{\"c\":{}}}}"));
	assert_text_refused("{\"a\":{\"b\":{\"c\":{\"d\":{}}}}}",
	    "deeper than 4");
	assert_text_refused("{\"a\":[[[[]]]]}", "deeper than 4");
	json_decref(parsed("{\"a\":\"[[[[[[[[\"}"));
	json_decref(parsed("{\"a\":\"\\\"[[[[[[[[\"}"));
	json_decref(parsed("{\"a\":[],\"b\":[],\"c\":[],\"d\":[],\"e\":[]}"));
	assert_text_refused("{\"a\\\\\":[[[[]]]]}", "deeper than 4");
}

/* Long before jansson could use up the stack. */
static void
json_parse_refuses_a_million_brackets(void **state)
{
	size_t len = 1000000;
	CLEANUP(freep)
	char *text = malloc(len);

	(void)state;
	memset(text, '[', len);
	assert_parse_refused(bytes_of(text, len), "deeper than 4");
}

/* {"a":[{},{},...]} of so many values in all; free. */
static char *
of_values(size_t values)
{
	char *text = malloc(3 * values + 16);
	size_t len = 6;

	memcpy(text, "{\"a\":[", len);
	for (size_t i = 2; i < values; i++) {
		memcpy(text + len, "{},", 3);
		len += 3;
	}
	memcpy(text + len - 1, "]}", 3);
	return text;
}

/* Of the counting: "{}," counts twice. */
#define HALF (JSON_VALUES / 2 + 1)

static void
json_parse_takes_so_many_values_and_no_more(void **state)
{
	CLEANUP(freep) char *fits = of_values(HALF);
	CLEANUP(freep) char *over = of_values(HALF + 1);
	CLEANUP(freep) char *string = malloc(JSON_VALUES + 16);
	json_t *document = NULL;
	struct err err;

	(void)state;
	json_decref(parsed(fits));
	assert_text_refused(over, "over 16384 values");
	assert_int_equal(json_parse_many(bytes_of_str(over), DEPTH,
			     2 * JSON_VALUES, "thing", CODE, &document, &err),
	    0);
	json_freep(&document);
	assert_refused(json_parse_many(bytes_of_str("{\"a\":[1,2]}"), DEPTH, 3,
			   "thing", CODE, &document, &err),
	    CODE);
	assert_int_equal(json_parse_many(bytes_of_str("{\"a\":[1,2]}"), DEPTH,
			     4, "thing", CODE, &document, &err),
	    0);
	json_freep(&document);
	/* In a string they are no values. */
	memcpy(string, "{\"\\\"\":\"", 7);
	memset(string + 7, ',', JSON_VALUES);
	memcpy(string + 7 + JSON_VALUES, "\"}", 3);
	json_decref(parsed(string));
}

static size_t allocated;

static void *
count_malloc(size_t size)
{
	allocated += size;
	return malloc(size);
}

/* 48 MiB of it took 3.9 GB: refused before memory is taken for any value. */
static void
json_parse_takes_no_memory_for_what_is_too_much(void **state)
{
	CLEANUP(freep) char *text = of_values((4 << 20) / 3);
	json_t *document = NULL;
	struct err err;

	(void)state;
	allocated = 0;
	json_set_alloc_funcs(count_malloc, free);
	assert_refused(json_parse(bytes_of_str(text), DEPTH, "thing", CODE,
			   &document, &err),
	    CODE);
	json_set_alloc_funcs(malloc, free);
	assert_int_equal(allocated, 0);
}

static void
json_known_refuses_other_members(void **state)
{
	static const char *const known[] = {"a", "b", NULL};
	CLEANUP(json_freep)
	json_t *good = parsed("{\"b\":1}");
	CLEANUP(json_freep)
	json_t *bad = parsed("{\"a\":1,\"ab\":2}");
	CLEANUP(json_freep)
	json_t *odd = parsed("{\"\\u001b[\xc3\xa4\":1}");
	struct json_at root = json_root(good, CODE);
	struct err err = {0};

	(void)state;
	assert_refused(json_known(&root, known, &err), 0);
	root = json_root(bad, CODE);
	assert_refused(json_known(&root, known, &err), CODE);
	assert_string_equal(err.field, "ab");
	assert_string_equal(err.text, "ab: unknown member");
	root = json_root(odd, CODE);
	assert_refused(json_known(&root, known, &err), CODE);
	assert_string_equal(err.field, "\\x1b[\\xc3\\xa4");
}

static void
json_has_sees_null_as_absent(void **state)
{
	CLEANUP(json_freep)
	json_t *document = parsed("{\"a\":null,\"b\":false}");
	struct json_at root = json_root(document, CODE);

	(void)state;
	assert_false(json_has(&root, "a"));
	assert_true(json_has(&root, "b"));
	assert_false(json_has(&root, "c"));
}

/* One reader of a member, which must refuse all values but of its type. */
typedef int reader(const struct json_at *root, struct err *err);

static int
read_object(const struct json_at *root, struct err *err)
{
	struct json_at at;

	return json_object_in(root, "m", &at, err);
}

static int
read_array(const struct json_at *root, struct err *err)
{
	struct json_at at;

	return json_array_in(root, "m", 8, &at, err);
}

static int
read_string(const struct json_at *root, struct err *err)
{
	const char *string = "untouched";
	int code = json_string_in(root, "m", 8, &string, err);

	if (code != 0)
		assert_string_equal(string, "untouched");
	return code;
}

static int
read_integer(const struct json_at *root, struct err *err)
{
	int64_t integer = 77;
	int code = json_integer_in(root, "m", -5, 5, &integer, err);

	assert_true((integer == 77) == (code != 0));
	return code;
}

static int
read_bool(const struct json_at *root, struct err *err)
{
	bool value;

	return json_bool_in(root, "m", &value, err);
}

static int
read_digest(const struct json_at *root, struct err *err)
{
	struct digest digest;

	return json_digest_in(root, "m", &digest, err);
}

static int
read_literal(const struct json_at *root, struct err *err)
{
	return json_literal_in(root, "m", "pv", err);
}

static int
read_null(const struct json_at *root, struct err *err)
{
	return json_null_in(root, "m", err);
}

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void
json_readers_take_their_type_and_no_other(void **state)
{
	static const char *const values[] = {"{}", "[]", "\"text\"", "3",
	    "true", "\"sha256:" HEX64 "\"", "\"pv\"", "null", "3.0", "\"3\"",
	    "[3]"};
	/* Which of the values each reader takes: bit i is value i. */
	static const struct {
		reader *read;
		unsigned int takes;
	} readers[] = {
	    {read_object, 1u << 0},
	    {read_array, 1u << 1 | 1u << 10},
	    {read_string, 1u << 2 | 1u << 6 | 1u << 9},
	    {read_integer, 1u << 3},
	    {read_bool, 1u << 4},
	    {read_digest, 1u << 5},
	    {read_literal, 1u << 6},
	    {read_null, 1u << 7},
	};

	(void)state;
	for (size_t i = 0; i < countof(readers); i++) {
		for (size_t j = 0; j < countof(values); j++) {
			CLEANUP(json_freep)
			json_t *document = NULL;
			struct json_at root;
			struct err err = {0};
			char text[128];
			bool takes = (readers[i].takes >> j & 1) != 0;

			snprintf(text, sizeof(text), "{\"m\":%s}", values[j]);
			document = parsed(text);
			root = json_root(document, CODE);
			assert_refused(readers[i].read(&root, &err),
			    takes ? 0 : (int)CODE);
			if (!takes)
				assert_string_equal(err.field, "m");
		}
	}
}

static void
json_readers_say_which_member_is_missing(void **state)
{
	static reader *const readers[] = {read_object, read_array, read_string,
	    read_integer, read_bool, read_digest, read_literal, read_null};
	CLEANUP(json_freep)
	json_t *document = parsed("{\"n\":1}");
	struct json_at root = json_root(document, CODE);

	(void)state;
	for (size_t i = 0; i < countof(readers); i++) {
		struct err err = {0};

		assert_refused(readers[i](&root, &err), CODE);
		assert_string_equal(err.field, "m");
		assert_string_equal(err.text, "m: missing");
	}
}

static void
json_integer_keeps_to_its_range(void **state)
{
	static const struct {
		const char *text;
		int code;
	} rows[] = {{"-5", 0}, {"5", 0}, {"-6", MANIFEST_MALFORMED},
	    {"6", MANIFEST_MALFORMED},
	    {"9223372036854775807", MANIFEST_MALFORMED},
	    {"-9223372036854775808", MANIFEST_MALFORMED},
	    {"1e0", MANIFEST_MALFORMED}, {"-0", 0}};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		CLEANUP(json_freep)
		json_t *document = NULL;
		struct json_at root;
		struct err err = {0};
		char text[64];

		snprintf(text, sizeof(text), "{\"m\":%s}", rows[i].text);
		document = parsed(text);
		root = json_root(document, CODE);
		assert_refused(read_integer(&root, &err), rows[i].code);
	}
}

static void
json_integer_holds_the_ends_of_64_bits(void **state)
{
	CLEANUP(json_freep)
	json_t *document =
	    parsed("{\"a\":9223372036854775807,\"b\":-9223372036854775808}");
	struct json_at root = json_root(document, CODE);
	struct err err;
	int64_t integer;

	(void)state;
	assert_refused(
	    json_integer_in(&root, "a", INT64_MIN, INT64_MAX, &integer, &err),
	    0);
	assert_true(integer == INT64_MAX);
	assert_refused(
	    json_integer_in(&root, "b", INT64_MIN, INT64_MAX, &integer, &err),
	    0);
	assert_true(integer == INT64_MIN);
}

static void
json_string_and_array_keep_to_their_limits(void **state)
{
	CLEANUP(json_freep)
	json_t *document = parsed(
	    "{\"m\":\"123456789\",\"s\":\"12345678\",\"u\":"
	    "\"\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\",\"l\":[1,2,3]}");
	struct json_at root = json_root(document, CODE);
	struct json_at array;
	const char *string;
	struct err err;

	(void)state;
	assert_refused(json_string_in(&root, "s", 8, &string, &err), 0);
	assert_string_equal(string, "12345678");
	assert_refused(read_string(&root, &err), CODE);
	assert_has(err.text, "m: 9 bytes, limit 8");
	/* Bytes count, not characters. */
	assert_refused(json_string_in(&root, "u", 9, &string, &err), CODE);
	assert_refused(json_array_in(&root, "l", 3, &array, &err), 0);
	assert_refused(json_array_in(&root, "l", 2, &array, &err), CODE);
	assert_has(err.text, "l: 3 items, limit 2");
}

static void
json_base64_says_where_it_is_and_what_is_wrong(void **state)
{
	static const struct {
		const char *value;
		enum err_code code;
		const char *why;
	} rows[] = {
	    {"\"Zm 9v\"", BASE64_WHITESPACE, "o.m: base64: white space"},
	    {"\"+-AA\"", BASE64_ALPHABETS_MIXED, "o.m: base64: both"},
	    {"\"Zm9\"", MANIFEST_MALFORMED, "o.m: base64: length"},
	    {"\"Zm9vZm9vZm9v\"", MANIFEST_MALFORMED, "o.m: 12 bytes, limit 8"},
	    {"1", MANIFEST_MALFORMED, "o.m: not a string"},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		CLEANUP(json_freep) json_t *document = NULL;
		struct json_at root, object;
		uint8_t mark;
		uint8_t *data = &mark;
		size_t len = 77;
		struct err err;
		char text[64];

		snprintf(text, sizeof(text), "{\"o\":{\"m\":%s}}",
		    rows[i].value);
		document = parsed(text);
		root = json_root(document, CODE);
		assert_refused(json_object_in(&root, "o", &object, &err), 0);
		assert_refused(
		    json_base64_in(&object, "m", 8, &data, &len, &err),
		    rows[i].code);
		assert_string_equal(err.field, "o.m");
		assert_has(err.text, rows[i].why);
		assert_ptr_equal(data, &mark);
		assert_int_equal(len, 77);
	}
}

static void
json_errors_escape_the_names_of_members(void **state)
{
	CLEANUP(json_freep)
	json_t *document = parsed("{\"\\u001b[31m\":1}");
	struct json_at root = json_root(document, CODE);
	struct json_at at;
	struct err err;

	(void)state;
	assert_refused(json_object_in(&root, "\x1b[31m", &at, &err), CODE);
	assert_string_equal(err.field, "\\x1b[31m");
	assert_string_equal(err.text, "\\x1b[31m: not an object");
}

static void
json_literal_shows_what_came_in_its_place_escaped(void **state)
{
	CLEANUP(json_freep)
	json_t *document = parsed("{\"m\":\"p\\u001b\"}");
	struct json_at root = json_root(document, CODE);
	struct err err;

	(void)state;
	assert_refused(read_literal(&root, &err), CODE);
	assert_string_equal(err.text, "m: \"p\\x1b\" instead of \"pv\"");
}

static void
json_errors_name_the_whole_path(void **state)
{
	CLEANUP(json_freep)
	json_t *document = parsed("{\"limits\":{\"vcpus\":{\"min\":\"x\"}},"
				  "\"list\":[{\"a\":1},7,\"s\"]}");
	struct json_at root = json_root(document, CODE);
	struct json_at limits;
	struct json_at vcpus;
	struct json_at list;
	struct json_at item;
	const char *string;
	int64_t integer;
	struct err err;

	(void)state;
	assert_refused(json_object_in(&root, "limits", &limits, &err), 0);
	assert_refused(json_object_in(&limits, "vcpus", &vcpus, &err), 0);
	assert_refused(json_integer_in(&vcpus, "min", 1, 2, &integer, &err),
	    CODE);
	assert_string_equal(err.field, "limits.vcpus.min");
	assert_string_equal(err.text, "limits.vcpus.min: not an integer");

	assert_refused(json_array_in(&root, "list", 3, &list, &err), 0);
	assert_refused(json_item_object(&list, 0, &item, &err), 0);
	assert_refused(json_string_in(&item, "a", 9, &string, &err), CODE);
	assert_string_equal(err.field, "list[0].a");
	assert_refused(json_item_object(&list, 1, &item, &err), CODE);
	assert_string_equal(err.text, "list[1]: not an object");
	assert_refused(json_item_string(&list, 1, 9, &string, &err), CODE);
	assert_string_equal(err.field, "list[1]");
	assert_refused(json_item_string(&list, 2, 9, &string, &err), 0);
	assert_string_equal(string, "s");
	assert_refused(json_item_string(&list, 2, 0, &string, &err), CODE);
}

static void
json_errors_cut_a_long_path(void **state)
{
	char member[200];
	struct json_at root = json_root(NULL, CODE);
	struct err err;

	(void)state;
	memset(member, 'm', sizeof(member));
	member[sizeof(member) - 1] = '\0';
	assert_refused(json_refuse(&root, member, &err, "no"), CODE);
	assert_int_equal(strlen(err.field), sizeof(err.field) - 1);
	assert_string_equal(err.field + strlen(err.field) - 4, "m...");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(json_parse_takes_an_object),
	    cmocka_unit_test(json_parse_refuses_what_is_not_an_object),
	    cmocka_unit_test(
		json_parse_names_a_duplicate_member_however_it_is_written),
	    cmocka_unit_test(json_parse_names_bytes_behind_the_document),
	    cmocka_unit_test(json_parse_keeps_a_code_that_is_no_refusal),
	    cmocka_unit_test(json_base64_says_where_it_is_and_what_is_wrong),
	    cmocka_unit_test(json_errors_escape_the_names_of_members),
	    cmocka_unit_test(json_parse_refuses_zero_bytes_in_strings),
	    cmocka_unit_test(json_parse_refuses_numbers_that_it_cannot_hold),
	    cmocka_unit_test(json_parse_refuses_text_that_is_not_utf_8),
	    cmocka_unit_test(json_parse_counts_depth_outside_of_strings),
	    cmocka_unit_test(json_parse_refuses_a_million_brackets),
	    cmocka_unit_test(json_parse_takes_so_many_values_and_no_more),
	    cmocka_unit_test(json_parse_takes_no_memory_for_what_is_too_much),
	    cmocka_unit_test(json_known_refuses_other_members),
	    cmocka_unit_test(json_has_sees_null_as_absent),
	    cmocka_unit_test(json_readers_take_their_type_and_no_other),
	    cmocka_unit_test(json_readers_say_which_member_is_missing),
	    cmocka_unit_test(json_integer_keeps_to_its_range),
	    cmocka_unit_test(json_integer_holds_the_ends_of_64_bits),
	    cmocka_unit_test(json_string_and_array_keep_to_their_limits),
	    cmocka_unit_test(json_literal_shows_what_came_in_its_place_escaped),
	    cmocka_unit_test(json_errors_name_the_whole_path),
	    cmocka_unit_test(json_errors_cut_a_long_path),
	};

	return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
