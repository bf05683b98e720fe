#include "measure/verify/once_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/file.h"
#include "base/scope.h"
#include "base/utc.h"
#include "measure/verify/once.h"

enum { MODE = 0600 };

static int open_directory(const char *path, int *ret_fd, char **ret_name,
    struct err *err);
static int open_own(const struct once_file *file, int *ret_fd, struct err *err);
static int wait_for(const struct once_file *file, struct err *err);
static int read_text(struct once_file *file, struct err *err);
static int fail(const char *name, struct err *err);

int
once_file_open(const char *path, struct once_file *ret_file, struct err *err)
{
	CLEANUP(once_file_close)
	struct once_file file = {.fd = -1, .dir_fd = -1};

	TRY(open_directory(path, &file.dir_fd, &file.name, err));
	TRY(open_own(&file, &file.fd, err));
	TRY(wait_for(&file, err));
	TRY(read_text(&file, err));
	*ret_file = file;
	file.fd = file.dir_fd = -1;
	file.name = NULL;
	return 0;
}

int
once_file_replace(struct once_file *file, struct bytes text, struct err *err)
{
	return file_write_at(file->dir_fd, file->name, text, MODE, FILE_REPLACE,
	    err);
}

void
once_file_close(struct once_file *file)
{
	explicit_bzero(file->text, sizeof(file->text));
	closep(&file->fd);
	closep(&file->dir_fd);
	freep(&file->name);
}

int
once_file_create(const char *path, struct bytes text, struct err *err)
{
	CLEANUP(closep) int dir_fd = -1;
	CLEANUP(freep) char *name = NULL;

	TRY(open_directory(path, &dir_fd, &name, err));
	return file_write_at(dir_fd, name, text, MODE, FILE_REFUSE, err);
}

int
once_file_now(int64_t *ret_now, struct err *err)
{
	int64_t now = time(NULL);

	if (now <= UTC_NONE || now > UTC_MAX_SECONDS - ONCE_MAX_MINUTES * 60)
		return err_set(err, SYSTEM_FAILED, "the clock says %lld",
		    (long long)now);
	*ret_now = now;
	return 0;
}

static int
open_directory(const char *path, int *ret_fd, char **ret_name, struct err *err)
{
	CLEANUP(closep) int parent = -1;
	const char *name;
	struct stat st;

	TRY(file_open_parent(path, &parent, &name, err));
	*ret_fd = openat(parent, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (*ret_fd < 0 || fstat(*ret_fd, &st) != 0)
		return fail(path, err);
	if (st.st_uid != geteuid() || (st.st_mode & 0022) != 0)
		return err_set(err, CHALLENGE_SHARED,
		    "%s: not in a directory that only you may write",
		    err_quote_str(path).text);
	*ret_name = strdup(name);
	return *ret_name != NULL ? 0 : err_set(err, NO_MEMORY, "path");
}

static int
open_own(const struct once_file *file, int *ret_fd, struct err *err)
{
	struct stat st;

	*ret_fd = openat(file->dir_fd, file->name,
	    O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (*ret_fd < 0 || fstat(*ret_fd, &st) != 0)
		return fail(file->name, err);
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 0077) != 0)
		return err_set(err, CHALLENGE_SHARED,
		    "%s: not a file that only you may read and write",
		    err_quote_str(file->name).text);
	return 0;
}

/* Whoever had the lock before put another file into its place. */
static int
wait_for(const struct once_file *file, struct err *err)
{
	struct stat locked, named;

	while (flock(file->fd, LOCK_EX) != 0) {
		if (errno != EINTR)
			return fail(file->name, err);
	}
	if (fstat(file->fd, &locked) != 0 ||
	    fstatat(file->dir_fd, file->name, &named, AT_SYMLINK_NOFOLLOW) != 0)
		return fail(file->name, err);
	if (locked.st_dev != named.st_dev || locked.st_ino != named.st_ino)
		return err_set(err, CHALLENGE_USED,
		    "%s: another process used it just now",
		    err_quote_str(file->name).text);
	return 0;
}

static int
read_text(struct once_file *file, struct err *err)
{
	while (file->len < sizeof(file->text)) {
		ssize_t n = read(file->fd, file->text + file->len,
		    sizeof(file->text) - file->len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail(file->name, err);
		if (n == 0)
			return 0;
		file->len += (size_t)n;
	}
	return err_set(err, IMAGE_TOO_LARGE, "%s: over %zu bytes",
	    err_quote_str(file->name).text, sizeof(file->text) - 1);
}

static int
fail(const char *name, struct err *err)
{
	return err_set_errno(err, STORE_IO, "%s", err_quote_str(name).text);
}
