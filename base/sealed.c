#include "base/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"

struct sealed {
	uint8_t *map; /* NULL when empty: mmap(2) refuses a length of zero */
	size_t len;
	size_t fd_count;
	int fds[SEALED_PIECES];
};

struct sealed_receiver {
	const char *what;
	size_t piece_bytes;
	size_t missing; /* pieces that have not come yet */
	size_t done;
	struct sealed sealed;
};

static void let_go(const struct sealed *sealed);
static int check_piece(const struct sealed_receiver *receiver, int fd,
    size_t len, struct err *err);
static int map_piece(const struct sealed_receiver *receiver, int fd, size_t len,
    struct err *err);
static int add_sizes(const int *fds, size_t count, const char *what,
    size_t max_bytes, size_t *ret_bytes, struct err *err);

struct bytes
sealed_bytes(const struct sealed *sealed)
{
	return bytes_of(sealed->map, sealed->len);
}

const int *
sealed_fds(const struct sealed *sealed, size_t *ret_count)
{
	*ret_count = sealed->fd_count;
	return sealed->fds;
}

void
sealed_touch(const struct sealed *sealed)
{
	/* Only advice: what it does not map is mapped at first use. */
	if (sealed->map != NULL)
		(void)madvise(sealed->map, sealed->len, MADV_POPULATE_READ);
}

void
sealed_free(struct sealed *sealed)
{
	if (sealed == NULL)
		return;
	let_go(sealed);
	free(sealed);
}

void
sealed_freep(struct sealed **sealed)
{
	sealed_free(*sealed);
	*sealed = NULL;
}

size_t
sealed_piece_bytes(size_t size_bytes)
{
	size_t bytes = SEALED_PIECE_BYTES;

	while (size_bytes / SEALED_PIECES > bytes ||
	       (size_bytes / SEALED_PIECES == bytes &&
		   size_bytes % SEALED_PIECES > 0))
		bytes *= 2;
	return bytes;
}

size_t
sealed_piece_count(size_t size_bytes)
{
	if (size_bytes == 0)
		return 1;
	return (size_bytes - 1) / sealed_piece_bytes(size_bytes) + 1;
}

int
sealed_receiver_new(size_t size_bytes, const char *what,
    struct sealed_receiver **ret_receiver, struct err *err)
{
	CLEANUP(freep)
	struct sealed_receiver *receiver = calloc(1, sizeof(*receiver));

	if (receiver == NULL)
		return err_set(err, NO_MEMORY, "%s", what);
	if (size_bytes > 0) {
		/* Room for all the pieces, to be mapped over. */
		void *map = mmap(NULL, size_bytes, PROT_NONE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (map == MAP_FAILED)
			return err_set_errno(err, NO_MEMORY, "%s: mmap of %zu",
			    what, size_bytes);
		receiver->sealed.map = map;
	}
	receiver->what = what;
	receiver->piece_bytes = sealed_piece_bytes(size_bytes);
	receiver->missing = sealed_piece_count(size_bytes);
	receiver->sealed.len = size_bytes;
	*ret_receiver = take_ptr(&receiver);
	return 0;
}

int
sealed_receiver_add(struct sealed_receiver *receiver, int fd,
    struct bytes *ret_piece, struct err *err)
{
	CLEANUP(closep) int owned = fd;
	struct sealed *sealed = &receiver->sealed;
	size_t len = sealed->len - receiver->done;

	if (receiver->missing == 0)
		return err_set(err, STAGE_FAILED,
		    "%s: more than the %zu bytes that were expected",
		    receiver->what, sealed->len);
	if (len > receiver->piece_bytes)
		len = receiver->piece_bytes;
	TRY(check_piece(receiver, fd, len, err));
	if (len > 0)
		TRY(map_piece(receiver, fd, len, err));
	if (ret_piece != NULL)
		*ret_piece = len > 0
		                 ? bytes_of(sealed->map + receiver->done, len)
		                 : bytes_of(NULL, 0);
	sealed->fds[sealed->fd_count++] = take_fd(&owned);
	receiver->done += len;
	receiver->missing--;
	return 0;
}

int
sealed_receiver_finish(struct sealed_receiver *receiver,
    struct sealed **ret_sealed, struct err *err)
{
	CLEANUP(sealed_receiver_freep) struct sealed_receiver *owned = receiver;
	struct sealed *sealed;

	if (receiver->missing > 0)
		return err_set(err, STAGE_FAILED,
		    "%s: only %zu of %zu bytes came", receiver->what,
		    receiver->done, receiver->sealed.len);
	sealed = malloc(sizeof(*sealed));
	if (sealed == NULL)
		return err_set(err, NO_MEMORY, "%s", receiver->what);
	*sealed = receiver->sealed;
	freep(&owned);
	*ret_sealed = sealed;
	return 0;
}

void
sealed_receiver_freep(struct sealed_receiver **receiver)
{
	if (*receiver == NULL)
		return;
	let_go(&(*receiver)->sealed);
	free(*receiver);
	*receiver = NULL;
}

int
sealed_from_fds(const int *fds, size_t count, size_t max_bytes,
    const char *what, struct sealed **ret_sealed, struct err *err)
{
	CLEANUP(sealed_receiver_freep) struct sealed_receiver *receiver = NULL;
	size_t size_bytes = 0;
	int code = add_sizes(fds, count, what, max_bytes, &size_bytes, err);

	if (code == 0)
		code = sealed_receiver_new(size_bytes, what, &receiver, err);
	for (size_t i = 0; i < count; i++) {
		if (code == 0)
			code = sealed_receiver_add(receiver, fds[i], NULL, err);
		else
			close(fds[i]);
	}
	TRY(code);
	return sealed_receiver_finish(take_ptr(&receiver), ret_sealed, err);
}

static void
let_go(const struct sealed *sealed)
{
	if (sealed->map != NULL)
		munmap(sealed->map, sealed->len);
	for (size_t i = 0; i < sealed->fd_count; i++)
		close(sealed->fds[i]);
}

/* Its size counts only once the seals are known to be there. */
static int
check_piece(const struct sealed_receiver *receiver, int fd, size_t len,
    struct err *err)
{
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & SEALED_SEALS) != SEALED_SEALS)
		return err_set(err, STAGE_FAILED,
		    "%s: the memory that was offered is not sealed",
		    receiver->what);
	if (fstat(fd, &st) != 0)
		return err_set_errno(err, STAGE_FAILED, "%s: fstat",
		    receiver->what);
	if (st.st_size < 0 || (uint64_t)st.st_size != len)
		return err_set(err, STAGE_FAILED,
		    "%s: a piece of %lld bytes instead of %zu", receiver->what,
		    (long long)st.st_size, len);
	return 0;
}

static int
map_piece(const struct sealed_receiver *receiver, int fd, size_t len,
    struct err *err)
{
	void *map = mmap(receiver->sealed.map + receiver->done, len, PROT_READ,
	    MAP_SHARED | MAP_POPULATE | MAP_FIXED, fd, 0);

	if (map == MAP_FAILED)
		return err_set_errno(err, NO_MEMORY, "%s: mmap of %zu",
		    receiver->what, len);
	return 0;
}

/* What they claim; sealed_receiver_add() holds each of them to it. */
static int
add_sizes(const int *fds, size_t count, const char *what, size_t max_bytes,
    size_t *ret_bytes, struct err *err)
{
	uint64_t total = 0;

	for (size_t i = 0; i < count; i++) {
		struct stat st;

		if (fstat(fds[i], &st) != 0)
			return err_set_errno(err, STAGE_FAILED, "%s: fstat",
			    what);
		if (st.st_size < 0 || (uint64_t)st.st_size > max_bytes ||
		    total + (uint64_t)st.st_size > max_bytes)
			return err_set(err, IMAGE_TOO_LARGE,
			    "%s: %lld bytes, limit %zu", what,
			    (long long)(total + (uint64_t)st.st_size),
			    max_bytes);
		total += (uint64_t)st.st_size;
	}
	*ret_bytes = total;
	return 0;
}
