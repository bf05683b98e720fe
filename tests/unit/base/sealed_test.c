#include "base_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "base/sealed.h"

static const char content[] = "bytes that nobody changes any more";
enum { ALL = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL };

static int
memfd_with(int seals, const char *text)
{
	int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fcntl(fd, F_ADD_SEALS, seals), 0);
	return fd;
}

/* A pipe that holds a page of a memfd: emptied before the second attempt to
 * seal, if it is to be. */
static struct {
	int from;
	int into;
	bool is_emptied;
	int attempts;
} holder;

int __real_fcntl(int fd, int cmd, ...);
int __wrap_fcntl(int fd, int cmd, ...);

int
__wrap_fcntl(int fd, int cmd, ...)
{
	char page[64];
	va_list args;
	int arg;

	va_start(args, cmd);
	arg = va_arg(args, int);
	va_end(args);
	if (cmd == F_ADD_SEALS && ++holder.attempts == 2 && holder.is_emptied)
		assert_int_equal(read(holder.from, page, sizeof(page)),
		    strlen(content));
	return __real_fcntl(fd, cmd, arg);
}

/* Without any seal, and its page in the pipe as well: not a copy of it. */
static int
held_memfd(bool is_emptied)
{
	int fd = memfd_with(0, content);
	int ends[2];
	loff_t at = 0;

	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	holder.from = ends[0];
	holder.into = ends[1];
	holder.is_emptied = is_emptied;
	assert_int_equal(splice(fd, &at, holder.into, NULL, 4096, 0),
	    strlen(content));
	holder.attempts = 0;
	return fd;
}

static void
end_hold(void)
{
	close(holder.from);
	close(holder.into);
	holder.is_emptied = false;
}

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
first_fd(const struct sealed *sealed)
{
	size_t count;
	const int *fds = sealed_fds(sealed, &count);

	assert_int_equal(count, 1);
	return fds[0];
}

static int
take_one(int fd, size_t max_bytes, const char *what, struct sealed **ret_sealed,
    struct err *err)
{
	return sealed_from_fds(&fd, 1, max_bytes, what, ret_sealed, err);
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
	assert_int_equal(fcntl(first_fd(sealed), F_GET_SEALS) & ALL, ALL);
	assert_int_equal(fcntl(first_fd(sealed), F_GETFD), FD_CLOEXEC);
}

static void
sealed_cannot_be_written_through_a_descriptor(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *sealed = good_sealed();
	CLEANUP(closep)
	int again = -1;
	int fd = first_fd(sealed);
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
			     MAP_SHARED, first_fd(sealed), 0),
	    MAP_FAILED);
	assert_int_equal(errno, EPERM);
	assert_int_equal(mprotect((void *)page, 4096, PROT_READ | PROT_WRITE),
	    -1);
	assert_int_equal(errno, EACCES);

	/* A private mapping can be written, and is then another page. */
	own = mmap(NULL, bytes.len, PROT_READ | PROT_WRITE, MAP_PRIVATE,
	    first_fd(sealed), 0);
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
	struct err err;

	(void)state;
	assert_int_equal(fcntl(first_fd(sealed), F_ADD_SEALS, 0), -1);
	assert_int_equal(errno, EPERM);
	holder.attempts = 0;
	assert_refused(sealed_add_seals(first_fd(sealed), &err), SYSTEM_FAILED);
	assert_int_equal(holder.attempts, 1);
	assert_int_equal(fcntl(first_fd(sealed), F_GET_SEALS) & ALL, ALL);
}

static void
seals_wait_for_a_page_that_is_held_in_passing(void **state)
{
	CLEANUP(closep)
	int fd = held_memfd(true);
	struct err err;

	(void)state;
	assert_refused(sealed_add_seals(fd, &err), 0);
	assert_int_equal(holder.attempts, 2);
	assert_int_equal(fcntl(fd, F_GET_SEALS) & ALL, ALL);
	end_hold();
}

static void
seals_are_refused_while_a_page_stays_held(void **state)
{
	CLEANUP(closep)
	int fd = held_memfd(false);
	struct err err;

	(void)state;
	assert_refused(sealed_add_seals(fd, &err), SYSTEM_FAILED);
	assert_has(err.text, "F_ADD_SEALS");
	assert_int_equal(holder.attempts, 20);
	assert_int_equal(fcntl(fd, F_GET_SEALS), 0);
	end_hold();
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
	assert_int_equal(ftruncate(first_fd(sealed), 1), -1);
	assert_refused(take_one(dup(first_fd(sealed)), 0, "test", &again, &err),
	    0);
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
	assert_refused(take_one(fd, strlen(content), "blob", &sealed, &err), 0);
	assert_int_equal(first_fd(sealed), fd);
	assert_content(sealed, content);
}

static void
assert_not_taken(int fd)
{
	struct sealed *sealed = NULL;
	struct err err;

	assert_refused(take_one(fd, 1 << 20, "blob", &sealed, &err),
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
	assert_refused(take_one(fd, strlen(content) - 1, "blob", &sealed, &err),
	    IMAGE_TOO_LARGE);
	assert_null(sealed);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
}

static void
sealing_write_appends_and_refuses_more_than_its_size(void **state)
{
	CLEANUP(sealing_freep) struct sealing *sealing = NULL;
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	struct err err;

	(void)state;
	assert_refused(sealing_new("test", 5, &sealing, &err), 0);
	assert_refused(sealing_write(sealing, bytes_of("abc", 3), &err), 0);
	assert_refused(sealing_write(sealing, bytes_of("def", 3), &err),
	    IMAGE_SIZE_MISMATCH);
	assert_refused(sealing_write(sealing, bytes_of("de", 2), &err), 0);
	assert_refused(sealing_seal(take_ptr(&sealing), &sealed, &err), 0);
	assert_int_equal(sealed_bytes(sealed).len, 5);
	assert_memory_equal(sealed_bytes(sealed).ptr, "abcde", 5);
}

/* F_SEAL_WRITE is refused while somebody could still write. */
static void
sealing_cannot_be_sealed_while_another_mapping_writes(void **state)
{
	size_t before = count_descriptors();
	static const uint8_t rest[4096 - 4];
	struct sealing *sealing = NULL;
	struct err err;
	char path[32];
	void *writer = MAP_FAILED;

	(void)state;
	assert_refused(sealing_new("test", 4096, &sealing, &err), 0);
	assert_refused(sealing_write(sealing, bytes_of_str("half"), &err), 0);
	/* The sealing's descriptor is private: find it by its name. */
	for (int fd = 3; fd < 64 && writer == MAP_FAILED; fd++) {
		char name[64] = "";

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (readlink(path, name, sizeof(name) - 1) > 0 &&
		    strncmp(name, "/memfd:test", 11) == 0)
			writer = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);
	}
	assert_ptr_not_equal(writer, MAP_FAILED);
	assert_refused(
	    sealing_write(sealing, bytes_of(rest, sizeof(rest)), &err),
	    SYSTEM_FAILED);
	assert_int_equal(err.sys, EBUSY);
	sealing_freep(&sealing);
	munmap(writer, 4096);
	assert_int_equal(count_descriptors(), before);
}

static void
sealing_freep_lets_go_of_everything(void **state)
{
	size_t before = count_descriptors();
	struct sealing *sealing = NULL;
	struct err err;

	(void)state;
	sealing_freep(&sealing);
	assert_refused(sealing_new("test", 4096, &sealing, &err), 0);
	sealing_freep(&sealing);
	assert_null(sealing);
	assert_int_equal(count_descriptors(), before);
}

static void
sealing_is_not_sealed_before_it_is_full(void **state)
{
	size_t before = count_descriptors();
	struct sealed *sealed = NULL;
	struct sealing *sealing = NULL;
	struct err err;

	(void)state;
	assert_refused(sealing_new("test", 4, &sealing, &err), 0);
	assert_refused(sealing_write(sealing, bytes_of_str("ab"), &err), 0);
	assert_refused(sealing_write(sealing, bytes_of_str(""), &err), 0);
	assert_refused(sealing_write(sealing, bytes_of_str("c"), &err), 0);
	assert_refused(sealing_seal(sealing, &sealed, &err),
	    IMAGE_SIZE_MISMATCH);
	assert_has(err.text, "3 of 4 bytes");
	assert_null(sealed);
	assert_int_equal(count_descriptors(), before);
}

static void
sealing_write_refuses_more_than_the_size(void **state)
{
	CLEANUP(sealed_freep)
	struct sealed *sealed = NULL;
	struct sealing *sealing = NULL;
	struct err err;

	(void)state;
	assert_refused(sealing_new("test", 3, &sealing, &err), 0);
	assert_refused(sealing_write(sealing, bytes_of_str("ab"), &err), 0);
	assert_refused(sealing_write(sealing, bytes_of_str("cd"), &err),
	    IMAGE_SIZE_MISMATCH);
	assert_refused(sealing_write(sealing, bytes_of_str("c"), &err), 0);
	assert_refused(sealing_write(sealing, bytes_of_str("d"), &err),
	    IMAGE_SIZE_MISMATCH);
	assert_refused(sealing_seal(sealing, &sealed, &err), 0);
	assert_content(sealed, "abc");
}

/* --- pieces ----------------------------------------------------------- */

static void
pieces_are_few_and_all_but_the_last_of_one_size(void **state)
{
	static const struct {
		size_t size, piece, count;
	} rows[] = {
	    {0, SEALED_PIECE_BYTES, 1},
	    {1, SEALED_PIECE_BYTES, 1},
	    {SEALED_PIECE_BYTES, SEALED_PIECE_BYTES, 1},
	    {SEALED_PIECE_BYTES + 1, SEALED_PIECE_BYTES, 2},
	    {LIMIT_KERNEL_BYTES, LIMIT_MIB(2), SEALED_PIECES},
	    {LIMIT_KERNEL_BYTES + 1, LIMIT_MIB(4), 65},
	    {LIMIT_RAMDISK_BYTES, LIMIT_MIB(8), SEALED_PIECES},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		assert_int_equal(sealed_piece_bytes(rows[i].size),
		    rows[i].piece);
		assert_int_equal(sealed_piece_count(rows[i].size),
		    rows[i].count);
	}
	assert_true(sealed_piece_count(SIZE_MAX) <= SEALED_PIECES);
}

/* What a watcher saw. */
struct seen {
	size_t pieces;
	size_t bytes;
	size_t refuse_at; /* 0: never */
};

static int
see_piece(void *context, int fd, struct err *err)
{
	struct seen *seen = context;
	struct stat st;

	assert_int_equal(fcntl(fd, F_GET_SEALS) & ALL, ALL);
	assert_int_equal(fstat(fd, &st), 0);
	seen->pieces++;
	seen->bytes += (size_t)st.st_size;
	if (seen->pieces == seen->refuse_at)
		return err_set(err, STAGE_FAILED, "as the test wants");
	return 0;
}

/* A pattern that shows a piece in the wrong place. */
static uint8_t *
make_pattern(size_t len)
{
	uint8_t *data = malloc(len);

	assert_non_null(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 31 + (i >> 12) * 7 + (i >> 21));
	return data;
}

enum { SEVERAL = 2 * (2 << 20) + 12345 };

static void
sealing_hands_over_each_piece_as_soon_as_it_is_full(void **state)
{
	CLEANUP(freep) uint8_t *data = make_pattern(SEVERAL);
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	CLEANUP(sealing_freep) struct sealing *sealing = NULL;
	struct seen seen = {0};
	struct piece_watcher watcher = {see_piece, &seen};
	struct err err;
	size_t count;

	(void)state;
	assert_refused(sealing_new("test", SEVERAL, &sealing, &err), 0);
	sealing_watch(sealing, &watcher);
	assert_refused(sealing_write(sealing,
			   bytes_of(data, SEALED_PIECE_BYTES - 1), &err),
	    0);
	assert_int_equal(seen.pieces, 0);
	assert_refused(sealing_write(sealing,
			   bytes_of(data + SEALED_PIECE_BYTES - 1, 2), &err),
	    0);
	assert_int_equal(seen.pieces, 1);
	assert_refused(sealing_write(sealing,
			   bytes_of(data + SEALED_PIECE_BYTES + 1,
			       SEVERAL - SEALED_PIECE_BYTES - 1),
			   &err),
	    0);
	assert_int_equal(seen.pieces, 3);
	assert_int_equal(seen.bytes, SEVERAL);
	assert_refused(sealing_seal(take_ptr(&sealing), &sealed, &err), 0);
	assert_true(bytes_equal(sealed_bytes(sealed), bytes_of(data, SEVERAL)));
	sealed_fds(sealed, &count);
	assert_int_equal(count, 3);
}

static void
sealing_ends_with_what_its_watcher_says(void **state)
{
	CLEANUP(freep) uint8_t *data = make_pattern(SEVERAL);
	size_t before = count_descriptors();
	struct seen seen = {.refuse_at = 2};
	struct piece_watcher watcher = {see_piece, &seen};
	struct sealing *sealing = NULL;
	struct err err;

	(void)state;
	assert_refused(sealing_new("test", SEVERAL, &sealing, &err), 0);
	sealing_watch(sealing, &watcher);
	assert_refused(sealing_write(sealing, bytes_of(data, SEVERAL), &err),
	    STAGE_FAILED);
	assert_int_equal(seen.pieces, 2);
	sealing_freep(&sealing);
	assert_int_equal(count_descriptors(), before);
}

static void
sealing_of_nothing_has_one_empty_piece(void **state)
{
	CLEANUP(sealed_freep) struct sealed *sealed = NULL;
	struct seen seen = {0};
	struct piece_watcher watcher = {see_piece, &seen};
	struct sealing *sealing = NULL;
	struct err err;

	(void)state;
	assert_refused(sealing_new("test", 0, &sealing, &err), 0);
	sealing_watch(sealing, &watcher);
	assert_refused(sealing_seal(sealing, &sealed, &err), 0);
	assert_int_equal(seen.pieces, 1);
	assert_int_equal(sealed_bytes(sealed).len, 0);
	assert_int_equal(fcntl(first_fd(sealed), F_GET_SEALS) & ALL, ALL);
}

static struct sealed *
sealed_of_several(const uint8_t *data)
{
	struct sealed *sealed = NULL;
	struct err err;

	assert_refused(
	    sealed_from_bytes("test", bytes_of(data, SEVERAL), &sealed, &err),
	    0);
	return sealed;
}

/* Copies of the descriptors of SEVERAL bytes. */
static void
copy_fds(const struct sealed *sealed, int ret_fds[3])
{
	size_t count;
	const int *fds = sealed_fds(sealed, &count);

	assert_int_equal(count, 3);
	for (size_t i = 0; i < 3; i++)
		ret_fds[i] = dup(fds[i]);
}

static void
intake_maps_pieces_behind_each_other(void **state)
{
	CLEANUP(freep) uint8_t *data = make_pattern(SEVERAL);
	CLEANUP(sealed_freep) struct sealed *sent = sealed_of_several(data);
	CLEANUP(sealed_receiver_freep) struct sealed_receiver *receiver = NULL;
	CLEANUP(sealed_freep) struct sealed *got = NULL;
	size_t done = 0;
	struct err err;
	int fds[3];

	(void)state;
	copy_fds(sent, fds);
	assert_refused(sealed_receiver_new(SEVERAL, "blob", &receiver, &err),
	    0);
	for (size_t i = 0; i < 3; i++) {
		struct bytes piece;

		assert_refused(
		    sealed_receiver_add(receiver, fds[i], &piece, &err), 0);
		assert_memory_equal(piece.ptr, data + done, piece.len);
		done += piece.len;
	}
	assert_int_equal(done, SEVERAL);
	assert_refused(sealed_receiver_finish(take_ptr(&receiver), &got, &err),
	    0);
	assert_true(bytes_equal(sealed_bytes(got), bytes_of(data, SEVERAL)));
}

static void
intake_refuses_pieces_that_do_not_fit(void **state)
{
	CLEANUP(freep) uint8_t *data = make_pattern(SEVERAL);
	CLEANUP(sealed_freep) struct sealed *sent = sealed_of_several(data);
	size_t before = count_descriptors();
	struct sealed_receiver *receiver = NULL;
	struct sealed *sealed = NULL;
	struct err err;
	int fds[3];

	(void)state;
	copy_fds(sent, fds);
	assert_refused(sealed_receiver_new(SEVERAL, "blob", &receiver, &err),
	    0);
	/* The short one is not the first. */
	assert_refused(sealed_receiver_add(receiver, fds[2], NULL, &err),
	    STAGE_FAILED);
	assert_has(err.text, "blob: a piece of 12345 bytes instead of 2097152");
	assert_refused(sealed_receiver_add(receiver, fds[0], NULL, &err), 0);
	assert_refused(sealed_receiver_add(receiver, fds[1], NULL, &err), 0);
	/* One is missing. */
	assert_refused(
	    sealed_receiver_finish(take_ptr(&receiver), &sealed, &err),
	    STAGE_FAILED);
	assert_has(err.text, "blob: only 4194304 of 4206649 bytes came");
	assert_null(sealed);
	assert_int_equal(count_descriptors(), before);
}

static void
intake_refuses_more_pieces_than_it_has_room_for(void **state)
{
	size_t before = count_descriptors();
	struct sealed_receiver *receiver = NULL;
	struct sealed *sealed = NULL;
	struct err err;

	(void)state;
	for (size_t len = 0; len < 2; len++) {
		const char *text = len == 0 ? "" : "x";

		assert_refused(
		    sealed_receiver_new(len, "blob", &receiver, &err), 0);
		assert_refused(sealed_receiver_add(receiver,
				   memfd_with(ALL, text), NULL, &err),
		    0);
		assert_refused(sealed_receiver_add(receiver,
				   memfd_with(ALL, text), NULL, &err),
		    STAGE_FAILED);
		assert_has(err.text, "more than");
		assert_refused(
		    sealed_receiver_finish(take_ptr(&receiver), &sealed, &err),
		    0);
		sealed_freep(&sealed);
	}
	assert_int_equal(count_descriptors(), before);
}

static void
sealed_from_fds_takes_all_pieces_or_none(void **state)
{
	CLEANUP(freep) uint8_t *data = make_pattern(SEVERAL);
	CLEANUP(sealed_freep) struct sealed *sent = sealed_of_several(data);
	size_t before = count_descriptors();
	struct sealed *got = NULL;
	struct err err;
	int fds[3];

	(void)state;
	copy_fds(sent, fds);
	assert_refused(sealed_from_fds(fds, 3, SEVERAL - 1, "blob", &got, &err),
	    IMAGE_TOO_LARGE);
	copy_fds(sent, fds);
	closep(&fds[1]);
	fds[1] = memfd_create("open", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(fds[1], SEALED_PIECE_BYTES), 0);
	assert_refused(sealed_from_fds(fds, 3, SEVERAL, "blob", &got, &err),
	    STAGE_FAILED);
	assert_has(err.text, "not sealed");
	assert_refused(sealed_from_fds(fds, 0, SEVERAL, "blob", &got, &err),
	    STAGE_FAILED);
	assert_null(got);
	assert_int_equal(count_descriptors(), before);
	copy_fds(sent, fds);
	assert_refused(sealed_from_fds(fds, 3, SEVERAL, "blob", &got, &err), 0);
	assert_true(bytes_equal(sealed_bytes(got), bytes_of(data, SEVERAL)));
	sealed_freep(&got);
	assert_int_equal(count_descriptors(), before);
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
sealing_new_refuses_what_no_memory_can_hold(void **state)
{
	struct sealing *sealing = NULL;
	struct err err;

	(void)state;
	assert_refused(sealing_new("test", SIZE_MAX / 2 + 1, &sealing, &err),
	    NO_MEMORY);
	assert_null(sealing);
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
	    cmocka_unit_test(seals_wait_for_a_page_that_is_held_in_passing),
	    cmocka_unit_test(seals_are_refused_while_a_page_stays_held),
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
	    cmocka_unit_test(
		sealing_write_appends_and_refuses_more_than_its_size),
	    cmocka_unit_test(
		sealing_cannot_be_sealed_while_another_mapping_writes),
	    cmocka_unit_test(sealing_freep_lets_go_of_everything),
	    cmocka_unit_test(sealing_is_not_sealed_before_it_is_full),
	    cmocka_unit_test(sealing_write_refuses_more_than_the_size),
	    cmocka_unit_test(pieces_are_few_and_all_but_the_last_of_one_size),
	    cmocka_unit_test(
		sealing_hands_over_each_piece_as_soon_as_it_is_full),
	    cmocka_unit_test(sealing_ends_with_what_its_watcher_says),
	    cmocka_unit_test(sealing_of_nothing_has_one_empty_piece),
	    cmocka_unit_test(intake_maps_pieces_behind_each_other),
	    cmocka_unit_test(intake_refuses_pieces_that_do_not_fit),
	    cmocka_unit_test(intake_refuses_more_pieces_than_it_has_room_for),
	    cmocka_unit_test(sealed_from_fds_takes_all_pieces_or_none),
	    cmocka_unit_test(sealed_touch_changes_nothing),
	    cmocka_unit_test(sealing_new_refuses_what_no_memory_can_hold),
	};

	return cmocka_run_group_tests_name("sealed", tests, enter_scratch,
	    leave_scratch);
}
