#include "base_fixture.h"

#include <stdlib.h>

#include "base/scope.h"

/* On the heap and exactly as long, so that ASan sees a byte too far. */
static uint8_t *
five_bytes(void)
{
	uint8_t *data = malloc(5);

	assert_non_null(data);
	for (size_t i = 0; i < 5; i++)
		data[i] = (uint8_t)(i + 1);
	return data;
}

static void
bytes_part_gives_only_what_is_inside(void **state)
{
	CLEANUP(freep)
	uint8_t *data = five_bytes();
	struct bytes all = bytes_of(data, 5);
	struct bytes part;

	(void)state;
	for (size_t offset = 0; offset <= 5; offset++) {
		for (size_t len = 0; len <= 5 - offset; len++) {
			assert_true(bytes_part(all, offset, len, &part));
			assert_ptr_equal(part.ptr, data + offset);
			assert_int_equal(part.len, len);
		}
	}
}

static void
bytes_part_refuses_what_is_not_inside(void **state)
{
	static const size_t bad[][2] = {{0, 6}, {5, 1}, {6, 0}, {1, SIZE_MAX},
	    {SIZE_MAX, 1}, {SIZE_MAX, SIZE_MAX}, {SIZE_MAX, 0}, {3, 3}};
	CLEANUP(freep)
	uint8_t *data = five_bytes();
	struct bytes all = bytes_of(data, 5);

	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		struct bytes part = {.len = 77};

		assert_false(bytes_part(all, bad[i][0], bad[i][1], &part));
		assert_int_equal(part.len, 77);
	}
}

static void
bytes_integers_are_little_endian(void **state)
{
	static const uint8_t data[] = {0xfe, 0xff, 0x00, 0x80, 0x01};
	struct bytes all = bytes_of(data, sizeof(data));
	uint8_t u8;
	uint16_t le16;
	uint32_t le32;

	(void)state;
	assert_true(bytes_u8(all, 4, &u8));
	assert_int_equal(u8, 0x01);
	assert_true(bytes_le16(all, 0, &le16));
	assert_int_equal(le16, 0xfffe);
	assert_true(bytes_le16(all, 3, &le16));
	assert_int_equal(le16, 0x0180);
	assert_true(bytes_le32(all, 0, &le32));
	assert_int_equal(le32, 0x8000fffe);
	assert_true(bytes_le32(all, 1, &le32));
	assert_int_equal(le32, 0x018000ff);
}

static void
bytes_integers_must_lie_inside(void **state)
{
	static const size_t far[] = {6, 100, SIZE_MAX, SIZE_MAX - 1,
	    SIZE_MAX - 3};
	CLEANUP(freep)
	uint8_t *data = five_bytes();
	struct bytes all = bytes_of(data, 5);
	uint8_t u8 = 7;
	uint16_t le16 = 7;
	uint32_t le32 = 7;

	(void)state;
	assert_false(bytes_u8(all, 5, &u8));
	assert_false(bytes_le16(all, 4, &le16));
	assert_false(bytes_le32(all, 2, &le32));
	for (size_t i = 0; i < countof(far); i++) {
		assert_false(bytes_u8(all, far[i], &u8));
		assert_false(bytes_le16(all, far[i], &le16));
		assert_false(bytes_le32(all, far[i], &le32));
	}
	assert_false(bytes_u8(bytes_of(NULL, 0), 0, &u8));
	assert_false(bytes_le32(bytes_of(NULL, 0), 0, &le32));
	assert_int_equal(u8 + le16 + le32, 21);
}

static void
bytes_equal_compares_length_and_content(void **state)
{
	(void)state;
	assert_true(bytes_equal(bytes_of_str("ab"), bytes_of("abc", 2)));
	assert_true(bytes_equal(bytes_of(NULL, 0), bytes_of_str("")));
	assert_false(bytes_equal(bytes_of_str("ab"), bytes_of_str("abc")));
	assert_false(bytes_equal(bytes_of_str("ab"), bytes_of_str("aB")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(bytes_part_gives_only_what_is_inside),
	    cmocka_unit_test(bytes_part_refuses_what_is_not_inside),
	    cmocka_unit_test(bytes_integers_are_little_endian),
	    cmocka_unit_test(bytes_integers_must_lie_inside),
	    cmocka_unit_test(bytes_equal_compares_length_and_content),
	};

	return cmocka_run_group_tests_name("bytes", tests, NULL, NULL);
}
