/*
 * Files of a store, opened. Private to image-store/layout*.c and transfer.c.
 *
 * Always below the directory fd, never through a symbolic link, and only what
 * is a regular file.
 */
#ifndef ASSAY_IMAGE_STORE_LAYOUT_FILE_H
#define ASSAY_IMAGE_STORE_LAYOUT_FILE_H

#include <jansson.h>

#include "base/err.h"

/*
 * Errors: STORE_MALFORMED for a link or what is not a regular file; STORE_IO,
 * with err->sys, also if it is missing.
 */
int layout_file_open(int dir_fd, const char *path, int *ret_fd,
    size_t *ret_size_bytes, struct err *err);

/*
 * A directory of the store, to write into.
 * Errors: STORE_MALFORMED for a link or what is no directory; STORE_IO.
 */
int layout_dir_open(int dir_fd, const char *path, int *ret_fd, struct err *err);

/*
 * A strict JSON object, at most `max_bytes` long. Returns owned.
 * Errors: STORE_MALFORMED, also if it is missing; STORE_TOO_LARGE; STORE_IO.
 */
int layout_file_json(int dir_fd, const char *path, size_t max_bytes,
    json_t **ret_document, struct err *err);

/* How deep JSON of a store may be nested. */
#define LAYOUT_JSON_DEPTH 16

#endif
