#include "base_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "measure/predict/cpio.h"

/* One file "a" of three bytes, at the second 0x12345678. */
static const char expected[] = "070701"
			       "00000001"
			       "000081a4"
			       "00000000"
			       "00000000"
			       "00000001"
			       "12345678"
			       "00000003"
			       "00000000"
			       "00000000"
			       "00000000"
			       "00000000"
			       "00000002"
			       "00000000"
			       "a\0"
			       "abc\0"
			       "070701"
			       "00000002"
			       "00000000"
			       "00000000"
			       "00000000"
			       "00000001"
			       "00000000"
			       "00000000"
			       "00000000"
			       "00000000"
			       "00000000"
			       "00000000"
			       "0000000b"
			       "00000000"
			       "TRAILER!!!\0";

static struct cpio
good(void)
{
	struct cpio cpio = {.max_bytes = 4096, .mtime = 0x12345678};
	struct err err = {0};

	assert_refused(
	    cpio_add(&cpio, "a", S_IFREG | 0644, bytes_of_str("abc"), &err), 0);
	assert_refused(cpio_end(&cpio, &err), 0);
	return cpio;
}

static void
cpio_has_exactly_these_bytes(void **state)
{
	CLEANUP(cpio_done) struct cpio cpio = good();

	(void)state;
	assert_int_equal(cpio.len, 512);
	assert_memory_equal(cpio.data, expected, sizeof(expected) - 1);
	for (size_t i = sizeof(expected) - 1; i < cpio.len; i++)
		assert_int_equal(cpio.data[i], 0);
}

static void
cpio_check_takes_one_archive_or_several(void **state)
{
	CLEANUP(cpio_done) struct cpio cpio = good();
	CLEANUP(cpio_done) struct cpio two = {.max_bytes = 4096};
	struct err err = {0};

	(void)state;
	assert_refused(cpio_check(bytes_of(cpio.data, cpio.len), &err), 0);
	for (size_t i = 0; i < 2; i++)
		assert_refused(
		    cpio_add_archive(&two, bytes_of(cpio.data, cpio.len), &err),
		    0);
	assert_refused(cpio_check(bytes_of(two.data, two.len), &err), 0);
}

static void
cpio_keeps_its_limit(void **state)
{
	struct cpio cpio = {.max_bytes = 200};
	uint8_t data[100] = {0};
	struct err err = {0};

	(void)state;
	assert_refused(cpio_add(&cpio, "a", S_IFREG, bytes_of(data, 86), &err),
	    0);
	assert_refused(cpio_add(&cpio, "b", S_IFREG, bytes_of(data, 0), &err),
	    IMAGE_TOO_LARGE);
	cpio_done(&cpio);
	cpio.max_bytes = 200;
	assert_refused(cpio_add(&cpio, "a", S_IFREG, bytes_of(data, 100), &err),
	    IMAGE_TOO_LARGE);
	cpio_done(&cpio);
}

static const struct {
	size_t offset;
	const char *bytes;
	const char *complaint;
} bad[] = {
    {0, "070702", "offset 0: no newc header"},
    {0, "\x1f\x8b", "offset 0: no newc header"},
    {6, "0000000g", "offset 0: field 0 is not 8 hex digits"},
    {6 + 8 * 12, "-0000000", "offset 0: field 12"},
    {6 + 8 * 6, "00000191", "offset 0: a file of 401 bytes is not there"},
    {6 + 8 * 6, "ffffffff", "a file of 4294967295 bytes"},
    {6 + 8 * 6, "00000005", "offset 120: no newc header"},
    {6 + 8 * 11, "00000000", "a name of 0 bytes"},
    {6 + 8 * 11, "00000001", "a name of 1 bytes"},
    {6 + 8 * 11, "00000003", "a name of 3 bytes"},
    {6 + 8 * 11, "ffffffff", "a name of 4294967295 bytes"},
    {116 + 110, "TRAILER!!?", "no newc header"},
    {508, "x", "offset 508: no newc header"},
    {511, "x", "offset 511: no newc header"},
};

static void
cpio_check_refuses_what_is_no_archive(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad); i++) {
		CLEANUP(cpio_done) struct cpio cpio = good();
		struct err err = {0};

		memcpy(cpio.data + bad[i].offset, bad[i].bytes,
		    strlen(bad[i].bytes));
		assert_refused(cpio_check(bytes_of(cpio.data, cpio.len), &err),
		    CPIO_MALFORMED);
		assert_has(err.text, bad[i].complaint);
	}
}

static void
cpio_check_refuses_an_archive_that_ends_too_early(void **state)
{
	CLEANUP(cpio_done) struct cpio cpio = good();

	(void)state;
	for (size_t len = 0; len < sizeof(expected) - 1; len++) {
		CLEANUP(freep) uint8_t *copy = malloc(len + 1);
		struct err err = {0};

		memcpy(copy, cpio.data, len);
		assert_refused(cpio_check(bytes_of(copy, len), &err),
		    CPIO_MALFORMED);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(cpio_has_exactly_these_bytes),
	    cmocka_unit_test(cpio_check_takes_one_archive_or_several),
	    cmocka_unit_test(cpio_keeps_its_limit),
	    cmocka_unit_test(cpio_check_refuses_what_is_no_archive),
	    cmocka_unit_test(cpio_check_refuses_an_archive_that_ends_too_early),
	};

	return cmocka_run_group_tests_name("cpio", tests, NULL, NULL);
}
