#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "image-store/pack/image_dir.h"

static bool is_directory(const char *path);

int
files_sealed(const char *path, size_t max_bytes, struct sealed **ret_sealed,
    struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	return sealed_copy_max(fd, max_bytes, err_quote_str(path).text,
	    ret_sealed, err);
}

int
files_of_image(const char *dir, const char *name, size_t max_bytes,
    struct sealed **ret_sealed, struct err *err)
{
	char path[FILES_PATH_SIZE];

	TRY(files_join(dir, name, path, err));
	if (files_sealed(path, max_bytes, ret_sealed, err) == 0)
		return 0;
	if (strcmp(name, IMAGE_DIR_ENVELOPE) != 0)
		return (int)err->code;
	if (err->sys == ENOENT && is_directory(dir))
		return err_set(err, IMAGE_UNSIGNED, "no %s in %s",
		    IMAGE_DIR_ENVELOPE, err_quote_str(dir).text);
	if (err->code == IMAGE_TOO_LARGE)
		err->code = ENVELOPE_TOO_LARGE;
	return (int)err->code;
}

int
files_join(const char *dir, const char *name, char ret_path[FILES_PATH_SIZE],
    struct err *err)
{
	int len = snprintf(ret_path, FILES_PATH_SIZE, "%s/%s", dir, name);

	if (len >= FILES_PATH_SIZE)
		return err_set(err, STORE_IO, "%s: the path is over %d bytes",
		    err_quote_str(dir).text, FILES_PATH_SIZE - 1);
	return 0;
}

int
files_lock(const char *path, int *ret_fd, struct err *err)
{
	CLEANUP(freep) char *copy = strdup(path);
	CLEANUP(closep) int fd = -1;

	if (copy == NULL)
		return err_set(err, NO_MEMORY, "path");
	fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	*ret_fd = take_fd(&fd);
	return 0;
}

static bool
is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}
