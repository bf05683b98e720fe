#include "store_fixture.h"

#include "base/scope.h"
#include "image-store/ramdisk.h"

/* A "gzip file" of 32 bytes that claims to unpack to `claimed`. */
static int
check_claim(uint32_t claimed)
{
	uint8_t file[32] = {0x1f, 0x8b, 8};
	struct err err;

	put_le32(file + sizeof(file) - 4, claimed);
	return ramdisk_check(bytes_of(file, sizeof(file)), &err);
}

static void
ramdisk_check_accepts_a_gzip_file_that_gets_larger(void **state)
{
	(void)state;
	assert_code(check_claim(33), 0);
	assert_code(check_claim(UINT32_MAX), 0);
}

static void
ramdisk_check_refuses_what_libxenguest_would_unpack(void **state)
{
	(void)state;
	assert_code(check_claim(0), RAMDISK_UNPACKABLE);
	assert_code(check_claim(16), RAMDISK_UNPACKABLE);
	assert_code(check_claim(32), RAMDISK_UNPACKABLE);
}

static void
ramdisk_check_refuses_several_members_and_trailing_zeros(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer one = compress_bytes(GZIP, buffer_bytes(&elf));
	CLEANUP(buffer_done)
	struct buffer small = compress_bytes(GZIP, bytes_of_str("x"));
	CLEANUP(buffer_done) struct buffer two = {0};
	struct err err;

	(void)state;
	assert_code(ramdisk_check(buffer_bytes(&one), &err), 0);
	buffer_add(&two, one.ptr, one.len);
	buffer_add(&two, small.ptr, small.len);
	assert_code(ramdisk_check(buffer_bytes(&two), &err),
	    RAMDISK_UNPACKABLE);
	buffer_add(&one, "\0\0\0\0", 4);
	assert_code(ramdisk_check(buffer_bytes(&one), &err),
	    RAMDISK_UNPACKABLE);
}

static void
ramdisk_check_does_not_care_about_anything_else(void **state)
{
	static const char *const files[] = {"", "\x1f", "\x1f\x8b",
	    "\x1f\x8b\x08", "070701", "\3757zXZ", "\037\2360123456789"};
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(files); i++)
		assert_code(ramdisk_check(bytes_of_str(files[i]), &err), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(
		ramdisk_check_accepts_a_gzip_file_that_gets_larger),
	    cmocka_unit_test(
		ramdisk_check_refuses_what_libxenguest_would_unpack),
	    cmocka_unit_test(
		ramdisk_check_refuses_several_members_and_trailing_zeros),
	    cmocka_unit_test(ramdisk_check_does_not_care_about_anything_else),
	};

	return cmocka_run_group_tests_name("ramdisk", tests, NULL, NULL);
}
