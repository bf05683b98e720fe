#include "base/draft.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"

struct draft {
	char name[32];
	int fd; /* the piece that is being written, or -1 */
	size_t len;
	size_t done;
	struct intake *intake; /* the pieces that are full */
	const struct piece_watcher *watcher;
};

enum { COPY_BYTES = 256 << 10, SEAL_ATTEMPTS = 20 };

static int open_piece(struct draft *draft, struct err *err);
static int seal_piece(struct draft *draft, struct err *err);
static int write_at(int fd, struct bytes data, size_t offset, struct err *err);
static int refuse_more(int fd, size_t len, const char *what, struct err *err);

int
draft_new(const char *name, size_t size_bytes, struct draft **ret_draft,
    struct err *err)
{
	CLEANUP(freep) struct draft *draft = calloc(1, sizeof(*draft));

	if (draft == NULL)
		return err_set(err, NO_MEMORY, "%s", name);
	snprintf(draft->name, sizeof(draft->name), "%s", name);
	TRY(intake_new(size_bytes, draft->name, &draft->intake, err));
	draft->fd = -1;
	draft->len = size_bytes;
	*ret_draft = take_ptr(&draft);
	return 0;
}

void
draft_watch(struct draft *draft, const struct piece_watcher *watcher)
{
	draft->watcher = watcher;
}

int
draft_write(struct draft *draft, struct bytes data, struct err *err)
{
	size_t piece_bytes = sealed_piece_bytes(draft->len);

	if (data.len > draft->len - draft->done)
		return err_set(err, IMAGE_SIZE_MISMATCH,
		    "more than the %zu bytes that were expected", draft->len);
	while (data.len > 0) {
		size_t at = draft->done % piece_bytes;
		size_t room = piece_bytes - at;
		size_t len = data.len < room ? data.len : room;

		if (at == 0)
			TRY(open_piece(draft, err));
		TRY(write_at(draft->fd, bytes_of(data.ptr, len), at, err));
		draft->done += len;
		data = bytes_of(data.ptr + len, data.len - len);
		if (len == room || draft->done == draft->len)
			TRY(seal_piece(draft, err));
	}
	return 0;
}

/*
 * Through a small buffer: a write to a memfd neither zeroes its pages first nor
 * maps them, which together cost more than the second copy.
 */
int
draft_copy(struct draft *draft, int fd, const char *what, struct err *err)
{
	CLEANUP(freep) uint8_t *buffer = malloc(COPY_BYTES);
	size_t len = draft->len - draft->done;
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
		TRY(draft_write(draft, bytes_of(buffer, (size_t)n), err));
		done += (size_t)n;
	}
	return refuse_more(fd, len, what, err);
}

size_t
draft_size(const struct draft *draft)
{
	return draft->len;
}

int
draft_seal(struct draft *draft, struct sealed **ret_sealed, struct err *err)
{
	CLEANUP(draft_freep) struct draft *owned = draft;

	if (draft->done < draft->len)
		return err_set(err, IMAGE_SIZE_MISMATCH,
		    "%zu of %zu bytes were written", draft->done, draft->len);
	if (draft->len == 0) {
		TRY(open_piece(draft, err));
		TRY(seal_piece(draft, err));
	}
	return intake_finish(take_ptr(&draft->intake), ret_sealed, err);
}

void
draft_freep(struct draft **draft)
{
	if (*draft == NULL)
		return;
	closep(&(*draft)->fd);
	intake_freep(&(*draft)->intake);
	free(*draft);
	*draft = NULL;
}

int
sealed_from_bytes(const char *name, struct bytes data,
    struct sealed **ret_sealed, struct err *err)
{
	CLEANUP(draft_freep) struct draft *draft = NULL;

	TRY(draft_new(name, data.len, &draft, err));
	TRY(draft_write(draft, data, err));
	return draft_seal(take_ptr(&draft), ret_sealed, err);
}

int
sealed_copy_exact(int fd, size_t exact_bytes, const char *what,
    struct sealed **ret_sealed, struct err *err)
{
	CLEANUP(draft_freep) struct draft *draft = NULL;

	TRY(draft_new(what, exact_bytes, &draft, err));
	TRY(draft_copy(draft, fd, what, err));
	return draft_seal(take_ptr(&draft), ret_sealed, err);
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
open_piece(struct draft *draft, struct err *err)
{
	draft->fd = memfd_create(draft->name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (draft->fd < 0)
		return err_set_errno(err, NO_MEMORY, "%s: memfd_create",
		    draft->name);
	return 0;
}

static int
seal_piece(struct draft *draft, struct err *err)
{
	const struct piece_watcher *watcher = draft->watcher;

	TRY(sealed_add_seals(draft->fd, err));
	if (watcher != NULL)
		TRY(watcher->piece_sealed(watcher->context, draft->fd, err));
	return intake_add(draft->intake, take_fd(&draft->fd), NULL, err);
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
