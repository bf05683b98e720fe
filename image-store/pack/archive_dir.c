#include "image-store/pack/archive_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "base/uuid.h"
#include "base/uuid_make.h"
#include "image-store/pack/archive.h"
#include "image-store/layout.h"

static int make(struct archive_dir *dir, const char *store_path,
    struct err *err);
static int open_own(struct archive_dir *dir, struct err *err);
static int open_beside(const char *store_path, struct archive_dir *dir,
    struct err *err);
static void empty(int fd);
static void empty_blobs(int fd);

int
archive_dir_unpack(struct archive_dir *dir, const char *store_path,
    const char *archive_path, struct err *err)
{
	TRY(make(dir, store_path, err));
	TRY(archive_unpack(archive_path, dir->fd, err));
	if (layout_check(dir->fd, err) != 0)
		return err_prefix(err, "%s", err_quote_str(archive_path).text);
	return 0;
}

void
archive_dir_done(struct archive_dir *dir)
{
	if (dir->fd >= 0)
		empty(dir->fd);
	/* Only an empty directory goes, whatever has this name now. */
	if (dir->name != NULL)
		unlinkat(dir->parent_fd, dir->name, AT_REMOVEDIR);
	closep(&dir->fd);
	closep(&dir->parent_fd);
	freep(&dir->name);
}

static int
make(struct archive_dir *dir, const char *store_path, struct err *err)
{
	TRY(open_beside(store_path, dir, err));
	if (mkdirat(dir->parent_fd, dir->name, 0700) != 0) {
		err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(dir->name).text);
		freep(&dir->name);
		return (int)err->code;
	}
	TRY(open_own(dir, err));
	if (mkdirat(dir->fd, LAYOUT_BLOBS, 0700) != 0 ||
	    mkdirat(dir->fd, LAYOUT_BLOB_DIR, 0700) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(dir->name).text);
	return 0;
}

/* "store" and "store/" are the same; the name is one that nobody guesses. */
static int
open_beside(const char *store_path, struct archive_dir *dir, struct err *err)
{
	CLEANUP(freep) char *path = strdup(store_path);
	uint8_t random[UUID_BYTES];
	char text[UUID_TEXT_SIZE];
	const char *name;
	size_t len;

	if (path == NULL)
		return err_set(err, NO_MEMORY, "path");
	for (len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
		path[len - 1] = '\0';
	TRY(uuid_random(random, err));
	uuid_text(random, text);
	TRY(file_open_parent(path, &dir->parent_fd, &name, err));
	if (asprintf(&dir->name, "%s.import.%s", name, text) < 0) {
		dir->name = NULL;
		return err_set(err, NO_MEMORY, "path");
	}
	return 0;
}

/* The one that was made, and not what somebody put in its place. */
static int
open_own(struct archive_dir *dir, struct err *err)
{
	struct stat st;
	CLEANUP(closep)
	int fd = openat(dir->parent_fd, dir->name,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(dir->name).text);
	if (st.st_uid != geteuid() || (st.st_mode & 0077) != 0)
		return err_set(err, STORE_IO,
		    "%s: somebody put another directory in its place",
		    err_quote_str(dir->name).text);
	dir->fd = take_fd(&fd);
	return 0;
}

/* Only what archive_unpack() makes; nobody else can change what is below. */
static void
empty(int fd)
{
	CLEANUP(closep)
	int blobs_fd = openat(fd, LAYOUT_BLOB_DIR,
	    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	unlinkat(fd, LAYOUT_FILE, 0);
	unlinkat(fd, LAYOUT_INDEX_FILE, 0);
	if (blobs_fd >= 0)
		empty_blobs(blobs_fd);
	unlinkat(fd, LAYOUT_BLOB_DIR, AT_REMOVEDIR);
	unlinkat(fd, LAYOUT_BLOBS, AT_REMOVEDIR);
}

static void
empty_blobs(int fd)
{
	int copy = dup(fd);
	DIR *blobs = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;

	if (blobs == NULL) {
		closep(&copy);
		return;
	}
	while ((entry = readdir(blobs)) != NULL)
		unlinkat(fd, entry->d_name, 0);
	closedir(blobs);
}
