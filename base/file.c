#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/signal_guard.h"
#include "base/scope.h"

/* A huge page of x86: a file system that can keeps each step in one, and who
 * maps the file next has less to do. */
enum { WRITE_BYTES = 2 << 20 };

/* A file to be written: one name in a directory, both borrowed. */
struct target {
	int dir_fd;
	const char *name;
	const char *path; /* for error texts */
	bool is_volatile;
};

static int check_regular(int fd, const char *path, struct err *err);
static int read_all(int fd, const char *path, size_t max_bytes, char **ret_text,
    size_t *ret_len, struct err *err);
static int write_path(struct target *target, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err);
static int write_target(const struct target *target, struct bytes data,
    mode_t mode, enum file_if_there if_there, struct err *err);
static int refuse_others(const struct target *target,
    enum file_if_there if_there, struct err *err);
static int fill(int fd, const struct target *target, struct bytes data,
    mode_t mode, struct err *err);
static void sync_name(const struct target *target);
static int write_all(int fd, struct bytes data, const char *path,
    struct err *err);
static int give_name(const struct target *target, const char *temporary,
    enum file_if_there if_there, struct err *err);

int
file_read(const char *path, size_t max_bytes, char **ret_text, size_t *ret_len,
    struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	return read_all(fd, path, max_bytes, ret_text, ret_len, err);
}

int
file_read_regular(const char *path, size_t max_bytes, char **ret_text,
    size_t *ret_len, struct err *err)
{
	CLEANUP(closep) int fd = -1;

	TRY(file_open_regular(path, &fd, err));
	return file_read_open(fd, path, max_bytes, ret_text, ret_len, err);
}

/* O_NONBLOCK, so that the open of a FIFO does not wait for a writer. */
int
file_open_regular(const char *path, int *ret_fd, struct err *err)
{
	CLEANUP(closep)
	int fd = open(path,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd < 0 && errno == ELOOP)
		return err_set(err, STORE_IO,
		    "%s: a symbolic link: name the file that it leads to",
		    err_quote_str(path).text);
	if (fd < 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	TRY(check_regular(fd, path, err));
	*ret_fd = take_fd(&fd);
	return 0;
}

int
file_read_open(int fd, const char *path, size_t max_bytes, char **ret_text,
    size_t *ret_len, struct err *err)
{
	TRY(check_regular(fd, path, err));
	return read_all(fd, path, max_bytes, ret_text, ret_len, err);
}

int
file_open_parent(const char *path, int *ret_dir_fd, const char **ret_name,
    struct err *err)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	CLEANUP(freep)
	char *parent =
	    slash == NULL ? strdup(".") : strndup(path, (size_t)(name - path));

	if (parent == NULL)
		return err_set(err, NO_MEMORY, "%s", err_quote_str(path).text);
	*ret_dir_fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (*ret_dir_fd < 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	*ret_name = name;
	return 0;
}

int
file_temporary_name(const char *name, char **ret_temporary, struct err *err)
{
	uint64_t random;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return err_set_errno(err, SYSTEM_FAILED, "getrandom");
	if (asprintf(ret_temporary, "%s.%016" PRIx64 ".new", name, random) <
	    0) {
		*ret_temporary = NULL;
		return err_set(err, NO_MEMORY, "%s", err_quote_str(name).text);
	}
	return 0;
}

int
file_write(const char *path, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err)
{
	struct target target = {.path = path};

	return write_path(&target, data, mode, if_there, err);
}

int
file_write_volatile(const char *path, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err)
{
	struct target target = {.path = path, .is_volatile = true};

	return write_path(&target, data, mode, if_there, err);
}

int
file_write_at(int dir_fd, const char *name, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err)
{
	const struct target target = {dir_fd, name, name, false};

	return write_target(&target, data, mode, if_there, err);
}

static int
check_regular(int fd, const char *path, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	if (!S_ISREG(st.st_mode))
		return err_set(err, STORE_IO, "%s: not a regular file",
		    err_quote_str(path).text);
	return 0;
}

static int
read_all(int fd, const char *path, size_t max_bytes, char **ret_text,
    size_t *ret_len, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len = 0;
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	if (S_ISREG(st.st_mode) && (uint64_t)st.st_size > max_bytes)
		return err_set(err, IMAGE_TOO_LARGE,
		    "%s: %lld bytes, limit %zu", err_quote_str(path).text,
		    (long long)st.st_size, max_bytes);
	text = malloc(max_bytes + 2);
	if (text == NULL)
		return err_set(err, NO_MEMORY, "%zu bytes", max_bytes);
	for (;;) {
		ssize_t n = read(fd, text + len, max_bytes + 1 - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, STORE_IO, "%s",
			    err_quote_str(path).text);
		if (n == 0)
			break;
		len += (size_t)n;
		if (len > max_bytes)
			return err_set(err, IMAGE_TOO_LARGE,
			    "%s: over the limit of %zu bytes",
			    err_quote_str(path).text, max_bytes);
	}
	text[len] = '\0';
	*ret_text = take_ptr(&text);
	*ret_len = len;
	return 0;
}

static int
write_path(struct target *target, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err)
{
	CLEANUP(closep) int dir_fd = -1;

	TRY(file_open_parent(target->path, &dir_fd, &target->name, err));
	target->dir_fd = dir_fd;
	return write_target(target, data, mode, if_there, err);
}

static int
write_target(const struct target *target, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err)
{
	CLEANUP(signal_guard_end)
	struct signal_guard guard = signal_guard_begin();
	CLEANUP(freep) char *temporary = NULL;
	CLEANUP(closep) int fd = -1;

	TRY(refuse_others(target, if_there, err));
	TRY(file_temporary_name(target->name, &temporary, err));
	fd = openat(target->dir_fd, temporary,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(target->path).text);
	if (fill(fd, target, data, mode, err) != 0 ||
	    give_name(target, temporary, if_there, err) != 0) {
		unlinkat(target->dir_fd, temporary, 0);
		return (int)err->code;
	}
	sync_name(target);
	return 0;
}

/* Before anything is written: what somebody meant to keep, a device or the
 * link to a file that is kept elsewhere, would be gone. */
static int
refuse_others(const struct target *target, enum file_if_there if_there,
    struct err *err)
{
	struct stat st;

	if (if_there == FILE_REPLACE &&
	    fstatat(target->dir_fd, target->name, &st, AT_SYMLINK_NOFOLLOW) ==
		0 &&
	    !S_ISREG(st.st_mode))
		return err_set(err, FILE_EXISTS,
		    "%s: not a regular file, which alone is replaced",
		    err_quote_str(target->path).text);
	return 0;
}

static int
fill(int fd, const struct target *target, struct bytes data, mode_t mode,
    struct err *err)
{
	TRY(write_all(fd, data, target->path, err));
	if (fchmod(fd, mode) != 0 || (!target->is_volatile && fsync(fd) != 0))
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(target->path).text);
	return 0;
}

/* The file is there: a file system that cannot sync a directory is no reason to
 * say otherwise. */
static void
sync_name(const struct target *target)
{
	CLEANUP(closep) int fd = -1;

	if (target->is_volatile)
		return;
	fd = openat(target->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

/* In steps, so that a signal does not wait for the end of a large file. */
static int
write_all(int fd, struct bytes data, const char *path, struct err *err)
{
	while (data.len > 0) {
		size_t len = data.len < WRITE_BYTES ? data.len : WRITE_BYTES;
		ssize_t n = write(fd, data.ptr, len);

		TRY(signal_guard_check(err_quote_str(path).text, err));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, STORE_IO, "%s",
			    err_quote_str(path).text);
		data.ptr += n;
		data.len -= (size_t)n;
	}
	return 0;
}

static int
give_name(const struct target *target, const char *temporary,
    enum file_if_there if_there, struct err *err)
{
	unsigned int flags = if_there == FILE_REFUSE ? RENAME_NOREPLACE : 0;

	if (renameat2(target->dir_fd, temporary, target->dir_fd, target->name,
		flags) == 0)
		return 0;
	if (errno == EEXIST)
		return err_set(err, FILE_EXISTS, "%s",
		    err_quote_str(target->path).text);
	return err_set_errno(err, STORE_IO, "%s",
	    err_quote_str(target->path).text);
}
