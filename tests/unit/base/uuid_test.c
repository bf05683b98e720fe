#include "base_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "base/uuid.h"
#include "base/uuid_make.h"

#define TEXT "6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d11"

static const uint8_t uuid[UUID_BYTES] = {0x6a, 0x2f, 0x3f, 0x1c, 0x0b, 0x6e,
    0x4a, 0x54, 0x9a, 0x55, 0x8a, 0x7f, 0x2f, 0x3b, 0x9d, 0x11};

static void
uuid_text_is_written_as_xl_does(void **state)
{
	char text[UUID_TEXT_SIZE];

	(void)state;
	uuid_text(uuid, text);
	assert_string_equal(text, TEXT);
}

static void
uuid_text_is_read_back(void **state)
{
	uint8_t back[UUID_BYTES];

	(void)state;
	assert_true(uuid_from_text(TEXT, back));
	assert_memory_equal(back, uuid, UUID_BYTES);
}

static void
uuid_from_text_refuses_everything_else(void **state)
{
	static const char *const texts[] = {"", "6", TEXT "0", TEXT " ",
	    "6A2F3F1C-0B6E-4A54-9A55-8A7F2F3B9D11",
	    "6a2f3f1c0b6e4a549a558a7f2f3b9d11",
	    "{6a2f3f1c-0b6e-4a54-9a55-8a7f2f3b9d1",
	    "6a2f3f1-c0b6e-4a54-9a55-8a7f2f3b9d11",
	    "6a2f3f1c-0b6e-4a54-9a55_8a7f2f3b9d11",
	    "6a2f3f1c-0b6e-4a54-9a55--a7f2f3b9d11",
	    "00000000-0000-0000-0000-000000000000"};
	uint8_t back[UUID_BYTES];
	uint8_t before[UUID_BYTES];

	(void)state;
	memset(back, 0x5a, sizeof(back));
	memcpy(before, back, sizeof(back));
	for (size_t i = 0; i < countof(texts); i++) {
		if (uuid_from_text(texts[i], back))
			fail_msg("%s was taken", texts[i]);
	}
	assert_memory_equal(back, before, UUID_BYTES);
}

static void
uuid_from_text_refuses_every_shorter_text(void **state)
{
	uint8_t back[UUID_BYTES];

	(void)state;
	for (size_t len = 0; len < UUID_TEXT_SIZE - 1; len++) {
		char text[] = TEXT;

		text[len] = '\0';
		assert_false(uuid_from_text(text, back));
		text[len] = 'g';
		assert_false(uuid_from_text(text, back));
	}
}

static void
uuid_random_is_version_four_and_not_twice_the_same(void **state)
{
	uint8_t one[UUID_BYTES];
	uint8_t other[UUID_BYTES];
	struct err err;

	(void)state;
	assert_refused(uuid_random(one, &err), 0);
	assert_refused(uuid_random(other, &err), 0);
	assert_memory_not_equal(one, other, UUID_BYTES);
	assert_int_equal(one[6] >> 4, 4);
	assert_int_equal(one[8] >> 6, 2);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(uuid_text_is_written_as_xl_does),
	    cmocka_unit_test(uuid_text_is_read_back),
	    cmocka_unit_test(uuid_from_text_refuses_everything_else),
	    cmocka_unit_test(uuid_from_text_refuses_every_shorter_text),
	    cmocka_unit_test(
		uuid_random_is_version_four_and_not_twice_the_same),
	};

	return cmocka_run_group_tests_name("uuid", tests, NULL, NULL);
}
