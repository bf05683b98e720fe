#include "base/sealed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"

struct sealed {
	int fd;
	void *map; /* NULL when empty: mmap(2) refuses a length of zero */
	size_t len;
	bool is_shared; /* the mapping is another's */
};

struct draft {
	int fd;
	uint8_t *map; /* NULL until somebody wants to see it all */
	size_t len;
	size_t done; /* by draft_write() */
};

enum { COPY_BYTES = 256 << 10 };

static const int all_seals =
    F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;

static int map_sealed(int fd, size_t len, const char *what,
    struct sealed **ret_sealed, struct err *err);
static int copy_file(int from, int to, size_t len, const char *what,
    struct err *err);
static int write_at(int fd, struct bytes data, size_t offset, struct err *err);
static int refuse_more(int fd, size_t len, const char *what, struct err *err);

struct bytes
sealed_bytes(const struct sealed *sealed)
{
	return bytes_of(sealed->map, sealed->len);
}

int
sealed_fd(const struct sealed *sealed)
{
	return sealed->fd;
}

void
sealed_touch(const struct sealed *sealed)
{
	/* Only advice: what it does not map is mapped at first use. */
	if (sealed->map != NULL)
		(void)madvise(sealed->map, sealed->len, MADV_POPULATE_READ);
}

int
sealed_share(const struct sealed *original, struct sealed **ret_sealed,
    struct err *err)
{
	CLEANUP(freep) struct sealed *sealed = calloc(1, sizeof(*sealed));

	if (sealed == NULL)
		return err_set(err, NO_MEMORY, "sealed memory");
	*sealed = *original;
	sealed->is_shared = true;
	sealed->fd = fcntl(original->fd, F_DUPFD_CLOEXEC, 0);
	if (sealed->fd < 0)
		return err_set_errno(err, SYSTEM_FAILED, "dup");
	*ret_sealed = take_ptr(&sealed);
	return 0;
}

void
sealed_free(struct sealed *sealed)
{
	if (sealed == NULL)
		return;
	if (sealed->map != NULL && !sealed->is_shared)
		munmap(sealed->map, sealed->len);
	close(sealed->fd);
	free(sealed);
}

void
sealed_freep(struct sealed **sealed)
{
	sealed_free(*sealed);
	*sealed = NULL;
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
	TRY(copy_file(fd, draft->fd, exact_bytes, what, err));
	TRY(refuse_more(fd, exact_bytes, what, err));
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

int
sealed_from_fd(int fd, size_t max_bytes, const char *what,
    struct sealed **ret_sealed, struct err *err)
{
	CLEANUP(closep) int owned = fd;
	struct stat st;
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals < 0 || (seals & all_seals) != all_seals)
		return err_set(err, STAGE_FAILED,
		    "%s: the memory that was offered is not sealed", what);
	if (fstat(fd, &st) != 0)
		return err_set_errno(err, STAGE_FAILED, "%s: fstat", what);
	if (st.st_size < 0 || (uint64_t)st.st_size > max_bytes)
		return err_set(err, IMAGE_TOO_LARGE,
		    "%s: %lld bytes, limit %zu", what, (long long)st.st_size,
		    max_bytes);
	TRY(map_sealed(fd, (size_t)st.st_size, what, ret_sealed, err));
	take_fd(&owned);
	return 0;
}

int
draft_new(const char *name, size_t size_bytes, struct draft **ret_draft,
    struct err *err)
{
	CLEANUP(closep) int fd = -1;
	CLEANUP(freep) struct draft *draft = calloc(1, sizeof(*draft));

	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (draft == NULL || fd < 0)
		return err_set_errno(err, NO_MEMORY, "%s: memfd_create", name);
	if (ftruncate(fd, (off_t)size_bytes) != 0)
		return err_set_errno(err, NO_MEMORY, "%s: %zu bytes", name,
		    size_bytes);
	draft->len = size_bytes;
	draft->fd = take_fd(&fd);
	*ret_draft = take_ptr(&draft);
	return 0;
}

int
draft_write(struct draft *draft, struct bytes data, struct err *err)
{
	if (data.len > draft->len - draft->done)
		return err_set(err, IMAGE_SIZE_MISMATCH,
		    "more than the %zu bytes that were expected", draft->len);
	TRY(write_at(draft->fd, data, draft->done, err));
	draft->done += data.len;
	return 0;
}

int
draft_map(struct draft *draft, uint8_t **ret_data, struct err *err)
{
	if (draft->map == NULL && draft->len > 0) {
		/* One fault for all pages is much cheaper than one each. */
		void *map = mmap(NULL, draft->len, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_POPULATE, draft->fd, 0);

		if (map == MAP_FAILED)
			return err_set_errno(err, NO_MEMORY,
			    "mmap of %zu bytes", draft->len);
		draft->map = map;
	}
	*ret_data = draft->map;
	return 0;
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

	if (draft->map != NULL)
		munmap(draft->map, draft->len);
	draft->map = NULL;
	if (fcntl(draft->fd, F_ADD_SEALS, all_seals) != 0)
		return err_set_errno(err, SYSTEM_FAILED, "F_ADD_SEALS");
	TRY(map_sealed(draft->fd, draft->len, "sealed memory", ret_sealed,
	    err));
	draft->fd = -1;
	return 0;
}

void
draft_freep(struct draft **draft)
{
	if (*draft == NULL)
		return;
	if ((*draft)->map != NULL)
		munmap((*draft)->map, (*draft)->len);
	closep(&(*draft)->fd);
	free(*draft);
	*draft = NULL;
}

/* On success `fd` belongs to the object. */
static int
map_sealed(int fd, size_t len, const char *what, struct sealed **ret_sealed,
    struct err *err)
{
	CLEANUP(freep) struct sealed *sealed = calloc(1, sizeof(*sealed));

	if (sealed == NULL)
		return err_set(err, NO_MEMORY, "%s", what);
	if (len > 0) {
		sealed->map = mmap(NULL, len, PROT_READ,
		    MAP_SHARED | MAP_POPULATE, fd, 0);
		if (sealed->map == MAP_FAILED)
			return err_set_errno(err, NO_MEMORY, "%s: mmap of %zu",
			    what, len);
	}
	sealed->fd = fd;
	sealed->len = len;
	*ret_sealed = take_ptr(&sealed);
	return 0;
}

/*
 * Through a small buffer: a write to a memfd neither zeroes its pages first nor
 * maps them, which together cost more than the second copy.
 */
static int
copy_file(int from, int to, size_t len, const char *what, struct err *err)
{
	CLEANUP(freep) uint8_t *buffer = malloc(COPY_BYTES);
	size_t done = 0;

	if (buffer == NULL)
		return err_set(err, NO_MEMORY, "%s", what);
	while (done < len) {
		size_t want = len - done < COPY_BYTES ? len - done : COPY_BYTES;
		ssize_t n = pread(from, buffer, want, (off_t)done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_errno(err, STORE_IO, "%s: read", what);
		if (n == 0)
			return err_set(err, IMAGE_SIZE_MISMATCH,
			    "%s: ends after %zu of %zu bytes", what, done, len);
		TRY(write_at(to, bytes_of(buffer, (size_t)n), done, err));
		done += (size_t)n;
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
