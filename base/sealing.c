#include "base/sealing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"

struct sealing {
	char name[32];
	int fd; /* the piece that is being written, or -1 */
	size_t len;
	size_t done;
	struct sealed_receiver *receiver; /* the pieces that are full */
	const struct piece_watcher *watcher;
};

enum { COPY_BYTES = 256 << 10, SEAL_ATTEMPTS = 20 };

static int open_piece(struct sealing *sealing, struct err *err);
static int seal_piece(struct sealing *sealing, struct err *err);
static int write_at(int fd, struct bytes data, size_t offset, struct err *err);
static int refuse_more(int fd, size_t len, const char *what, struct err *err);

int
sealing_new(const char *name, size_t size_bytes, struct sealing **ret_sealing,
    struct err *err)
{
	CLEANUP(freep) struct sealing *sealing = calloc(1, sizeof(*sealing));

	if (sealing == NULL)
		return err_set(err, NO_MEMORY, "%s", name);
	snprintf(sealing->name, sizeof(sealing->name), "%s", name);
	TRY(sealed_receiver_new(size_bytes, sealing->name, &sealing->receiver,
	    err));
	sealing->fd = -1;
	sealing->len = size_bytes;
	*ret_sealing = take_ptr(&sealing);
	return 0;
}

void
sealing_watch(struct sealing *sealing, const struct piece_watcher *watcher)
{
	sealing->watcher = watcher;
}

int
sealing_write(struct sealing *sealing, struct bytes data, struct err *err)
{
	size_t piece_bytes = sealed_piece_bytes(sealing->len);

	if (data.len > sealing->len - sealing->done)
		return err_set(err, IMAGE_SIZE_MISMATCH,
		    "more than the %zu bytes that were expected", sealing->len);
	while (data.len > 0) {
		size_t at = sealing->done % piece_bytes;
		size_t room = piece_bytes - at;
		size_t len = data.len < room ? data.len : room;

		if (at == 0)
			TRY(open_piece(sealing, err));
		TRY(write_at(sealing->fd, bytes_of(data.ptr, len), at, err));
		sealing->done += len;
		data = bytes_of(data.ptr + len, data.len - len);
		if (len == room || sealing->done == sealing->len)
			TRY(seal_piece(sealing, err));
	}
	return 0;
}

/*
 * Through a small buffer: a write to a memfd neither zeroes its pages first nor
 * maps them, which together cost more than the second copy.
 */
int
sealing_copy(struct sealing *sealing, int fd, const char *what, struct err *err)
{
	CLEANUP(freep) uint8_t *buffer = malloc(COPY_BYTES);
	size_t len = sealing->len - sealing->done;
	size_t done = 0;

	if (buffer == NULL)
		return err_set(err, NO_MEMORY, "%s", what);
	while (done < len) {
		size_t want = len - done < COPY_BYTES ? len - done : COPY_BYTES;
		ssize_t n = pread(fd, buffer, want, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, STORE_IO, "%s: read", what);
		if (n == 0)
			return err_set(err, IMAGE_SIZE_MISMATCH,
			    "%s: ends after %zu of %zu bytes", what, done, len);
		TRY(sealing_write(sealing, bytes_of(buffer, (size_t)n), err));
		done += (size_t)n;
	}
	return refuse_more(fd, len, what, err);
}

size_t
sealing_size(const struct sealing *sealing)
{
	return sealing->len;
}

int
sealing_seal(struct sealing *sealing, struct sealed **ret_sealed,
    struct err *err)
{
	CLEANUP(sealing_freep) struct sealing *owned = sealing;

	if (sealing->done < sealing->len)
		return err_set(err, IMAGE_SIZE_MISMATCH,
		    "%zu of %zu bytes were written", sealing->done,
		    sealing->len);
	if (sealing->len == 0) {
		TRY(open_piece(sealing, err));
		TRY(seal_piece(sealing, err));
	}
	return sealed_receiver_finish(take_ptr(&sealing->receiver), ret_sealed,
	    err);
}

void
sealing_freep(struct sealing **sealing)
{
	if (*sealing == NULL)
		return;
	closep(&(*sealing)->fd);
	sealed_receiver_freep(&(*sealing)->receiver);
	free(*sealing);
	*sealing = NULL;
}

int
sealed_from_bytes(const char *name, struct bytes data,
    struct sealed **ret_sealed, struct err *err)
{
	CLEANUP(sealing_freep) struct sealing *sealing = NULL;

	TRY(sealing_new(name, data.len, &sealing, err));
	TRY(sealing_write(sealing, data, err));
	return sealing_seal(take_ptr(&sealing), ret_sealed, err);
}

int
sealed_copy_exact(int fd, size_t exact_bytes, const char *what,
    struct sealed **ret_sealed, struct err *err)
{
	CLEANUP(sealing_freep) struct sealing *sealing = NULL;

	TRY(sealing_new(what, exact_bytes, &sealing, err));
	TRY(sealing_copy(sealing, fd, what, err));
	return sealing_seal(take_ptr(&sealing), ret_sealed, err);
}

int
sealed_copy_max(int fd, size_t max_bytes, const char *what,
    struct sealed **ret_sealed, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set_errno(err, STORE_IO, "%s: fstat", what);
	if (!S_ISREG(st.st_mode))
		return err_set(err, STORE_IO, "%s: not a regular file", what);
	if (st.st_size < 0 || (uint64_t)st.st_size > max_bytes)
		return err_set(err, IMAGE_TOO_LARGE,
		    "%s: %lld bytes, limit %zu", what, (long long)st.st_size,
		    max_bytes);
	return sealed_copy_exact(fd, (size_t)st.st_size, what, ret_sealed, err);
}

static int
open_piece(struct sealing *sealing, struct err *err)
{
	sealing->fd =
	    memfd_create(sealing->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (sealing->fd < 0)
		return err_set_errno(err, NO_MEMORY, "%s: memfd_create",
		    sealing->name);
	return 0;
}

static int
seal_piece(struct sealing *sealing, struct err *err)
{
	const struct piece_watcher *watcher = sealing->watcher;

	TRY(sealed_add_seals(sealing->fd, err));
	if (watcher != NULL)
		TRY(watcher->piece_sealed(watcher->context, sealing->fd, err));
	return sealed_receiver_add(sealing->receiver, take_fd(&sealing->fd),
	    NULL, err);
}

/*
 * EBUSY without a writable mapping: for 150 ms the kernel saw pages held by
 * somebody else, as its own compaction and reclaim do in passing on a busy
 * machine, and it cannot tell them from a write that is under way. It waits
 * itself in each attempt (Linux mm/memfd.c, memfd_wait_for_pins), so these are
 * three seconds.
 */
int
sealed_add_seals(int fd, struct err *err)
{
	int attempts = 0;

	while (fcntl(fd, F_ADD_SEALS, SEALED_SEALS) != 0) {
		attempts++;
		if (errno != EBUSY || attempts == SEAL_ATTEMPTS)
			return err_set_errno(err, SYSTEM_FAILED, "F_ADD_SEALS");
	}
	return 0;
}

static int
write_at(int fd, struct bytes data, size_t offset, struct err *err)
{
	while (data.len > 0) {
		ssize_t n = pwrite(fd, data.ptr, data.len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_set_errno(err, NO_MEMORY, "sealed memory");
		data.ptr += n;
		data.len -= (size_t)n;
		offset += (size_t)n;
	}
	return 0;
}

static int
refuse_more(int fd, size_t len, const char *what, struct err *err)
{
	uint8_t extra;
	ssize_t n = pread(fd, &extra, 1, (off_t)len);

	if (n < 0)
		return err_set_errno(err, STORE_IO, "%s: read", what);
	if (n > 0)
		return err_set(err, IMAGE_SIZE_MISMATCH,
		    "%s: more than the %zu bytes that were signed", what, len);
	return 0;
}
