/*
 * The digest of a large file that somebody else may write meanwhile, at the
 * speed of the hash: a copy of the file would cost a fifth of that more.
 *
 * The file is mapped, and nothing but the hash reads the mapping. What else is
 * wanted of it, its two ends, is copied first and hashed from the copy, so that
 * what is looked at is what has the digest.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_FILE_HASH_H
#define ASSAY_IMAGE_STORE_PACK_FILE_HASH_H

#include <signal.h>

#include "base/digest.h"
#include "base/err.h"

#define FILE_HASH_END 64

struct file_hash {
	struct digest digest;
	uint8_t head[FILE_HASH_END];
	uint8_t tail[FILE_HASH_END];
};

/*
 * A file of `size_bytes`, at least 2 * FILE_HASH_END. `what` is for error
 * texts. Between file_hash_begin() and file_hash_end() only. Errors:
 * IMAGE_SIZE_MISMATCH if the file becomes shorter meanwhile; STORE_IO if it
 * cannot be read; NO_MEMORY.
 */
int file_hash(int fd, size_t size_bytes, const char *what,
    struct file_hash *ret_hash, struct err *err);

/*
 * A mapped file that becomes shorter gives a SIGBUS to who reads on, which ends
 * a process. In between these two calls it is taken, in all threads, and a
 * SIGBUS of another cause ends the process as ever.
 */
struct sigaction file_hash_begin(void);
void file_hash_end(struct sigaction *before);

#endif
