#include "image-store/layout_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hold.h"
#include "base/scope.h"
#include "image-store/layout.h"
#include "image-store/oci_encode.h"

static const char layout_text[] =
    "{\"imageLayoutVersion\":\"" LAYOUT_VERSION "\"}";
static const char empty_index_text[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX_TYPE "\","
    "\"manifests\":[]}";

static int lock_store(int dir_fd, struct err *err);
static int write_file(const char *path, const char *name, struct bytes data,
    struct err *err);
static int make_root(const char *path, bool *ret_is_new, struct err *err);
static int refuse_content(const char *path, struct err *err);
static int fill_root(const char *path, struct err *err);
static int make_dir(const char *path, const char *name, struct err *err);
static void empty_root(const char *path);
static int join(const char *path, const char *name, char **ret_path,
    struct err *err);

int
layout_init(const char *path, struct err *err)
{
	CLEANUP(hold_end) struct hold hold = hold_begin();
	bool is_new;

	TRY(make_root(path, &is_new, err));
	if (fill_root(path, err) != 0) {
		empty_root(path);
		if (is_new)
			rmdir(path);
		return (int)err->code;
	}
	return 0;
}

int
layout_lock(const char *path, int *ret_dir_fd, struct err *err)
{
	CLEANUP(closep) int dir_fd = -1;

	TRY(layout_open(path, &dir_fd, err));
	TRY(lock_store(dir_fd, err));
	*ret_dir_fd = take_fd(&dir_fd);
	return 0;
}

int
layout_write_blob(const char *path, struct bytes data, struct err *err)
{
	char name[LAYOUT_BLOB_PATH_SIZE];
	struct digest digest;

	TRY(digest_of(data, &digest, err));
	layout_blob_path(&digest, name);
	return write_file(path, name, data, err);
}

int
layout_write_index(const char *path, const json_t *index, struct err *err)
{
	CLEANUP(freep) char *text = NULL;

	TRY(oci_index_encode(index, &text, err));
	return write_file(path, LAYOUT_INDEX_FILE, bytes_of_str(text), err);
}

/* So that two writers do not lose each other's entry. */
static int
lock_store(int dir_fd, struct err *err)
{
	if (flock(dir_fd, LOCK_EX) != 0)
		return err_set_errno(err, STORE_IO, "lock of the store");
	return 0;
}

static int
write_file(const char *path, const char *name, struct bytes data,
    struct err *err)
{
	CLEANUP(freep) char *full = NULL;

	TRY(join(path, name, &full, err));
	return file_write(full, data, 0644, FILE_REPLACE, err);
}

static int
make_root(const char *path, bool *ret_is_new, struct err *err)
{
	*ret_is_new = mkdir(path, 0700) == 0;
	if (!*ret_is_new && errno == EEXIST)
		return refuse_content(path, err);
	if (!*ret_is_new || chmod(path, 0755) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	return 0;
}

static int
refuse_content(const char *path, struct err *err)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	if (dir == NULL)
		return err_set_errno(err,
		    errno == ENOTDIR ? FILE_EXISTS : STORE_IO, "%s",
		    err_quote_str(path).text);
	while ((entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 &&
		         strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	if (count > 0)
		return err_set(err, FILE_EXISTS, "%s is not empty",
		    err_quote_str(path).text);
	return 0;
}

/* oci-layout last: without it, it is no store. */
static int
fill_root(const char *path, struct err *err)
{
	TRY(make_dir(path, "blobs", err));
	TRY(make_dir(path, LAYOUT_BLOB_DIR, err));
	TRY(write_file(path, LAYOUT_INDEX_FILE, bytes_of_str(empty_index_text),
	    err));
	TRY(write_file(path, LAYOUT_FILE, bytes_of_str(layout_text), err));
	return 0;
}

static int
make_dir(const char *path, const char *name, struct err *err)
{
	CLEANUP(freep) char *full = NULL;

	TRY(join(path, name, &full, err));
	if (mkdir(full, 0700) != 0 || chmod(full, 0755) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(full).text);
	return 0;
}

static void
empty_root(const char *path)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	unlinkat(fd, LAYOUT_INDEX_FILE, 0);
	unlinkat(fd, LAYOUT_BLOB_DIR, AT_REMOVEDIR);
	unlinkat(fd, "blobs", AT_REMOVEDIR);
}

static int
join(const char *path, const char *name, char **ret_path, struct err *err)
{
	if (asprintf(ret_path, "%s/%s", path, name) < 0)
		return err_set(err, NO_MEMORY, "path");
	return 0;
}
