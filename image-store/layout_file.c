#include "image-store/layout_file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/json.h"
#include "base/scope.h"

static int refuse_open(const char *path, struct err *err);
static int blame_store(struct err *err);

/* O_NONBLOCK, so that a FIFO does not hold up the reader. */
int
layout_file_open(int dir_fd, const char *path, int *ret_fd,
    size_t *ret_size_bytes, struct err *err)
{
	struct open_how how = {
	    .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	CLEANUP(closep)
	int fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
	struct stat st;

	if (fd < 0)
		return refuse_open(path, err);
	if (fstat(fd, &st) != 0)
		return err_set_errno(err, STORE_IO, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size < 0)
		return err_set(err, STORE_MALFORMED, "%s: not a regular file",
		    path);
	*ret_fd = take_fd(&fd);
	*ret_size_bytes = (size_t)st.st_size;
	return 0;
}

int
layout_dir_open(int dir_fd, const char *path, int *ret_fd, struct err *err)
{
	const struct open_how how = {
	    .flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC,
	    .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_BENEATH,
	};
	int fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

	if (fd < 0)
		return refuse_open(path, err);
	*ret_fd = fd;
	return 0;
}

int
layout_file_json(int dir_fd, const char *path, size_t max_bytes,
    json_t **ret_document, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	size_t len;

	if (layout_file_open(dir_fd, path, &fd, &len, err) != 0)
		return blame_store(err);
	if (len > max_bytes)
		return err_set(err, STORE_TOO_LARGE, "%s: %zu bytes, limit %zu",
		    path, len, max_bytes);
	if (sealed_copy_exact(fd, len, path, &text, err) != 0)
		return blame_store(err);
	return json_parse_many(sealed_bytes(text), LAYOUT_JSON_DEPTH,
	    LIMIT_INDEX_VALUES, path, STORE_MALFORMED, ret_document, err);
}

static int
refuse_open(const char *path, struct err *err)
{
	if (errno == ELOOP)
		return err_set(err, STORE_MALFORMED,
		    "%s: a symbolic link is in its path", path);
	if (errno == ENOTDIR)
		return err_set(err, STORE_MALFORMED,
		    "%s: what should be a directory is none", path);
	return err_set_errno(err, STORE_IO, "%s", path);
}

/* What it is made of is missing, or changes: no store. */
static int
blame_store(struct err *err)
{
	if (err->code == IMAGE_SIZE_MISMATCH || err->sys == ENOENT)
		err->code = STORE_MALFORMED;
	return (int)err->code;
}
