#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hold.h"
#include "base/scope.h"

/* A huge page of x86: a file system that can keeps each step in one, and who
 * maps the file next has less to do. */
enum { WRITE_BYTES = 2 << 20 };

static int check_regular(int fd, const char *path, struct err *err);
static int read_all(int fd, const char *path, size_t max_bytes, char **ret_text,
    size_t *ret_len, struct err *err);
static int refuse_others(const char *path, enum file_if_there if_there,
    struct err *err);
static int write_all(int fd, struct bytes data, const char *path,
    struct err *err);
static int give_name(const char *temporary, const char *path,
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

/* O_NONBLOCK, so that the open of a FIFO does not wait for a writer. */
int
file_read_regular(const char *path, size_t max_bytes, char **ret_text,
    size_t *ret_len, struct err *err)
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
	return read_all(fd, path, max_bytes, ret_text, ret_len, err);
}

int
file_write(const char *path, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err)
{
	CLEANUP(hold_end) struct hold hold = hold_begin();
	CLEANUP(freep) char *temporary = NULL;
	CLEANUP(closep) int fd = -1;

	TRY(refuse_others(path, if_there, err));
	if (asprintf(&temporary, "%s.%d.new", path, (int)getpid()) < 0)
		return err_set(err, NO_MEMORY, "%s", err_quote_str(path).text);
	fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
	if (fd < 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	if (write_all(fd, data, path, err) != 0) {
		unlink(temporary);
		return (int)err->code;
	}
	if (fchmod(fd, mode) != 0 || fsync(fd) != 0) {
		err_set_errno(err, STORE_IO, "%s", err_quote_str(path).text);
		unlink(temporary);
		return (int)err->code;
	}
	return give_name(temporary, path, if_there, err);
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

/* Before anything is written: what somebody meant to keep, a device or the
 * link to a file that is kept elsewhere, would be gone. */
static int
refuse_others(const char *path, enum file_if_there if_there, struct err *err)
{
	struct stat st;

	if (if_there == FILE_REPLACE && lstat(path, &st) == 0 &&
	    !S_ISREG(st.st_mode))
		return err_set(err, FILE_EXISTS,
		    "%s: not a regular file, which alone is replaced",
		    err_quote_str(path).text);
	return 0;
}

/* In steps, so that a signal does not wait for the end of a large file. */
static int
write_all(int fd, struct bytes data, const char *path, struct err *err)
{
	while (data.len > 0) {
		size_t len = data.len < WRITE_BYTES ? data.len : WRITE_BYTES;
		ssize_t n = write(fd, data.ptr, len);

		TRY(hold_check(err_quote_str(path).text, err));
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
give_name(const char *temporary, const char *path, enum file_if_there if_there,
    struct err *err)
{
	unsigned int flags = if_there == FILE_REFUSE ? RENAME_NOREPLACE : 0;

	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, flags) == 0)
		return 0;
	if (errno == EEXIST)
		err_set(err, FILE_EXISTS, "%s", err_quote_str(path).text);
	else
		err_set_errno(err, STORE_IO, "%s", err_quote_str(path).text);
	unlink(temporary);
	return (int)err->code;
}
