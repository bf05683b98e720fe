/*
 * Runs each file of tests/golden/image-store/bad/<ERROR_NAME>/ through what
 * reads files of its kind, and compares the error with the directory's name.
 */
#include "store_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "image-store/pack/archive.h"
#include "image-store/pack/elf_notes.h"
#include "image-store/unpack/kernel_unpack.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_write.h"
#include "image-store/payload.h"
#include "image-store/ramdisk.h"
#include "image-store/store_index.h"
#include "keys/dsse.h"

static int
read_manifest(struct bytes file, struct err *err)
{
	struct manifest manifest;

	return manifest_decode(file, &manifest, err);
}

static int
read_statement(struct bytes file, struct err *err)
{
	struct manifest manifest;

	return payload_decode(DSSE_STATEMENT_PAYLOAD_TYPE, file, &manifest,
	    err);
}

/* As packing does, with the size that the kernel claims. */
static int
read_kernel(struct bytes file, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *elf = NULL;
	enum kernel_format format;
	struct elf_notes notes;
	uint64_t size_bytes = file.len;

	TRY(kernel_format_of(file, &format, err));
	if (format == KERNEL_BZIMAGE)
		TRY(kernel_claimed_elf_size(file, &size_bytes, err));
	TRY(kernel_unpack(file, size_bytes, NULL, &elf, err));
	TRY(elf_notes_read(sealed_bytes(elf), &notes, err));
	TRY(elf_notes_require_pv(&notes, err));
	return 0;
}

/* In an otherwise good store. */
static int
read_index(struct bytes file, struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list list = {0};
	CLEANUP(closep) int dir_fd = -1;

	write_file("store/index.json", file);
	TRY(layout_open("store", &dir_fd, err));
	TRY(layout_read(dir_fd, NULL, &list, err));
	return 0;
}

static int
read_store_index(struct bytes file, struct err *err)
{
	CLEANUP(store_index_freep) struct store_index *index = NULL;

	return store_index_decode(file, &index, err);
}

/* Into a fresh directory, outside of which nothing may appear. */
static int
unpack_archive(struct bytes file, struct err *err)
{
	static int number;
	CLEANUP(closep) int dir_fd = -1;
	char dir[32];
	size_t around = count_files(".");
	int code;

	snprintf(dir, sizeof(dir), "archive-%d", number++);
	assert_int_equal(mkdir(dir, 0700), 0);
	dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(dir_fd, "blobs", 0700), 0);
	assert_int_equal(mkdirat(dir_fd, "blobs/sha256", 0700), 0);
	write_file("archive.tar", file);
	code = archive_unpack("archive.tar", dir_fd, err);
	assert_int_equal(unlink("archive.tar"), 0);
	assert_int_equal(count_files("."), around + 1);
	return code;
}

static const struct {
	const char *suffix;
	int (*read)(struct bytes file, struct err *err);
} kinds[] = {
    {".json", read_manifest},
    {".statement", read_statement},
    {".kernel", read_kernel},
    {".ramdisk", ramdisk_check},
    {".index", read_index},
    {".store-index", read_store_index},
    {".tar", unpack_archive},
};

static bool
ends_in(const char *name, const char *suffix)
{
	size_t len = strlen(name);
	size_t suffix_len = strlen(suffix);

	return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

static void
check_file(const char *path, const char *code_name)
{
	CLEANUP(buffer_done) struct buffer file = read_file(path);

	for (size_t i = 0; i < countof(kinds); i++) {
		struct err err = {0};

		if (!ends_in(path, kinds[i].suffix))
			continue;
		if (kinds[i].read(buffer_bytes(&file), &err) == 0)
			fail_msg("%s: accepted", path);
		if (strcmp(err_name(err.code), code_name) != 0)
			fail_msg("%s: %s: %s", path, err_name(err.code),
			    err.text);
		return;
	}
	fail_msg("%s: a file of no known kind", path);
}

/* How many entries there are; each goes to `check` with its path. */
static size_t
for_each(const char *path, const char *what,
    void (*check)(const char *path, const char *name))
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	if (dir == NULL)
		fail_msg("%s: no %s", path, what);
	while ((entry = readdir(dir)) != NULL) {
		char full[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(full, sizeof(full), "%s/%s", path, entry->d_name);
		check(full, entry->d_name);
		count++;
	}
	closedir(dir);
	return count;
}

static const char *code_name_now;

static void
check_one(const char *path, const char *name)
{
	(void)name;
	check_file(path, code_name_now);
}

static void
check_directory(const char *path, const char *name)
{
	code_name_now = name;
	if (for_each(path, "directory of an error", check_one) == 0)
		fail_msg("%s: empty", path);
}

static void
each_bad_file_gives_the_error_of_its_directory(void **state)
{
	struct err err;

	(void)state;
	assert_code(layout_init("store", &err), 0);
	assert_true(
	    for_each(GOLDEN_BAD, "golden files", check_directory) >= 10);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(
		each_bad_file_gives_the_error_of_its_directory, enter_directory,
		leave_directory),
	};

	return cmocka_run_group_tests_name("golden", tests, NULL, NULL);
}
