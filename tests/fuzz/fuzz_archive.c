/*
 * OCI archives: whatever they hold, nothing of it gets out of the directory,
 * and what unpacks has only names of a store.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/log.h"
#include "base/scope.h"
#include "image-store/pack/archive.h"
#include "image-store/layout.h"
#include "tests/fuzz/fuzz.h"

/* Remove the blobs; each has the digest of its name, or none may be there. */
static void
empty_blobs(int dir_fd)
{
	int fd = openat(dir_fd, LAYOUT_BLOB_DIR, O_RDONLY | O_DIRECTORY);
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;
	struct digest digest;

	bug_unless(dir != NULL);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		bug_unless(digest_from_hex(entry->d_name, &digest));
		unlinkat(fd, entry->d_name, 0);
	}
	closedir(dir);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	char path[] = "/tmp/assay-fuzz-XXXXXX";
	CLEANUP(closep) int dir_fd = -1;
	CLEANUP(closep) int fd = memfd_create("archive", MFD_CLOEXEC);
	struct err err;

	bug_unless(mkdtemp(path) != NULL);
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bug_unless(mkdirat(dir_fd, "blobs", 0700) == 0 &&
		   mkdirat(dir_fd, LAYOUT_BLOB_DIR, 0700) == 0);
	bug_unless(pwrite(fd, data, len, 0) == (ssize_t)len);
	(void)archive_unpack_fd(fd, dir_fd, &err);
	empty_blobs(dir_fd);
	unlinkat(dir_fd, LAYOUT_INDEX_FILE, 0);
	unlinkat(dir_fd, LAYOUT_FILE, 0);
	/* Fails if anything else is there. */
	bug_unless(unlinkat(dir_fd, LAYOUT_BLOB_DIR, AT_REMOVEDIR) == 0);
	bug_unless(unlinkat(dir_fd, "blobs", AT_REMOVEDIR) == 0);
	bug_unless(rmdir(path) == 0);
	return 0;
}
