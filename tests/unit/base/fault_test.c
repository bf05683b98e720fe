/*
 * Every allocation and every system call that base/ makes fails once, by
 * index. Each time the call must report it, leave its outputs alone, and leave
 * no descriptor, no file and no memory behind (run with ASan).
 */
#include "base_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "base/base64.h"
#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/sealing.h"
#include "base/uuid.h"
#include "base/uuid_make.h"

enum { max_calls = 1000 };

static int left = INT_MAX; /* wrapped calls until one fails */
static int failure = EIO;
static int synced_files;
static int synced_directories;

static bool
is_hit(void)
{
	if (left-- != 0)
		return false;
	errno = failure;
	return true;
}

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
int __real_memfd_create(const char *name, unsigned int flags);
int __real_ftruncate(int fd, off_t size);
void *__real_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __real_fcntl(int fd, int cmd, ...);
int __real_fstat(int fd, struct stat *st);
ssize_t __real_pread(int fd, void *into, size_t len, off_t at);
ssize_t __real_pwrite(int fd, const void *from, size_t len, off_t at);
int __real_open(const char *path, int flags, ...);
ssize_t __real_read(int fd, void *into, size_t len);
ssize_t __real_write(int fd, const void *from, size_t len);
int __real_fsync(int fd);
int __real_fchmod(int fd, mode_t mode);
int __real_renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned int flags);
ssize_t __real_getrandom(void *into, size_t len, unsigned int flags);
int __real_EVP_Digest(const void *data, size_t count, unsigned char *md,
    unsigned int *size, const EVP_MD *type, ENGINE *impl);

void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
int __wrap_memfd_create(const char *name, unsigned int flags);
int __wrap_ftruncate(int fd, off_t size);
void *__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off);
int __wrap_fcntl(int fd, int cmd, ...);
int __wrap_fstat(int fd, struct stat *st);
ssize_t __wrap_pread(int fd, void *into, size_t len, off_t at);
ssize_t __wrap_pwrite(int fd, const void *from, size_t len, off_t at);
int __wrap_open(const char *path, int flags, ...);
ssize_t __wrap_read(int fd, void *into, size_t len);
/* What read() is called with _FORTIFY_SOURCE. */
ssize_t __wrap___read_chk(int fd, void *into, size_t len, size_t room);
ssize_t __wrap_write(int fd, const void *from, size_t len);
int __wrap_fsync(int fd);
int __wrap_fchmod(int fd, mode_t mode);
int __wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned int flags);
ssize_t __wrap_getrandom(void *into, size_t len, unsigned int flags);
int __wrap_EVP_Digest(const void *data, size_t count, unsigned char *md,
    unsigned int *size, const EVP_MD *type, ENGINE *impl);

void *
__wrap_malloc(size_t size)
{
	return is_hit() ? NULL : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	return is_hit() ? NULL : __real_calloc(count, size);
}

int
__wrap_memfd_create(const char *name, unsigned int flags)
{
	return is_hit() ? -1 : __real_memfd_create(name, flags);
}

int
__wrap_ftruncate(int fd, off_t size)
{
	return is_hit() ? -1 : __real_ftruncate(fd, size);
}

void *
__wrap_mmap(void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	return is_hit() ? MAP_FAILED
	                : __real_mmap(at, len, prot, flags, fd, off);
}

int
__wrap_fcntl(int fd, int cmd, ...)
{
	va_list args;
	int arg;

	va_start(args, cmd);
	arg = va_arg(args, int);
	va_end(args);
	return is_hit() ? -1 : __real_fcntl(fd, cmd, arg);
}

int
__wrap_fstat(int fd, struct stat *st)
{
	return is_hit() ? -1 : __real_fstat(fd, st);
}

ssize_t
__wrap_pread(int fd, void *into, size_t len, off_t at)
{
	return is_hit() ? -1 : __real_pread(fd, into, len, at);
}

ssize_t
__wrap_pwrite(int fd, const void *from, size_t len, off_t at)
{
	return is_hit() ? -1 : __real_pwrite(fd, from, len, at);
}

int
__wrap_open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = va_arg(args, mode_t);
	va_end(args);
	return is_hit() ? -1 : __real_open(path, flags, mode);
}

ssize_t
__wrap_read(int fd, void *into, size_t len)
{
	return is_hit() ? -1 : __real_read(fd, into, len);
}

ssize_t
__wrap___read_chk(int fd, void *into, size_t len, size_t room)
{
	assert_true(len <= room);
	return __wrap_read(fd, into, len);
}

ssize_t
__wrap_write(int fd, const void *from, size_t len)
{
	return is_hit() ? -1 : __real_write(fd, from, len);
}

int
__wrap_fsync(int fd)
{
	struct stat st;

	assert_int_equal(__real_fstat(fd, &st), 0);
	if (S_ISDIR(st.st_mode)) {
		synced_directories++;
		errno = EINVAL;
		return -1; /* as some file systems have it */
	}
	synced_files++;
	return is_hit() ? -1 : __real_fsync(fd);
}

int
__wrap_fchmod(int fd, mode_t mode)
{
	return is_hit() ? -1 : __real_fchmod(fd, mode);
}

int
__wrap_renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned int flags)
{
	return is_hit() ? -1
	                : __real_renameat2(from_dir, from, to_dir, to, flags);
}

ssize_t
__wrap_getrandom(void *into, size_t len, unsigned int flags)
{
	return is_hit() ? -1 : __real_getrandom(into, len, flags);
}

int
__wrap_EVP_Digest(const void *data, size_t count, unsigned char *md,
    unsigned int *size, const EVP_MD *type, ENGINE *impl)
{
	return is_hit() ? 0
	                : __real_EVP_Digest(data, count, md, size, type, impl);
}

/* --- what fails ------------------------------------------------------ */

static char untouched[1];
#define UNTOUCHED ((void *)untouched)

/* One call. Asserts that its output is untouched if it fails. */
typedef int attempt(struct err *err);

static int input_fd = -1; /* a file "input" of 5 bytes */

static int
check_sealed(int code, struct sealed *sealed)
{
	if (code == 0)
		sealed_free(sealed);
	else
		assert_ptr_equal(sealed, UNTOUCHED);
	return code;
}

static int
seal_bytes(struct err *err)
{
	struct sealed *sealed = UNTOUCHED;
	int code =
	    sealed_from_bytes("test", bytes_of_str("text"), &sealed, err);

	return check_sealed(code, sealed);
}

static int
seal_nothing(struct err *err)
{
	struct sealed *sealed = UNTOUCHED;
	int code = sealed_from_bytes("test", bytes_of(NULL, 0), &sealed, err);

	return check_sealed(code, sealed);
}

static int
copy_exact(struct err *err)
{
	struct sealed *sealed = UNTOUCHED;
	int code = sealed_copy_exact(input_fd, 5, "test", &sealed, err);

	return check_sealed(code, sealed);
}

static int
copy_max(struct err *err)
{
	struct sealed *sealed = UNTOUCHED;
	int code = sealed_copy_max(input_fd, 100, "test", &sealed, err);

	return check_sealed(code, sealed);
}

static int
take_memory(struct err *err)
{
	int armed = left;
	struct sealed *first = NULL;
	struct sealed *sealed = UNTOUCHED;
	size_t count;
	int code;
	int fd;

	left = INT_MAX;
	assert_refused(
	    sealed_from_bytes("test", bytes_of_str("text"), &first, err), 0);
	fd = dup(sealed_fds(first, &count)[0]);
	left = armed;
	code = sealed_from_fds(&fd, 1, 100, "test", &sealed, err);
	check_sealed(code, sealed);
	armed = left;
	left = INT_MAX;
	sealed_free(first);
	left = armed;
	return code;
}

typedef int reader(const char *path, size_t max_bytes, char **ret_text,
    size_t *ret_len, struct err *err);

static int
read_with(reader *read_it, struct err *err)
{
	char *text = UNTOUCHED;
	size_t len = 77;
	int code = read_it("input", 100, &text, &len, err);

	if (code == 0) {
		free(text);
		return 0;
	}
	assert_ptr_equal(text, UNTOUCHED);
	assert_int_equal(len, 77);
	return code;
}

static int
read_file(struct err *err)
{
	return read_with(file_read, err);
}

static int
read_regular(struct err *err)
{
	return read_with(file_read_regular, err);
}

/* The old file stays unless all went well. */
static int
replace_file(struct err *err)
{
	int armed = left;
	struct stat before;
	struct stat after;
	int code;

	left = INT_MAX;
	assert_int_equal(stat("input", &before), 0);
	left = armed;
	code =
	    file_write("input", bytes_of_str("other"), 0600, FILE_REPLACE, err);
	armed = left;
	left = INT_MAX;
	assert_int_equal(stat("input", &after), 0);
	assert_true((before.st_ino == after.st_ino) == (code != 0));
	left = armed;
	return code;
}

static int
make_uuid(struct err *err)
{
	uint8_t uuid[UUID_BYTES];
	uint8_t before[UUID_BYTES];
	int code;

	memset(uuid, 0x5a, sizeof(uuid));
	memcpy(before, uuid, sizeof(uuid));
	code = uuid_random(uuid, err);
	if (code != 0)
		assert_memory_equal(uuid, before, sizeof(uuid));
	return code;
}

static int
make_digest(struct err *err)
{
	struct digest digest;

	return digest_of(bytes_of_str("abc"), &digest, err);
}

static int
decode_base64(struct err *err)
{
	uint8_t *data = UNTOUCHED;
	size_t len = 77;
	int code = base64_decode(bytes_of_str("Zm9v"), ENVELOPE_MALFORMED,
	    &data, &len, err);

	if (code == 0)
		free(data);
	else
		assert_ptr_equal(data, UNTOUCHED);
	return code;
}

static int
encode_base64(struct err *err)
{
	CLEANUP(freep)
	char *text = base64_encode(bytes_of_str("abc"));

	return text != NULL ? 0 : err_set(err, NO_MEMORY, "text");
}

/* jansson is another library: its allocations are given to it. */
static int
parse_json(struct err *err)
{
	json_t *document = UNTOUCHED;
	int code;

	json_set_alloc_funcs(__wrap_malloc, free);
	code = json_parse(bytes_of_str("{\"a\":[1,\"two\",{\"b\":3}]}"), 4,
	    "thing", NO_MEMORY, &document, err);
	if (code == 0)
		json_decref(document);
	else
		assert_ptr_equal(document, UNTOUCHED);
	return code;
}

/* Fail the first call, then the second, and so on, until none is left. */
static void
fail_each_call_of(attempt *call, const enum err_code *allowed, int at_least)
{
	int failed = 0;

	for (int i = 0; i < max_calls; i++) {
		size_t descriptors = count_descriptors();
		size_t names = count_names();
		struct err err = {.code = ERR_NONE};
		bool is_allowed = false;
		int rest;
		int code;

		left = i;
		code = call(&err);
		rest = left;
		left = INT_MAX;
		assert_int_equal(count_descriptors(), descriptors);
		assert_int_equal(count_names(), names);
		if (rest >= 0) { /* it needed fewer than that */
			assert_refused(code, ERR_NONE);
			assert_true(failed >= at_least);
			return;
		}
		for (const enum err_code *c = allowed; *c != ERR_NONE; c++)
			is_allowed = is_allowed || code == (int)*c;
		if (!is_allowed)
			fail_msg("call %d: %s", i,
			    code == 0 ? "0" : err_name((enum err_code)code));
		assert_int_equal(err.code, code);
		assert_true(err.text[0] != '\0');
		failed++;
	}
	fail_msg("no end of calls");
}

static int
prepare(void **state)
{
	if (enter_scratch(state) != 0)
		return -1;
	input_fd = open_file_of("input", bytes_of_str("12345"));
	return 0;
}

static int
tidy(void **state)
{
	closep(&input_fd);
	return leave_scratch(state);
}

static void
sealed_from_bytes_survives_any_failed_call(void **state)
{
	static const enum err_code allowed[] = {NO_MEMORY, SYSTEM_FAILED,
	    STAGE_FAILED, 0};

	(void)state;
	/* calloc, calloc, mmap, memfd_create, pwrite, fcntl, fcntl, fstat,
	 * mmap, malloc */
	fail_each_call_of(seal_bytes, allowed, 10);
	fail_each_call_of(seal_nothing, allowed, 7);
}

static void
sealed_copy_survives_any_failed_call(void **state)
{
	static const enum err_code allowed[] = {NO_MEMORY, SYSTEM_FAILED,
	    STAGE_FAILED, STORE_IO, 0};

	(void)state;
	fail_each_call_of(copy_exact, allowed, 12);
	fail_each_call_of(copy_max, allowed, 13);
}

static void
sealed_from_fds_survives_any_failed_call(void **state)
{
	static const enum err_code allowed[] = {NO_MEMORY, STAGE_FAILED, 0};

	(void)state;
	fail_each_call_of(take_memory, allowed, 7);
}

static void
file_read_survives_any_failed_call(void **state)
{
	static const enum err_code allowed[] = {NO_MEMORY, STORE_IO, 0};

	(void)state;
	fail_each_call_of(read_file, allowed, 5);
	/* One more: fstat, before anything is allocated. */
	fail_each_call_of(read_regular, allowed, 6);
}

static void
file_write_survives_any_failed_call(void **state)
{
	static const enum err_code allowed[] = {STORE_IO, SYSTEM_FAILED, 0};

	(void)state;
	/* getrandom, open, write, fchmod, fsync, renameat2 */
	fail_each_call_of(replace_file, allowed, 6);
}

/* A file system that cannot sync a directory does not fail it. */
static void
file_write_syncs_the_file_and_its_name(void **state)
{
	struct err err;

	(void)state;
	synced_files = synced_directories = 0;
	assert_refused(replace_file(&err), 0);
	assert_int_equal(synced_files, 1);
	assert_int_equal(synced_directories, 1);
	assert_refused(file_write_volatile("input", bytes_of_str("x"), 0600,
			   FILE_REPLACE, &err),
	    0);
	assert_int_equal(synced_files, 1);
	assert_int_equal(synced_directories, 1);
}

static void
file_read_and_write_go_on_after_a_signal(void **state)
{
	static attempt *const calls[] = {read_file, replace_file, copy_exact};
	bool went_on = false;

	(void)state;
	failure = EINTR;
	for (size_t c = 0; c < countof(calls); c++) {
		for (int i = 0; i < 12; i++) {
			struct err err = {0};

			left = i;
			if (calls[c](&err) == 0 && left < 0)
				went_on = true;
			left = INT_MAX;
		}
		assert_true(went_on);
		went_on = false;
	}
	failure = EIO;
}

static void
small_pieces_survive_any_failed_call(void **state)
{
	static const enum err_code memory[] = {NO_MEMORY, 0};
	static const enum err_code system[] = {SYSTEM_FAILED, 0};

	(void)state;
	fail_each_call_of(make_uuid, system, 1);
	fail_each_call_of(make_digest, memory, 1);
	fail_each_call_of(decode_base64, memory, 1);
	fail_each_call_of(encode_base64, memory, 1);
}

static void
json_parse_survives_any_failed_allocation(void **state)
{
	static const enum err_code memory[] = {NO_MEMORY, 0};

	(void)state;
	fail_each_call_of(parse_json, memory, 5);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(sealed_from_bytes_survives_any_failed_call),
	    cmocka_unit_test(sealed_copy_survives_any_failed_call),
	    cmocka_unit_test(sealed_from_fds_survives_any_failed_call),
	    cmocka_unit_test(file_read_survives_any_failed_call),
	    cmocka_unit_test(file_write_survives_any_failed_call),
	    cmocka_unit_test(file_write_syncs_the_file_and_its_name),
	    cmocka_unit_test(file_read_and_write_go_on_after_a_signal),
	    cmocka_unit_test(small_pieces_survive_any_failed_call),
	    cmocka_unit_test(json_parse_survives_any_failed_allocation),
	};

	return cmocka_run_group_tests_name("fault", tests, prepare, tidy);
}
