/*
 * Who may write a store's directory puts something else in the place of its
 * parts. Then somebody with more rights adds to the store, imports into it or
 * signs its index: nothing may be written, replaced or opened outside of it.
 */
#include "store_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/scope.h"
#include "image-store/pack/archive.h"
#include "image-store/pack/archive_dir.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"
#include "image-store/pack/oci_encode.h"
#include "image-store/pack/store_index_write.h"
#include "image-store/pack/transfer.h"
#include "keys/dsse.h"

/* Of the empty config, which whoever writes into a store writes. */
#define A_BLOB          \
	LAYOUT_BLOB_DIR \
	"/44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

enum kind { LINK, DANGLING, FIFO, DEVICE, KINDS };

/* What happens right after the n-th directory is made, from one. */
static size_t swap_at;
static size_t made;

/* Temporary names are known before. */
static bool is_guessed;

ssize_t __real_getrandom(void *bytes, size_t len, unsigned int flags);
ssize_t __wrap_getrandom(void *bytes, size_t len, unsigned int flags);
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_mkdirat(int dir_fd, const char *path, mode_t mode);
int __wrap_mkdirat(int dir_fd, const char *path, mode_t mode);

ssize_t
__wrap_getrandom(void *bytes, size_t len, unsigned int flags)
{
	if (!is_guessed)
		return __real_getrandom(bytes, len, flags);
	memset(bytes, 0, len);
	return (ssize_t)len;
}

/* The owner of the directory around it is quick. */
static void
swap(int dir_fd, const char *path)
{
	if (++made != swap_at)
		return;
	assert_int_equal(renameat(dir_fd, path, AT_FDCWD, "moved"), 0);
	assert_int_equal(symlinkat("/proc/self/cwd/victim", dir_fd, path), 0);
}

int
__wrap_mkdir(const char *path, mode_t mode)
{
	TRY(__real_mkdir(path, mode));
	swap(AT_FDCWD, path);
	return 0;
}

int
__wrap_mkdirat(int dir_fd, const char *path, mode_t mode)
{
	TRY(__real_mkdirat(dir_fd, path, mode));
	swap(dir_fd, path);
	return 0;
}

/* "store" is empty, and "source" has an image and an index. */
static int
enter_stores(void **state)
{
	struct err err;

	swap_at = 0;
	is_guessed = false;
	if (enter_directory(state) != 0)
		return -1;
	make_image_dir("dir", "web", "1");
	assert_code(layout_init("store", &err), 0);
	assert_code(layout_init("source", &err), 0);
	assert_code(layout_add("source", "dir", false, &err), 0);
	assert_int_equal(mkdir("outside", 0755), 0);
	return 0;
}

static int
add(struct err *err)
{
	return layout_add("store", "dir", true, err);
}

static int
import(struct err *err)
{
	static const struct transfer_wanted all;
	CLEANUP(transfer_done) struct transfer transfer = {0};
	CLEANUP(closep) int fd = -1;

	assert_code(layout_open("source", &fd, err), 0);
	assert_code(transfer_plan(fd, &all, &transfer, err), 0);
	return transfer_to_store(fd, &transfer, "store", true, err);
}

static int
sign_index(struct err *err)
{
	CLEANUP(freep) char *payload = NULL;
	CLEANUP(freep) char *envelope = NULL;
	CLEANUP(closep) int fd = -1;

	assert_code(layout_open("source", &fd, err), 0);
	assert_code(store_index_encode(fd, 1, 0, &payload, err), 0);
	envelope =
	    sign_payload(SIGNER_PROD, DSSE_STORE_INDEX_PAYLOAD_TYPE, payload);
	return store_index_put("store", bytes_of_str(envelope), err);
}

static int (*const acts[])(struct err *) = {add, import, sign_index};

/* False if this user may not make one. */
static bool
put(enum kind kind, const char *path)
{
	char moved[] = "outside/moved";

	if (kind == LINK)
		(void)rename(path, moved);
	switch (kind) {
	case LINK:
		return symlink("/proc/self/cwd/outside/moved", path) == 0;
	case DANGLING:
		return symlink("/proc/self/cwd/outside/none", path) == 0;
	case FIFO:
		return mkfifo(path, 0600) == 0;
	case DEVICE:
		return mknod(path, S_IFCHR | 0600, makedev(1, 3)) == 0;
	case KINDS:
		break;
	}
	return false;
}

/* A number that changes with each name below, its kind, its mode and size. A
 * blob that is written again is the same. */
static size_t
count_below(const char *path)
{
	char command[256];
	char line[32] = "";
	FILE *pipe;

	snprintf(command, sizeof(command),
	    "find %s -printf '%%p %%y %%m %%s\\n' | cksum | cut -d ' ' -f 1",
	    path);
	pipe = popen(command, "r");
	assert_non_null(pipe);
	assert_non_null(fgets(line, sizeof(line), pipe));
	assert_int_equal(pclose(pipe), 0);
	return strtoul(line, NULL, 10);
}

static void
assert_untouched(const char *part, enum kind kind)
{
	for (size_t i = 0; i < countof(acts); i++) {
		size_t outside = count_below("outside");
		size_t inside = count_below("store");
		struct err err;

		if (acts[i](&err) != STORE_MALFORMED)
			fail_msg("%s as kind %d, act %zu: %s", part, kind, i,
			    err.text);
		assert_int_equal(count_below("outside"), outside);
		assert_int_equal(count_below("store"), inside);
	}
}

static void
try_part(const char *part, const char *start, enum kind kind)
{
	char path[256];

	assert_int_equal(system("rm -rf store outside"), 0);
	assert_int_equal(system("mkdir outside"), 0);
	snprintf(path, sizeof(path), "cp -a %s store", start);
	assert_int_equal(system(path), 0);
	snprintf(path, sizeof(path), "store/%s", part);
	if (kind != LINK) {
		char command[300];

		snprintf(command, sizeof(command), "rm -rf %s", path);
		assert_int_equal(system(command), 0);
	}
	if (put(kind, path))
		assert_untouched(part, kind);
	else
		print_message("%s: kind %d: not for this user\n", part, kind);
}

static void
writers_touch_nothing_outside_whatever_a_part_is_replaced_by(void **state)
{
	static const char *const parts[] = {"oci-layout", "index.json", "blobs",
	    "blobs/sha256"};

	(void)state;
	assert_int_equal(rename("store", "empty"), 0);
	for (size_t p = 0; p < countof(parts); p++)
		for (enum kind kind = LINK; kind < KINDS; kind++)
			try_part(parts[p], "empty", kind);
}

static void
writers_replace_no_blob_that_is_not_a_regular_file(void **state)
{
	(void)state;
	assert_int_equal(rename("store", "empty"), 0);
	for (enum kind kind = LINK; kind < KINDS; kind++)
		try_part(A_BLOB, "source", kind);
}

/* The part is there when it is looked at, and another when it is written. */
static void
what_is_swapped_under_the_lock_is_not_followed(void **state)
{
	CLEANUP(json_freep) json_t *index = NULL;
	CLEANUP(closep) int dir_fd = -1;
	size_t outside;
	struct err err;

	(void)state;
	assert_code(layout_lock("store", &dir_fd, &err), 0);
	assert_code(layout_read_index(dir_fd, &index, &err), 0);
	assert_true(put(LINK, "store/blobs"));
	outside = count_below("outside");
	assert_code(layout_write_blob(dir_fd, bytes_of_str("x"), &err),
	    STORE_MALFORMED);
	assert_int_equal(unlink("store/index.json"), 0);
	assert_true(put(DANGLING, "store/index.json"));
	assert_code(layout_write_index(dir_fd, index, &err), STORE_MALFORMED);
	assert_int_equal(count_below("outside"), outside);
}

/* Even if the whole store is: what is locked is what is written. */
static void
a_store_that_is_swapped_under_the_lock_stays_the_one_written(void **state)
{
	CLEANUP(closep) int dir_fd = -1;
	size_t outside;
	struct err err;

	(void)state;
	assert_code(layout_lock("store", &dir_fd, &err), 0);
	assert_int_equal(rename("store", "moved"), 0);
	assert_int_equal(rename("source", "outside/source"), 0);
	assert_int_equal(symlink("outside/source", "store"), 0);
	outside = count_below("outside");
	assert_code(layout_write_blob(dir_fd, bytes_of_str("{}"), &err), 0);
	assert_int_equal(count_below("outside"), outside);
	assert_int_equal(access("moved/" A_BLOB, F_OK), 0);
}

/* Whoever sees one made could be as quick as to take its place. */
static void
a_link_under_a_temporary_name_is_not_followed(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(symlink("/proc/self/cwd/outside/x",
			     "store/" A_BLOB ".0000000000000000.new"),
	    0);
	is_guessed = true;
	for (size_t i = 0; i < countof(acts); i++)
		assert_code(acts[i](&err), STORE_IO);
	assert_int_equal(count_files("outside"), 0);
}

/* A directory of somebody else's, empty and closed, stays both. */
static void
a_store_that_is_swapped_while_it_is_made_is_given_up(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(__real_mkdir("victim", 0700), 0);
	for (size_t n = 1; n <= 3; n++) {
		made = 0;
		swap_at = n;
		if (layout_init("new", &err) == 0)
			fail_msg("directory %zu was swapped", n);
		assert_mode("victim", 0700);
		assert_int_equal(count_files("victim"), 0);
		assert_int_equal(system("rm -rf new moved"), 0);
	}
	made = 0;
	swap_at = 0;
	assert_code(layout_init("new", &err), 0);
	assert_int_equal(made, 3);
}

static int
unpack(struct err *err)
{
	CLEANUP(archive_dir_done) struct archive_dir dir = ARCHIVE_DIR_NONE;

	return archive_dir_unpack(&dir, "store/", "archive", err);
}

static void export(void)
{
	static const struct transfer_wanted all;
	CLEANUP(transfer_done) struct transfer transfer = {0};
	CLEANUP(closep) int fd = -1;
	struct err err;

	assert_code(layout_open("source", &fd, &err), 0);
	assert_code(transfer_plan(fd, &all, &transfer, &err), 0);
	assert_code(archive_write(fd, &transfer, "archive", &err), 0);
}

static void
an_archive_is_unpacked_into_no_directory_but_its_own(void **state)
{
	struct err err;
	size_t files;

	(void)state;
	export();
	assert_int_equal(__real_mkdir("victim", 0700), 0);
	files = count_files(".");
	made = 0;
	assert_code(unpack(&err), 0);
	assert_int_equal(made, 3);
	assert_int_equal(count_files("."), files);
	made = 0;
	swap_at = 1;
	assert_code(unpack(&err), STORE_IO);
	assert_int_equal(count_files("victim"), 0);
}

/* What lies in the place of the directory by now is not emptied. */
static void
an_archive_that_was_moved_is_removed_where_it_is(void **state)
{
	struct archive_dir dir = ARCHIVE_DIR_NONE;
	size_t victim;
	struct err err;

	(void)state;
	export();
	assert_int_equal(system("cp -r source victim"), 0);
	victim = count_below("victim");
	assert_code(archive_dir_unpack(&dir, "store", "archive", &err), 0);
	assert_int_equal(rename(dir.name, "moved"), 0);
	assert_int_equal(rename("victim", dir.name), 0);
	assert_int_equal(symlink(dir.name, "victim"), 0);
	archive_dir_done(&dir);
	assert_int_equal(count_files("moved"), 0);
	assert_int_equal(system("mv store.import.* was; rm victim;"
				"mv was victim"),
	    0);
	assert_int_equal(count_below("victim"), victim);
}

#define stores_test(function) \
	cmocka_unit_test_setup_teardown(function, enter_stores, leave_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    stores_test(
		writers_touch_nothing_outside_whatever_a_part_is_replaced_by),
	    stores_test(writers_replace_no_blob_that_is_not_a_regular_file),
	    stores_test(what_is_swapped_under_the_lock_is_not_followed),
	    stores_test(
		a_store_that_is_swapped_under_the_lock_stays_the_one_written),
	    stores_test(a_link_under_a_temporary_name_is_not_followed),
	    stores_test(a_store_that_is_swapped_while_it_is_made_is_given_up),
	    stores_test(an_archive_is_unpacked_into_no_directory_but_its_own),
	    stores_test(an_archive_that_was_moved_is_removed_where_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
