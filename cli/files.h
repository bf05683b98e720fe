/*
 * Files that several commands read, and where they lie.
 */
#ifndef ASSAY_CLI_FILES_H
#define ASSAY_CLI_FILES_H

#include "base/sealed.h"

/* Returns owned; errors name the file. */
int files_sealed(const char *path, size_t max_bytes, struct sealed **ret_sealed,
    struct err *err);

/*
 * A file of an image directory.
 * Errors: IMAGE_TOO_LARGE; STORE_IO. Of the envelope: ENVELOPE_TOO_LARGE;
 * IMAGE_UNSIGNED if it is missing from a directory that is there.
 */
int files_of_image(const char *dir, const char *name, size_t max_bytes,
    struct sealed **ret_sealed, struct err *err);

/*
 * Wait until nobody else holds the lock for changing this file, and hold it
 * until *ret_fd is closed. It is on the directory of the file: the file is a
 * new one after each change, and no other would be left.
 * Errors: STORE_IO; NO_MEMORY.
 */
int files_lock(const char *path, int *ret_fd, struct err *err);

/* "DIR/name" into a buffer. Errors: STORE_IO if it does not fit. */
enum { FILES_PATH_SIZE = 4096 };
int files_join(const char *dir, const char *name,
    char ret_path[FILES_PATH_SIZE], struct err *err);

#endif
