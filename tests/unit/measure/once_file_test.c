/*
 * Files that are used once, as they lie on a disk: whose they are, who waits
 * for them, and what is on the disk before anything follows.
 */
#include "base_fixture.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "measure/verify/nonce_file.h"
#include "measure/verify/once_file.h"

enum { TRIES = 1000, TRY_USEC = 10000, FOREIGN_UID = 12345 };

static size_t synced_directories;

int __real_fsync(int fd);
int __wrap_fsync(int fd);

int
__wrap_fsync(int fd)
{
	struct stat st;

	assert_int_equal(fstat(fd, &st), 0);
	synced_directories += S_ISDIR(st.st_mode);
	return __real_fsync(fd);
}

static void
make(const char *path, const char *text)
{
	struct err err;

	assert_refused(once_file_create(path, bytes_of_str(text), &err), 0);
}

/* The code of opening it. */
static int
open_code(const char *path)
{
	CLEANUP(once_file_close)
	struct once_file file = {.fd = -1, .dir_fd = -1};
	struct err err;

	return once_file_open(path, &file, &err);
}

static void
what_replaces_it_is_there_and_on_the_disk(void **state)
{
	struct once_file file = {.fd = -1};
	struct stat st;
	struct err err;

	(void)state;
	make("a", "secret");
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_refused(once_file_create("a", bytes_of_str("x"), &err),
	    FILE_EXISTS);
	assert_refused(once_file_open("a", &file, &err), 0);
	assert_int_equal(file.len, 6);
	assert_memory_equal(file.text, "secret", 6);
	synced_directories = 0;
	assert_refused(once_file_replace(&file, bytes_of_str("used"), &err), 0);
	assert_int_equal(synced_directories, 1);
	once_file_close(&file);
	assert_int_equal(file.text[0], 0);
	assert_refused(once_file_open("./a", &file, &err), 0);
	assert_int_equal(file.len, 4);
	assert_memory_equal(file.text, "used", 4);
	once_file_close(&file);
	/* Nor has the old one another name. */
	assert_int_equal(count_names(), 1);
}

static void
what_others_may_read_or_write_is_refused(void **state)
{
	static const mode_t modes[] = {0640, 0620, 0604, 0602, 0610};

	(void)state;
	make("a", "secret");
	for (size_t i = 0; i < countof(modes); i++) {
		assert_int_equal(chmod("a", modes[i]), 0);
		assert_refused(open_code("a"), CHALLENGE_SHARED);
	}
	assert_int_equal(chmod("a", 0600), 0);
	assert_refused(open_code("a"), 0);
	assert_int_equal(chown("a", FOREIGN_UID, 0), geteuid() == 0 ? 0 : -1);
	assert_refused(open_code("a"), geteuid() == 0 ? CHALLENGE_SHARED : 0);
}

static void
a_directory_that_others_may_write_is_refused(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(mkdir("d", 0755), 0);
	make("d/a", "secret");
	assert_refused(open_code("d/a"), 0);
	assert_int_equal(chmod("d", 0775), 0);
	assert_refused(open_code("d/a"), CHALLENGE_SHARED);
	assert_int_equal(chmod("d", 01757), 0);
	assert_refused(open_code("d/a"), CHALLENGE_SHARED);
	assert_refused(once_file_create("d/b", bytes_of_str("x"), &err),
	    CHALLENGE_SHARED);
	assert_int_equal(chmod("d", 0755), 0);
	assert_int_equal(chown("d", FOREIGN_UID, 0), geteuid() == 0 ? 0 : -1);
	assert_refused(open_code("d/a"), geteuid() == 0 ? CHALLENGE_SHARED : 0);
}

static void
what_is_no_file_is_refused(void **state)
{
	(void)state;
	make("a", "secret");
	assert_int_equal(symlink("a", "link"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_refused(open_code("link"), STORE_IO);
	assert_refused(open_code("fifo"), CHALLENGE_SHARED);
	assert_refused(open_code("dir"), CHALLENGE_SHARED);
	assert_refused(open_code("missing"), STORE_IO);
	assert_refused(open_code("missing/a"), STORE_IO);
}

static void
what_is_large_is_refused(void **state)
{
	static uint8_t zeros[ONCE_FILE_BYTES];
	struct err err;

	(void)state;
	assert_refused(
	    once_file_create("most", bytes_of(zeros, sizeof(zeros) - 1), &err),
	    0);
	assert_refused(open_code("most"), 0);
	assert_refused(
	    once_file_create("more", bytes_of(zeros, sizeof(zeros)), &err), 0);
	assert_refused(open_code("more"), IMAGE_TOO_LARGE);
}

/* Does the kernel say that this process waits for a lock? */
static bool
is_waiting(pid_t pid)
{
	CLEANUP(freep) char *text = NULL;
	char waiting[64];
	size_t len;
	struct err err;

	snprintf(waiting, sizeof(waiting), "-> FLOCK  ADVISORY  WRITE %d ",
	    (int)pid);
	assert_refused(file_read("/proc/locks", 1 << 20, &text, &len, &err), 0);
	return strstr(text, waiting) != NULL;
}

static void
who_waits_finds_that_it_was_used(void **state)
{
	struct once_file file = {.fd = -1};
	struct err err;
	bool has_waited = false;
	int status;
	pid_t pid;

	(void)state;
	make("a", "secret");
	assert_refused(once_file_open("a", &file, &err), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		closep(&file.fd);
		alarm(30);
		_exit(open_code("a") == CHALLENGE_USED ? 0 : 1);
	}
	for (int i = 0; i < TRIES && !has_waited; i++) {
		usleep(TRY_USEC);
		has_waited = is_waiting(pid);
	}
	assert_refused(once_file_replace(&file, bytes_of_str("used"), &err), 0);
	once_file_close(&file);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(has_waited);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void
a_nonce_is_given_once(void **state)
{
	uint8_t made[KEPT_NONCE_BYTES], used[KEPT_NONCE_BYTES] = {0},
					untouched[KEPT_NONCE_BYTES] = {0};
	struct err err;

	(void)state;
	assert_refused(nonce_file_create("n", 5, made, &err), 0);
	assert_refused(nonce_file_use("n", used, &err), 0);
	assert_memory_equal(used, made, sizeof(made));
	assert_refused(nonce_file_use("n", untouched, &err), CHALLENGE_USED);
	assert_int_equal(untouched[0] | untouched[1] | untouched[2], 0);
	assert_refused(nonce_file_create("m", 5, used, &err), 0);
	assert_memory_not_equal(used, made, sizeof(made));
}

static void
a_nonce_is_not_given_after_its_end(void **state)
{
	struct kept_nonce nonce = {.once = {.made = 1, .expires = 61}};
	CLEANUP(json_freep) json_t *document = kept_nonce_encode(&nonce);
	CLEANUP(freep) char *text = json_dumps(document, 0);
	uint8_t untouched[KEPT_NONCE_BYTES] = {7};
	struct err err;

	(void)state;
	make("n", text);
	assert_refused(nonce_file_use("n", untouched, &err), CHALLENGE_EXPIRED);
	assert_int_equal(untouched[0], 7);
}

int
main(void)
{
#define SCRATCH(test) \
	cmocka_unit_test_setup_teardown(test, enter_scratch, leave_scratch)
	const struct CMUnitTest tests[] = {
	    SCRATCH(what_replaces_it_is_there_and_on_the_disk),
	    SCRATCH(what_others_may_read_or_write_is_refused),
	    SCRATCH(a_directory_that_others_may_write_is_refused),
	    SCRATCH(what_is_no_file_is_refused),
	    SCRATCH(what_is_large_is_refused),
	    SCRATCH(who_waits_finds_that_it_was_used),
	    SCRATCH(a_nonce_is_given_once),
	    SCRATCH(a_nonce_is_not_given_after_its_end),
	};

	return cmocka_run_group_tests_name("once_file", tests, NULL, NULL);
}
