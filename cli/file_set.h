/*
 * Writing several files that belong together: all of them, or none.
 *
 * Each is written and synced under a temporary name beside its own; then all
 * get their names, and if one cannot, those before it are taken back. Only a
 * crash between two names leaves a part.
 */
#ifndef ASSAY_CLI_FILE_SET_H
#define ASSAY_CLI_FILE_SET_H

#include <sys/types.h>

#include "base/file.h"

#define FILE_SET_FILES 8

struct file_set_file {
	const char *path; /* borrowed, as are the data */
	struct bytes data;
	mode_t mode;
};

struct file_set {
	struct file_set_file files[FILE_SET_FILES];
	size_t count;
};

/*
 * With FILE_REPLACE a file that is there is replaced, if it is a regular one;
 * nothing else is.
 * Errors: FILE_EXISTS; STORE_IO; NO_MEMORY.
 */
int file_set_write(const struct file_set *set, enum file_if_there if_there,
    struct err *err);

/*
 * The same for files in one directory, which is made with this mode if it is
 * not there; a directory that was made for them goes with them. If the mode is
 * one for the owner alone, a directory that is there has to be the caller's,
 * without a link, and no other may write it: else FILE_EXISTS.
 */
int file_set_write_in(const char *dir, mode_t dir_mode,
    const struct file_set *set, enum file_if_there if_there, struct err *err);

#endif
