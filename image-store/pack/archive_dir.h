/*
 * An archive, unpacked beside a store for as long as it is needed.
 *
 * The directory around may be somebody else's, who can rename what lies in it.
 * So what is made there is a directory that only its maker may enter, opened
 * once, and everything is unpacked and removed relative to that.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_ARCHIVE_DIR_H
#define ASSAY_IMAGE_STORE_PACK_ARCHIVE_DIR_H

#include "base/err.h"

struct archive_dir {
	int fd;        /* what was unpacked; -1: nothing */
	int parent_fd; /* where the store lies */
	char *name;
};

#define ARCHIVE_DIR_NONE \
	((struct archive_dir){.fd = -1, .parent_fd = -1, .name = NULL})

/*
 * Unpack an archive beside the store at `store_path`. Free with
 * archive_dir_done(), also after a failure; that removes it.
 * Errors: those of archive_unpack() and layout_check(); STORE_IO; NO_MEMORY;
 * SYSTEM_FAILED.
 */
int archive_dir_unpack(struct archive_dir *dir, const char *store_path,
    const char *archive_path, struct err *err);

void archive_dir_done(struct archive_dir *dir);

#endif
