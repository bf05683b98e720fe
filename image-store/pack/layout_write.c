#include "image-store/pack/layout_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/signal_guard.h"
#include "base/scope.h"
#include "image-store/layout.h"
#include "image-store/layout_file.h"
#include "image-store/pack/oci_encode.h"

static const char layout_text[] =
    "{\"imageLayoutVersion\":\"" LAYOUT_VERSION "\"}";
static const char empty_index_text[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" OCI_INDEX_TYPE "\","
    "\"manifests\":[]}";

static int lock_store(int dir_fd, struct err *err);
static int write_file(int dir_fd, const char *name, struct bytes data,
    struct err *err);
static int make_root(const char *path, int *ret_dir_fd, bool *ret_is_new,
    struct err *err);
static int refuse_content(int dir_fd, const char *path, struct err *err);
static int fill_root(int dir_fd, struct err *err);
static int make_dir(int dir_fd, const char *name, int *ret_fd, struct err *err);
static void empty_root(int dir_fd);

int
layout_init(const char *path, struct err *err)
{
	CLEANUP(signal_guard_end)
	struct signal_guard guard = signal_guard_begin();
	CLEANUP(closep) int dir_fd = -1;
	bool is_new = false;

	TRY(make_root(path, &dir_fd, &is_new, err));
	if (fill_root(dir_fd, err) != 0) {
		empty_root(dir_fd);
		if (is_new)
			rmdir(path);
		return err_prefix(err, "%s", err_quote_str(path).text);
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
layout_write_blob(int dir_fd, struct bytes data, struct err *err)
{
	CLEANUP(closep) int blobs_fd = -1;
	char name[DIGEST_HEX_SIZE];
	struct digest digest;

	TRY(digest_of(data, &digest, err));
	digest_hex(&digest, name);
	TRY(layout_dir_open(dir_fd, LAYOUT_BLOB_DIR, &blobs_fd, err));
	if (write_file(blobs_fd, name, data, err) != 0)
		return err_prefix(err, "%s", LAYOUT_BLOB_DIR);
	return 0;
}

int
layout_write_index(int dir_fd, const json_t *index, struct err *err)
{
	CLEANUP(freep) char *text = NULL;

	TRY(oci_index_encode(index, &text, err));
	return write_file(dir_fd, LAYOUT_INDEX_FILE, bytes_of_str(text), err);
}

/* So that two writers do not lose each other's entry. */
static int
lock_store(int dir_fd, struct err *err)
{
	if (flock(dir_fd, LOCK_EX) != 0)
		return err_set_errno(err, STORE_IO, "lock of the store");
	return 0;
}

/* Something else than a file is in its place: no store. */
static int
write_file(int dir_fd, const char *name, struct bytes data, struct err *err)
{
	if (file_write_at(dir_fd, name, data, 0644, FILE_REPLACE, err) != 0) {
		if (err->code == FILE_EXISTS)
			err->code = STORE_MALFORMED;
		return (int)err->code;
	}
	return 0;
}

/* The mode is given to what was opened and found empty, not to a path that may
 * lead elsewhere by now. */
static int
make_root(const char *path, int *ret_dir_fd, bool *ret_is_new, struct err *err)
{
	bool is_new = mkdir(path, 0700) == 0;
	CLEANUP(closep) int fd = -1;

	if (!is_new && errno != EEXIST)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	fd = open(path,
	    O_RDONLY | O_DIRECTORY | O_CLOEXEC | (is_new ? O_NOFOLLOW : 0));
	if (fd < 0)
		return err_set_errno(err,
		    errno == ENOTDIR ? FILE_EXISTS : STORE_IO, "%s",
		    err_quote_str(path).text);
	TRY(refuse_content(fd, path, err));
	if (is_new && fchmod(fd, 0755) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	*ret_dir_fd = take_fd(&fd);
	*ret_is_new = is_new;
	return 0;
}

static int
refuse_content(int dir_fd, const char *path, struct err *err)
{
	int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	size_t count = 0;

	if (dir == NULL) {
		err_set_errno(err, STORE_IO, "%s", err_quote_str(path).text);
		closep(&fd);
		return (int)err->code;
	}
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
fill_root(int dir_fd, struct err *err)
{
	CLEANUP(closep) int blobs_fd = -1;
	CLEANUP(closep) int sha256_fd = -1;

	TRY(make_dir(dir_fd, LAYOUT_BLOBS, &blobs_fd, err));
	TRY(make_dir(blobs_fd, LAYOUT_SHA256, &sha256_fd, err));
	TRY(write_file(dir_fd, LAYOUT_INDEX_FILE,
	    bytes_of_str(empty_index_text), err));
	return write_file(dir_fd, LAYOUT_FILE, bytes_of_str(layout_text), err);
}

static int
make_dir(int dir_fd, const char *name, int *ret_fd, struct err *err)
{
	CLEANUP(closep) int fd = -1;

	if (mkdirat(dir_fd, name, 0700) != 0)
		return err_set_errno(err, STORE_IO, "%s", name);
	TRY(layout_dir_open(dir_fd, name, &fd, err));
	if (fchmod(fd, 0755) != 0)
		return err_set_errno(err, STORE_IO, "%s", name);
	*ret_fd = take_fd(&fd);
	return 0;
}

static void
empty_root(int dir_fd)
{
	CLEANUP(closep) int blobs_fd = -1;
	struct err ignored;

	unlinkat(dir_fd, LAYOUT_INDEX_FILE, 0);
	if (layout_dir_open(dir_fd, LAYOUT_BLOBS, &blobs_fd, &ignored) == 0)
		unlinkat(blobs_fd, LAYOUT_SHA256, AT_REMOVEDIR);
	unlinkat(dir_fd, LAYOUT_BLOBS, AT_REMOVEDIR);
}
