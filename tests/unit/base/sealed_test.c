#include "base_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "base/sealed.h"

static const char content[] = "bytes that nobody changes any more";
enum { ALL = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static struct sealed *
good_sealed(void)
{
	struct sealed *sealed = NULL;
	struct err err;

	assert_refused(
	    sealed_from_bytes("test", bytes_of_str(content), &sealed, &err), 0);
	return sealed;
}

static int
memfd_with(int seals, const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

static void
assert_content(const struct sealed *sealed, const char *expected)
{
	assert_true(bytes_equal(sealed_bytes(sealed), bytes_of_str(expected)));
}

static void
sealed_holds_a_copy_of_the_bytes(void **state)
{
	char source[] = "before";
	CLEANUP(sealed_freep)
	struct sealed *sealed = NULL;
	struct err err;

	(void)state;
	assert_refused(
	    sealed_from_bytes("test", bytes_of_str(source), &sealed, &err), 0);
	memcpy(source, "behind", 6);
	assert_content(sealed, "before");
}

static void
sealed_has_every_seal_and_closes_on_exec(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *sealed = good_sealed();

	(void)state;
	assert_int_equal(fcntl(sealed_fd(sealed), F_GET_SEALS) & ALL, ALL);
	assert_int_equal(fcntl(sealed_fd(sealed), F_GETFD), FD_CLOEXEC);
}

static void
sealed_cannot_be_written_through_a_descriptor(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *sealed = good_sealed();
	CLEANUP(closep)
	int again = -1;
	int fd = sealed_fd(sealed);
	char path[64];

	(void)state;
	assert_int_equal(pwrite(fd, "X", 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(pwrite(fd, "X", 1, sizeof(content)), -1);
	assert_int_equal(ftruncate(fd, 1), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 4096), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(
	    fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4),
	    -1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	again = open(path, O_RDWR | O_CLOEXEC);
	if (again >= 0)
		assert_int_equal(pwrite(again, "X", 1, 0), -1);
	assert_int_equal(open(path, O_RDWR | O_TRUNC | O_CLOEXEC), -1);
	assert_content(sealed, content);
}

static void
sealed_cannot_be_written_through_a_mapping(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *sealed = good_sealed();
	struct bytes bytes = sealed_bytes(sealed);
	uintptr_t page = (uintptr_t)bytes.ptr & ~(uintptr_t)4095;
	uint8_t *own;

	(void)state;
	assert_ptr_equal(mmap(NULL, bytes.len, PROT_READ | PROT_WRITE,
			     MAP_SHARED, sealed_fd(sealed), 0),
	    MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_int_equal(mprotect((void *)page, 4096, PROT_READ | PROT_WRITE),
	    -1);
	assert_int_equal(errno, EACCES);

	/* A private mapping can be written, and is then another page. */
	own = mmap(NULL, bytes.len, PROT_READ | PROT_WRITE, MAP_PRIVATE,
	    sealed_fd(sealed), 0);
	assert_ptr_not_equal(own, MAP_FAILED);
	own[0] = 'X';
	assert_content(sealed, content);
	munmap(own, bytes.len);
}

static void
sealed_seals_cannot_be_lifted(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *sealed = good_sealed();

	(void)state;
	assert_int_equal(fcntl(sealed_fd(sealed), F_ADD_SEALS, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(fcntl(sealed_fd(sealed), F_GET_SEALS) & ALL, ALL);
}

static void
sealed_may_be_empty(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *sealed = NULL;
	CLEANUP(sealed_freep)
	struct sealed *again = NULL;
	struct err err;

	(void)state;
	assert_refused(
	    sealed_from_bytes("test", bytes_of(NULL, 0), &sealed, &err), 0);
	assert_int_equal(sealed_bytes(sealed).len, 0);
	assert_int_equal(ftruncate(sealed_fd(sealed), 1), -1);
	assert_refused(
	    sealed_from_fd(dup(sealed_fd(sealed)), 0, "test", &again, &err), 0);
	assert_int_equal(sealed_bytes(again).len, 0);
}

static void
sealed_free_does_nothing_for_null_and_leaks_no_descriptor(void **state)
{
	size_t before = count_descriptors();
	struct sealed *sealed = NULL;

	(void)state;
	sealed_free(NULL);
	sealed_freep(&sealed);
	sealed = good_sealed();
	assert_int_equal(count_descriptors(), before + 1);
	sealed_freep(&sealed);
	assert_null(sealed);
	assert_int_equal(count_descriptors(), before);
}

static void
sealed_copy_exact_copies_a_file_of_that_size(void **state)
{
	CLEANUP(closep)
	int fd = open_file_of("file", bytes_of_str(content));
	CLEANUP(sealed_freep)
	struct sealed *sealed = NULL;
	struct err err;

	(void)state;
	/* From the beginning, wherever the file stands. */
	assert_int_equal(lseek(fd, 7, SEEK_SET), 7);
	assert_refused(
	    sealed_copy_exact(fd, strlen(content), "kernel", &sealed, &err), 0);
	assert_content(sealed, content);
}

static void
sealed_copy_exact_refuses_a_shorter_file(void **state)
{
	CLEANUP(closep)
	int fd = open_file_of("file", bytes_of_str(content));
	struct sealed *sealed = NULL;
	struct err err;

	(void)state;
	assert_refused(
	    sealed_copy_exact(fd, strlen(content) + 1, "kernel", &sealed, &err),
	    IMAGE_SIZE_MISMATCH);
	assert_has(err.text, "kernel: ends after 34 of 35 bytes");
	assert_null(sealed);
}

static void
sealed_copy_exact_refuses_a_longer_file(void **state)
{
	CLEANUP(closep)
	int fd = open_file_of("file", bytes_of_str(content));
	struct sealed *sealed = NULL;
	struct err err;

	(void)state;
	assert_refused(
	    sealed_copy_exact(fd, strlen(content) - 1, "kernel", &sealed, &err),
	    IMAGE_SIZE_MISMATCH);
	assert_has(err.text, "more than the 33 bytes");
	assert_refused(sealed_copy_exact(fd, 0, "kernel", &sealed, &err),
	    IMAGE_SIZE_MISMATCH);
	assert_null(sealed);
}

static void
sealed_copy_exact_takes_an_empty_file(void **state)
{
	CLEANUP(closep)
	int fd = open_file_of("file", bytes_of_str(""));
	CLEANUP(sealed_freep)
	struct sealed *sealed = NULL;
	struct err err;

	(void)state;
	assert_refused(sealed_copy_exact(fd, 0, "kernel", &sealed, &err), 0);
	assert_int_equal(sealed_bytes(sealed).len, 0);
	sealed_freep(&sealed);
	assert_refused(sealed_copy_exact(fd, 1, "kernel", &sealed, &err),
	    IMAGE_SIZE_MISMATCH);
}

static void
sealed_copy_exact_reports_a_file_that_cannot_be_read(void **state)
{
	CLEANUP(closep)
	int directory = open(".", O_RDONLY | O_CLOEXEC);
	struct sealed *sealed = NULL;
	struct err err;

	(void)state;
	assert_refused(sealed_copy_exact(directory, 5, "kernel", &sealed, &err),
	    STORE_IO);
	assert_int_equal(err.sys, EISDIR);
	assert_null(sealed);
}

static void
sealed_copy_max_takes_up_to_the_limit(void **state)
{
	CLEANUP(closep)
	int fd = open_file_of("file", bytes_of_str(content));
	struct sealed *sealed = NULL;
	struct err err;

	(void)state;
	assert_refused(
	    sealed_copy_max(fd, strlen(content), "envelope", &sealed, &err), 0);
	assert_content(sealed, content);
	sealed_freep(&sealed);
	assert_refused(
	    sealed_copy_max(fd, strlen(content) - 1, "envelope", &sealed, &err),
	    IMAGE_TOO_LARGE);
	assert_null(sealed);
}

static void
sealed_copy_max_refuses_what_is_no_regular_file(void **state)
{
	CLEANUP(closep)
	int zeros = open("/dev/zero", O_RDONLY | O_CLOEXEC);
	CLEANUP(closep)
	int directory = open(".", O_RDONLY | O_CLOEXEC);
	struct sealed *sealed = NULL;
	struct err err;

	(void)state;
	assert_refused(sealed_copy_max(zeros, 10, "envelope", &sealed, &err),
	    STORE_IO);
	assert_refused(
	    sealed_copy_max(directory, 1 << 20, "envelope", &sealed, &err),
	    STORE_IO);
	assert_null(sealed);
}

static void
sealed_from_fd_takes_a_fully_sealed_memfd(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *sealed = NULL;
	int fd = memfd_with(ALL, content);
	struct err err;

	(void)state;
	assert_refused(
	    sealed_from_fd(fd, strlen(content), "blob", &sealed, &err), 0);
	assert_int_equal(sealed_fd(sealed), fd);
	assert_content(sealed, content);
}

static void
assert_not_taken(int fd)
{
	struct sealed *sealed = NULL;
	struct err err;

	assert_refused(sealed_from_fd(fd, 1 << 20, "blob", &sealed, &err),
	    STAGE_FAILED);
	assert_has(err.text, "blob: ");
	assert_has(err.text, "not sealed");
	assert_null(sealed);
	/* It took the descriptor all the same. */
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void
sealed_from_fd_refuses_a_memfd_that_lacks_any_seal(void **state)
{
	static const int seals[] = {F_SEAL_WRITE, F_SEAL_SHRINK, F_SEAL_GROW,
	    F_SEAL_SEAL};

	(void)state;
	assert_not_taken(memfd_with(0, content));
	assert_not_taken(memfd_with(F_SEAL_FUTURE_WRITE | F_SEAL_SHRINK |
					F_SEAL_GROW | F_SEAL_SEAL,
	    content));
	for (size_t i = 0; i < countof(seals); i++)
		assert_not_taken(memfd_with(ALL & ~seals[i], content));
}

static void
sealed_from_fd_refuses_what_is_no_memfd(void **state)
{
	int ends[2];

	(void)state;
	assert_not_taken(open_file_of("file", bytes_of_str(content)));
	assert_not_taken(open("/dev/zero", O_RDONLY | O_CLOEXEC));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_not_taken(ends[0]);
	close(ends[1]);
	/* Made without MFD_ALLOW_SEALING it can never be sealed. */
	assert_not_taken(memfd_create("test", MFD_CLOEXEC));
}

static void
sealed_from_fd_refuses_more_than_its_limit(void **state)
{
	struct sealed *sealed = NULL;
	int fd = memfd_with(ALL, content);
	struct err err;

	(void)state;
	assert_refused(
	    sealed_from_fd(fd, strlen(content) - 1, "blob", &sealed, &err),
	    IMAGE_TOO_LARGE);
	assert_null(sealed);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void
draft_is_zeroed_writable_and_then_sealed(void **state)
{
	CLEANUP(draft_freep)
	struct draft *draft = NULL;
	CLEANUP(sealed_freep)
	struct sealed *sealed = NULL;
	uint8_t *data = NULL;
	struct err err;

	(void)state;
	assert_refused(draft_new("test", 5000, &draft, &err), 0);
	assert_int_equal(draft_size(draft), 5000);
	assert_refused(draft_map(draft, &data, &err), 0);
	for (size_t i = 0; i < 5000; i++)
		assert_int_equal(data[i], 0);
	memset(data, 'd', 5000);
	assert_refused(draft_seal(take_ptr(&draft), &sealed, &err), 0);
	assert_int_equal(sealed_bytes(sealed).len, 5000);
	assert_int_equal(sealed_bytes(sealed).ptr[4999], 'd');
	assert_int_equal(fcntl(sealed_fd(sealed), F_GET_SEALS) & ALL, ALL);
}

static void
draft_write_appends_and_refuses_more_than_its_size(void **state)
{
	CLEANUP(draft_freep) struct draft *draft = NULL;
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	struct err err;

	(void)state;
	assert_refused(draft_new("test", 5, &draft, &err), 0);
	assert_refused(draft_write(draft, bytes_of("abc", 3), &err), 0);
	assert_refused(draft_write(draft, bytes_of("def", 3), &err),
	    IMAGE_SIZE_MISMATCH);
	assert_refused(draft_write(draft, bytes_of("de", 2), &err), 0);
	assert_refused(draft_seal(take_ptr(&draft), &sealed, &err), 0);
	assert_int_equal(sealed_bytes(sealed).len, 5);
	assert_memory_equal(sealed_bytes(sealed).ptr, "abcde", 5);
}

/* F_SEAL_WRITE is refused while somebody could still write. */
static void
draft_cannot_be_sealed_while_another_mapping_writes(void **state)
{
	size_t before = count_descriptors();
	struct draft *draft = NULL;
	struct sealed *sealed = NULL;
	struct err err;
	char path[32];
	void *writer = MAP_FAILED;

	(void)state;
	assert_refused(draft_new("test", 4096, &draft, &err), 0);
	/* The draft's descriptor is private: find it by its name. */
	for (int fd = 3; fd < 64 && writer == MAP_FAILED; fd++) {
		char name[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, name, sizeof(name) - 1) > 0 &&
		    strncmp(name, "/memfd:test", 11) == 0)
			writer = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);
	}
	assert_ptr_not_equal(writer, MAP_FAILED);
	assert_refused(draft_seal(draft, &sealed, &err), SYSTEM_FAILED);
	assert_int_equal(err.sys, EBUSY);
	assert_null(sealed);
	munmap(writer, 4096);
	assert_int_equal(count_descriptors(), before);
}

static void
draft_freep_lets_go_of_everything(void **state)
{
	size_t before = count_descriptors();
	struct draft *draft = NULL;
	struct err err;

	(void)state;
	draft_freep(&draft);
	assert_refused(draft_new("test", 4096, &draft, &err), 0);
	draft_freep(&draft);
	assert_null(draft);
	assert_int_equal(count_descriptors(), before);
}

static void
draft_write_appends_and_leaves_the_rest_zero(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *sealed = NULL;
	struct draft *draft = NULL;
	struct err err;

	(void)state;
	assert_refused(draft_new("test", 8, &draft, &err), 0);
	assert_refused(draft_write(draft, bytes_of_str("ab"), &err), 0);
	assert_refused(draft_write(draft, bytes_of_str(""), &err), 0);
	assert_refused(draft_write(draft, bytes_of_str("cd"), &err), 0);
	assert_refused(draft_seal(draft, &sealed, &err), 0);
	assert_int_equal(sealed_bytes(sealed).len, 8);
	assert_memory_equal(sealed_bytes(sealed).ptr, "abcd\0\0\0\0", 8);
}

static void
draft_write_refuses_more_than_the_size(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *sealed = NULL;
	struct draft *draft = NULL;
	struct err err;

	(void)state;
	assert_refused(draft_new("test", 3, &draft, &err), 0);
	assert_refused(draft_write(draft, bytes_of_str("ab"), &err), 0);
	assert_refused(draft_write(draft, bytes_of_str("cd"), &err),
	    IMAGE_SIZE_MISMATCH);
	assert_refused(draft_write(draft, bytes_of_str("c"), &err), 0);
	assert_refused(draft_write(draft, bytes_of_str("d"), &err),
	    IMAGE_SIZE_MISMATCH);
	assert_refused(draft_seal(draft, &sealed, &err), 0);
	assert_content(sealed, "abc");
}

static void
draft_map_of_nothing_is_null(void **state)
{
	CLEANUP(draft_freep)
	struct draft *draft = NULL;
	uint8_t *data = NULL;
	struct err err;

	(void)state;
	assert_refused(draft_new("test", 0, &draft, &err), 0);
	assert_refused(draft_map(draft, &data, &err), 0);
	assert_null(data);
}

static void
sealed_share_is_a_second_owner(void **state)
{
	size_t before = count_descriptors();
	CLEANUP(sealed_freep)
	struct sealed *original = good_sealed();
	struct sealed *shared = NULL;
	struct err err;

	(void)state;
	assert_refused(sealed_share(original, &shared, &err), 0);
	assert_content(shared, content);
	assert_ptr_equal(sealed_bytes(shared).ptr, sealed_bytes(original).ptr);
	assert_int_not_equal(sealed_fd(shared), sealed_fd(original));
	assert_int_equal(fcntl(sealed_fd(shared), F_GETFD), FD_CLOEXEC);
	assert_int_equal(fcntl(sealed_fd(shared), F_GET_SEALS) & ALL, ALL);
	sealed_freep(&shared);
	assert_content(original, content);
	assert_int_equal(count_descriptors(), before + 1);
}

static void
sealed_touch_changes_nothing(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *sealed = good_sealed();
	CLEANUP(sealed_freep)
	struct sealed *empty = NULL;
	struct err err;

	(void)state;
	sealed_touch(sealed);
	assert_content(sealed, content);
	assert_refused(
	    sealed_from_bytes("test", bytes_of(NULL, 0), &empty, &err), 0);
	sealed_touch(empty);
}

static void
draft_new_refuses_what_no_memory_can_hold(void **state)
{
	struct draft *draft = NULL;
	struct err err;

	(void)state;
	assert_refused(draft_new("test", SIZE_MAX / 2 + 1, &draft, &err),
	    NO_MEMORY);
	assert_null(draft);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sealed_holds_a_copy_of_the_bytes),
	    cmocka_unit_test(sealed_has_every_seal_and_closes_on_exec),
	    cmocka_unit_test(sealed_cannot_be_written_through_a_descriptor),
	    cmocka_unit_test(sealed_cannot_be_written_through_a_mapping),
	    cmocka_unit_test(sealed_seals_cannot_be_lifted),
	    cmocka_unit_test(sealed_may_be_empty),
	    cmocka_unit_test(
		sealed_free_does_nothing_for_null_and_leaks_no_descriptor),
	    cmocka_unit_test(sealed_copy_exact_copies_a_file_of_that_size),
	    cmocka_unit_test(sealed_copy_exact_refuses_a_shorter_file),
	    cmocka_unit_test(sealed_copy_exact_refuses_a_longer_file),
	    cmocka_unit_test(sealed_copy_exact_takes_an_empty_file),
	    cmocka_unit_test(
		sealed_copy_exact_reports_a_file_that_cannot_be_read),
	    cmocka_unit_test(sealed_copy_max_takes_up_to_the_limit),
	    cmocka_unit_test(sealed_copy_max_refuses_what_is_no_regular_file),
	    cmocka_unit_test(sealed_from_fd_takes_a_fully_sealed_memfd),
	    cmocka_unit_test(
		sealed_from_fd_refuses_a_memfd_that_lacks_any_seal),
	    cmocka_unit_test(sealed_from_fd_refuses_what_is_no_memfd),
	    cmocka_unit_test(sealed_from_fd_refuses_more_than_its_limit),
	    cmocka_unit_test(draft_is_zeroed_writable_and_then_sealed),
	    cmocka_unit_test(
		draft_write_appends_and_refuses_more_than_its_size),
	    cmocka_unit_test(
		draft_cannot_be_sealed_while_another_mapping_writes),
	    cmocka_unit_test(draft_freep_lets_go_of_everything),
	    cmocka_unit_test(draft_write_appends_and_leaves_the_rest_zero),
	    cmocka_unit_test(draft_write_refuses_more_than_the_size),
	    cmocka_unit_test(draft_map_of_nothing_is_null),
	    cmocka_unit_test(sealed_share_is_a_second_owner),
	    cmocka_unit_test(sealed_touch_changes_nothing),
	    cmocka_unit_test(draft_new_refuses_what_no_memory_can_hold),
	};

	return cmocka_run_group_tests_name("sealed", tests, enter_scratch,
	    leave_scratch);
}
