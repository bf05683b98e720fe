/*
 * Writing several files that belong together: all of them, or none.
 *
 * Each is written and synced under a temporary name beside its own; then all
 * get their names, and if one cannot, those before it are taken back. Only a
 * crash between two names leaves a part.
 */
#ifndef ASSAY_CLI_FILE_SET_H
#define ASSAY_CLI_FILE_SET_H

#include "base/file.h"

#define FILE_SET_FILES 8

struct file_set_file {
	const char *path; /* borrowed, as are the data */
	struct bytes data;
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
int file_set_write(const struct file_set *set, mode_t mode,
    enum file_if_there if_there, struct err *err);

#endif
