/*
 * Small files of our own: read whole under a limit, written whole or not at
 * all. Not for images: those go through base/sealed.h.
 */
#ifndef ASSAY_BASE_FILE_H
#define ASSAY_BASE_FILE_H

#include <sys/types.h>

#include "base/bytes.h"
#include "base/err.h"

/*
 * Returns owned; one NUL follows the bytes that *ret_len counts.
 * Errors: STORE_IO; IMAGE_TOO_LARGE over `max_bytes`.
 */
int file_read(const char *path, size_t max_bytes, char **ret_text,
    size_t *ret_len, struct err *err);

/*
 * The same for a file that lies where others may write. It is opened once, and
 * what was opened is what is looked at and read: a FIFO that is put in its
 * place does not hold up the reader, and a symbolic link does not make a reader
 * with more rights read something else.
 * Errors: STORE_IO also for what is not a regular file, or a symbolic link.
 * Not done: looking at the directories of the path, which may be links.
 */
int file_read_regular(const char *path, size_t max_bytes, char **ret_text,
    size_t *ret_len, struct err *err);

/* The two halves of that: for who opens what another process reads. Borrows
 * `fd`; `path` is for error texts. */
int file_open_regular(const char *path, int *ret_fd, struct err *err);
int file_read_open(int fd, const char *path, size_t max_bytes, char **ret_text,
    size_t *ret_len, struct err *err);

/*
 * Open the directory of `path`, once, so that who may rename a part of the path
 * does not move what is done in it elsewhere: for *at() calls, not for reading
 * the directory. `*ret_name` is the last part of `path`, without a slash.
 * Errors: STORE_IO; NO_MEMORY.
 */
int file_open_parent(const char *path, int *ret_dir_fd, const char **ret_name,
    struct err *err);

/*
 * A name for a file that is to become `name`, with a path or without: NAME, a
 * dot, 16 random hexadecimal digits, ".new". No other process has it, in
 * whichever container, and what a process left that was killed is not in its
 * way. Open it with O_EXCL all the same: where others may write, it may be
 * anything by then.
 * Returns owned. Errors: NO_MEMORY, SYSTEM_FAILED.
 */
int file_temporary_name(const char *name, char **ret_temporary,
    struct err *err);

enum file_if_there {
	FILE_REFUSE,
	FILE_REPLACE,
};

/*
 * Write under a temporary name beside `path`, sync, give it its name, and sync
 * the directory, if its file system can do that: a reader sees the old file or
 * the new one, never half of one, also after a power cut. A signal that comes
 * meanwhile leaves no temporary file: base/signal_guard.h.
 * Errors: FILE_EXISTS, with FILE_REPLACE for what is not a regular file: a
 * device, a directory, a symbolic link; STORE_IO; NO_MEMORY, SYSTEM_FAILED.
 */
int file_write(const char *path, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err);

/*
 * The same for what need not outlive the host: nothing is synced, which a disk
 * would take its time for.
 */
int file_write_volatile(const char *path, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err);

/*
 * As file_write() in a directory that is open; borrowed. `name` is one name,
 * without a slash. The temporary file is in that directory too, and nothing is
 * followed, so nothing is written elsewhere, whoever may change the directory.
 */
int file_write_at(int dir_fd, const char *name, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err);

#endif
