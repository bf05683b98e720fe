/*
 * Files that somebody else changes while they are hashed.
 */
#include "store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/scope.h"
#include "image-store/pack/file_hash.h"

enum { SIZE = 300000 };

/* What happens once the file is mapped, before it is read. */
static void (*meanwhile)(void);

int __real_madvise(void *map, size_t len, int advice);
int __wrap_madvise(void *map, size_t len, int advice);

int
__wrap_madvise(void *map, size_t len, int advice)
{
	if (meanwhile != NULL)
		meanwhile();
	return __real_madvise(map, len, advice);
}

static int
enter_with_file(void **state)
{
	CLEANUP(buffer_done) struct buffer data = {0};

	meanwhile = NULL;
	if (enter_directory(state) != 0)
		return -1;
	for (uint32_t i = 0; i < SIZE / sizeof(i); i++)
		buffer_add(&data, &i, sizeof(i));
	write_file("file", buffer_bytes(&data));
	return 0;
}

static int
hash_it(struct file_hash *ret_hash)
{
	CLEANUP(file_hash_end) struct sigaction before = file_hash_begin();
	CLEANUP(closep) int fd = open("file", O_RDONLY | O_CLOEXEC);
	struct err err;

	return file_hash(fd, SIZE, "it", ret_hash, &err);
}

static void
file_hash_gives_the_digest_and_both_ends(void **state)
{
	CLEANUP(buffer_done) struct buffer data = read_file("file");
	struct file_hash hash;
	struct digest digest;
	struct err err;

	(void)state;
	assert_code(hash_it(&hash), 0);
	assert_code(digest_of(buffer_bytes(&data), &digest, &err), 0);
	assert_true(digest_equal(&hash.digest, &digest));
	assert_memory_equal(hash.head, data.ptr, FILE_HASH_END);
	assert_memory_equal(hash.tail, data.ptr + SIZE - FILE_HASH_END,
	    FILE_HASH_END);
}

static void
cut_it(void)
{
	assert_int_equal(truncate("file", 5000), 0);
}

static void
empty_it(void)
{
	assert_int_equal(truncate("file", 0), 0);
}

static void
file_hash_refuses_a_file_that_becomes_shorter(void **state)
{
	static void (*const acts[])(void) = {cut_it, empty_it};
	struct file_hash before;
	struct file_hash hash;

	(void)state;
	memset(&before, 0x5a, sizeof(before));
	hash = before;
	for (size_t i = 0; i < countof(acts); i++) {
		meanwhile = acts[i];
		assert_code(hash_it(&hash), IMAGE_SIZE_MISMATCH);
		assert_memory_equal(&hash, &before, sizeof(before));
		assert_int_equal(truncate("file", SIZE), 0);
	}
	/* And the next file is another matter. */
	meanwhile = NULL;
	assert_code(hash_it(&hash), 0);
}

/* Another program's mistake is not covered up. */
static void
file_hash_leaves_a_bus_error_of_others_alone(void **state)
{
	struct sigaction before;
	int status = 0;
	pid_t pid;

	(void)state;
	pid = fork();
	if (pid == 0) {
		int fd = open("file", O_RDONLY | O_CLOEXEC);
		volatile char *map =
		    mmap(NULL, SIZE, PROT_READ, MAP_PRIVATE, fd, 0);

		/* Else a sanitizer would report it and exit. */
		signal(SIGBUS, SIG_DFL);
		before = file_hash_begin();
		empty_it();
		_exit(map[SIZE - 1]);
	}
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGBUS);
	(void)before;
}

#define file_test(function)                                        \
	cmocka_unit_test_setup_teardown(function, enter_with_file, \
	    leave_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    file_test(file_hash_gives_the_digest_and_both_ends),
	    file_test(file_hash_refuses_a_file_that_becomes_shorter),
	    file_test(file_hash_leaves_a_bus_error_of_others_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
