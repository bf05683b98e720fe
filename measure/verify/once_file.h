/*
 * A file of the verifier's own that is used once: a challenge, or a nonce.
 *
 * It has to be the caller's, closed to all others, and in a directory that only
 * the caller may write: who could put another file into its place would choose
 * what is used. It is opened once and locked; whoever waits for the lock finds
 * that the file was used.
 *
 * Not done: noticing a copy, which can be used as well.
 */
#ifndef ASSAY_MEASURE_VERIFY_ONCE_FILE_H
#define ASSAY_MEASURE_VERIFY_ONCE_FILE_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

enum { ONCE_FILE_BYTES = 16 << 10 };

struct once_file {
	int fd;     /* locked */
	int dir_fd; /* that it lies in */
	char *name; /* in there */
	uint8_t text[ONCE_FILE_BYTES];
	size_t len;
};

/*
 * Wait until no other process uses it, and read it. once_file_close() ends
 * that. A symbolic link is not followed.
 * Errors: CHALLENGE_SHARED; CHALLENGE_USED if it was while this waited;
 * STORE_IO; IMAGE_TOO_LARGE; NO_MEMORY.
 */
int once_file_open(const char *path, struct once_file *ret_file,
    struct err *err);

/* Put this into its place; what it held is gone, and that is on the disk.
 * Errors: those of file_write_at(). */
int once_file_replace(struct once_file *file, struct bytes text,
    struct err *err);

/* The text is wiped: it may hold a secret. */
void once_file_close(struct once_file *file);

/*
 * Write a new one, with the mode 0600.
 * Errors: CHALLENGE_SHARED if others may write the directory; those of
 * file_write_at().
 */
int once_file_create(const char *path, struct bytes text, struct err *err);

/* The time of this machine's clock. Errors: SYSTEM_FAILED. */
int once_file_now(int64_t *ret_now, struct err *err);

#endif
