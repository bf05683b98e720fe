#include "base_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"

static void
assert_file(const char *path, const char *expected)
{
	CLEANUP(freep)
	char *text = NULL;
	size_t len = 0;
	struct err err;

	if (file_read(path, 1000, &text, &len, &err) != 0)
		fail_msg("%s", err.text);
	assert_int_equal(len, strlen(expected));
	assert_string_equal(text, expected);
}

static mode_t
mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void
file_write_makes_a_file_with_exactly_its_mode(void **state)
{
	static const mode_t modes[] = {0600, 0644, 0400, 0666};
	mode_t old = umask(0077);
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(modes); i++) {
		assert_refused(file_write("new", bytes_of_str("text"), modes[i],
				   FILE_REPLACE, &err),
		    0);
		assert_int_equal(mode_of("new"), modes[i]);
	}
	umask(old);
	assert_file("new", "text");
	assert_int_equal(count_names(), 1);
}

static void
file_write_replaces_only_if_told_to(void **state)
{
	struct err err;

	(void)state;
	assert_refused(
	    file_write("f", bytes_of_str("one"), 0600, FILE_REFUSE, &err), 0);
	assert_refused(
	    file_write("f", bytes_of_str("two"), 0600, FILE_REFUSE, &err),
	    FILE_EXISTS);
	assert_has(err.text, "f");
	assert_file("f", "one");
	assert_refused(
	    file_write("f", bytes_of_str("three"), 0600, FILE_REPLACE, &err),
	    0);
	assert_file("f", "three");
	assert_int_equal(count_names(), 1);
}

/* A reader that has it open keeps the old file, whole. */
static void
file_write_never_changes_a_file_in_place(void **state)
{
	CLEANUP(closep)
	int old = open_file_of("f", bytes_of_str("old text"));
	char text[16] = "";
	struct err err;

	(void)state;
	assert_refused(
	    file_write("f", bytes_of_str("new"), 0600, FILE_REPLACE, &err), 0);
	assert_int_equal(read(old, text, sizeof(text) - 1), 8);
	assert_string_equal(text, "old text");
	assert_file("f", "new");
}

static void
file_write_writes_an_empty_file(void **state)
{
	struct err err;

	(void)state;
	assert_refused(
	    file_write("f", bytes_of(NULL, 0), 0600, FILE_REFUSE, &err), 0);
	assert_file("f", "");
}

static void
file_write_leaves_nothing_when_it_fails(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_refused(
	    file_write("dir", bytes_of_str("x"), 0600, FILE_REPLACE, &err),
	    FILE_EXISTS);
	assert_refused(
	    file_write("dir", bytes_of_str("x"), 0600, FILE_REFUSE, &err),
	    FILE_EXISTS);
	assert_refused(file_write("no/such/place", bytes_of_str("x"), 0600,
			   FILE_REPLACE, &err),
	    STORE_IO);
	assert_int_equal(err.sys, ENOENT);
	assert_int_equal(count_names(), 1);
}

/* It had our process number, or runs in another container and has it now. */
static void
file_write_passes_by_what_another_process_left(void **state)
{
	char left[64];
	struct err err;

	(void)state;
	snprintf(left, sizeof(left), "f.%d.new", (int)getpid());
	closep(&(int){open_file_of(left, bytes_of_str("half"))});
	assert_refused(
	    file_write("f", bytes_of_str("whole"), 0600, FILE_REFUSE, &err), 0);
	assert_file("f", "whole");
	assert_file(left, "half");
}

static void
file_temporary_name_is_new_each_time(void **state)
{
	CLEANUP(freep) char *one = NULL;
	CLEANUP(freep) char *two = NULL;
	struct err err;

	(void)state;
	assert_refused(file_temporary_name("dir/f", &one, &err), 0);
	assert_refused(file_temporary_name("dir/f", &two, &err), 0);
	assert_string_not_equal(one, two);
	assert_int_equal(strlen(one), strlen("dir/f.0123456789abcdef.new"));
	assert_memory_equal(one, "dir/f.", strlen("dir/f."));
	assert_int_equal(strspn(one + 6, "0123456789abcdef"), 16);
	assert_string_equal(one + 22, ".new");
}

/* What is there under the name stays what it is, and leads where it led. */
static void
assert_not_replaced(const char *name, mode_t kind)
{
	size_t names = count_names();
	struct stat before, after;
	struct err err;

	assert_int_equal(lstat(name, &before), 0);
	assert_int_equal(before.st_mode & S_IFMT, kind);
	assert_refused(
	    file_write(name, bytes_of_str("x"), 0600, FILE_REFUSE, &err),
	    FILE_EXISTS);
	assert_refused(
	    file_write(name, bytes_of_str("x"), 0600, FILE_REPLACE, &err),
	    FILE_EXISTS);
	assert_has(err.text, "not a regular file");
	assert_int_equal(lstat(name, &after), 0);
	assert_int_equal(after.st_ino, before.st_ino);
	assert_int_equal(after.st_mode, before.st_mode);
	assert_int_equal(count_names(), names);
}

static void
file_write_replaces_nothing_but_regular_files(void **state)
{
	(void)state;
	close(open_file_of("target", bytes_of_str("precious")));
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_not_replaced("link", S_IFLNK);
	assert_not_replaced("dangling", S_IFLNK);
	assert_not_replaced("fifo", S_IFIFO);
	assert_not_replaced("dir", S_IFDIR);
	assert_file("target", "precious");
	if (mknod("device", S_IFCHR | 0600, makedev(1, 3)) == 0)
		assert_not_replaced("device", S_IFCHR);
	else
		print_message("no device: this user may not make one\n");
}

static void
file_read_gives_all_bytes_and_one_more_nul(void **state)
{
	CLEANUP(freep)
	char *text = NULL;
	size_t len = 0;
	struct err err;

	(void)state;
	close(open_file_of("f", bytes_of("a\0b", 3)));
	assert_refused(file_read("f", 3, &text, &len, &err), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(text, "a\0b\0", 4);
}

static void
file_read_refuses_more_than_its_limit(void **state)
{
	char *text = NULL;
	size_t len = 77;
	struct err err;

	(void)state;
	close(open_file_of("f", bytes_of_str("12345")));
	assert_refused(file_read("f", 4, &text, &len, &err), IMAGE_TOO_LARGE);
	assert_has(err.text, "5 bytes, limit 4");
	/* A file whose size nobody knows beforehand. */
	assert_refused(file_read("/dev/zero", 4096, &text, &len, &err),
	    IMAGE_TOO_LARGE);
	assert_has(err.text, "over the limit of 4096 bytes");
	assert_null(text);
	assert_int_equal(len, 77);
}

static void
file_read_reports_what_it_cannot_read(void **state)
{
	char *text = NULL;
	size_t len;
	struct err err;

	(void)state;
	assert_refused(file_read("missing\x1b", 10, &text, &len, &err),
	    STORE_IO);
	assert_int_equal(err.sys, ENOENT);
	assert_has(err.text, "missing\\x1b: No such file");
	assert_refused(file_read(".", 1 << 20, &text, &len, &err), STORE_IO);
	assert_int_equal(err.sys, EISDIR);
	assert_null(text);
}

static void
file_read_regular_reads_what_file_read_reads(void **state)
{
	CLEANUP(freep)
	char *text = NULL;
	size_t len = 77;
	struct err err;

	(void)state;
	close(open_file_of("f", bytes_of("a\0b", 3)));
	assert_refused(file_read_regular("f", 2, &text, &len, &err),
	    IMAGE_TOO_LARGE);
	assert_refused(file_read_regular("missing", 3, &text, &len, &err),
	    STORE_IO);
	assert_int_equal(err.sys, ENOENT);
	assert_null(text);
	assert_int_equal(len, 77);
	assert_refused(file_read_regular("f", 3, &text, &len, &err), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(text, "a\0b\0", 4);
}

static void
assert_not_regular(const char *path, const char *why)
{
	char *text = NULL;
	size_t len = 77;
	struct err err;

	assert_refused(file_read_regular(path, 100, &text, &len, &err),
	    STORE_IO);
	assert_has(err.text, why);
	assert_null(text);
	assert_int_equal(len, 77);
}

/* Nobody writes into the FIFO: a reader that waits is ended by the alarm. */
static void
file_read_regular_refuses_at_once_what_is_no_file(void **state)
{
	(void)state;
	alarm(60);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_not_regular("fifo", "fifo: not a regular file");
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_not_regular("dir", "dir: not a regular file");
	assert_not_regular("/dev/zero", "/dev/zero: not a regular file");
	alarm(0);
}

/* Both take turns in the other's place, until this is killed. */
static pid_t
start_swapping(const char *one, const char *other)
{
	pid_t pid = fork();

	if (pid == 0)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (pid == 0)
		(void)!renameat2(AT_FDCWD, one, AT_FDCWD, other,
		    RENAME_EXCHANGE);
	assert_true(pid > 0);
	return pid;
}

/* Whoever looks first and then opens waits for a writer of the FIFO, sooner or
 * later. */
static void
file_read_regular_does_not_wait_for_a_fifo_that_is_swapped_in(void **state)
{
	size_t good = 0;
	size_t refused = 0;
	pid_t swapper;

	(void)state;
	close(open_file_of("f", bytes_of_str("text")));
	assert_int_equal(mkfifo("fifo", 0600), 0);
	swapper = start_swapping("f", "fifo");
	alarm(120);
	while (good < 20000 || refused < 20000) {
		CLEANUP(freep) char *text = NULL;
		struct err err;
		size_t len;
		int code = file_read_regular("f", 4, &text, &len, &err);

		if (code != 0)
			assert_refused(code, STORE_IO);
		*(code == 0 ? &good : &refused) += 1;
	}
	alarm(0);
	assert_int_equal(kill(swapper, SIGKILL), 0);
	assert_int_equal(waitpid(swapper, NULL, 0), swapper);
}

static void
file_read_regular_refuses_a_link_and_says_what_to_do(void **state)
{
	char *text = NULL;
	size_t len = 77;
	struct err err;

	(void)state;
	close(open_file_of("f", bytes_of_str("text")));
	assert_int_equal(symlink("f", "link"), 0);
	assert_int_equal(symlink("nowhere", "dangling"), 0);
	assert_not_regular("link",
	    "link: a symbolic link: name the file that it leads to");
	assert_not_regular("dangling", "dangling: a symbolic link");
	/* Those of the directories are not its matter. */
	assert_int_equal(symlink(".", "here"), 0);
	assert_refused(file_read_regular("here/f", 4, &text, &len, &err), 0);
	free(text);
}

#define scratch_test(test) \
	cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    scratch_test(file_write_makes_a_file_with_exactly_its_mode),
	    scratch_test(file_write_replaces_only_if_told_to),
	    scratch_test(file_write_never_changes_a_file_in_place),
	    scratch_test(file_write_writes_an_empty_file),
	    scratch_test(file_write_leaves_nothing_when_it_fails),
	    scratch_test(file_write_passes_by_what_another_process_left),
	    scratch_test(file_temporary_name_is_new_each_time),
	    scratch_test(file_write_replaces_nothing_but_regular_files),
	    scratch_test(file_read_gives_all_bytes_and_one_more_nul),
	    scratch_test(file_read_refuses_more_than_its_limit),
	    scratch_test(file_read_reports_what_it_cannot_read),
	    scratch_test(file_read_regular_reads_what_file_read_reads),
	    scratch_test(file_read_regular_refuses_at_once_what_is_no_file),
	    scratch_test(
		file_read_regular_does_not_wait_for_a_fifo_that_is_swapped_in),
	    scratch_test(file_read_regular_refuses_a_link_and_says_what_to_do),
	};

	return cmocka_run_group_tests_name("file", tests, NULL, NULL);
}
