#include "image-store/pack/file_hash.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"

/* What this thread hashes. */
struct mapping {
	uint8_t *map; /* NULL: nothing */
	size_t len;   /* whole pages */
	volatile sig_atomic_t is_lost;
};

static _Thread_local struct mapping current;
static size_t page_bytes;

static void replace_pages(int number, siginfo_t *info, void *context);
static bool is_ours(const uint8_t *at);
static int map_file(int fd, size_t size_bytes, const char *what,
    struct mapping *mapping, struct err *err);
static void unmap(struct mapping *mapping);
static int hash_mapping(const uint8_t *map, size_t len,
    struct file_hash *ret_hash, struct err *err);
static int refuse_lost(int fd, size_t size_bytes, const char *what,
    struct err *err);

struct sigaction
file_hash_begin(void)
{
	struct sigaction action = {
	    .sa_sigaction = replace_pages,
	    .sa_flags = SA_SIGINFO,
	};
	struct sigaction before;

	page_bytes = (size_t)sysconf(_SC_PAGESIZE);
	sigaction(SIGBUS, &action, &before);
	return before;
}

void
file_hash_end(struct sigaction *before)
{
	sigaction(SIGBUS, before, NULL);
}

int
file_hash(int fd, size_t size_bytes, const char *what,
    struct file_hash *ret_hash, struct err *err)
{
	struct file_hash hash;
	int code;

	TRY(map_file(fd, size_bytes, what, &current, err));
	code = hash_mapping(current.map, size_bytes, &hash, err);
	if (code == 0 && current.is_lost)
		code = refuse_lost(fd, size_bytes, what, err);
	unmap(&current);
	TRY(code);
	*ret_hash = hash;
	return 0;
}

/*
 * Zeros take the place of what is gone, so that the hash comes to its end; that
 * it was over something else is on record. What is not ours happens once more,
 * and ends the process.
 */
static void
replace_pages(int number, siginfo_t *info, void *context)
{
	uint8_t *at = info->si_addr;
	int before = errno;

	(void)context;
	if (is_ours(at)) {
		size_t offset = (size_t)(at - current.map);

		offset -= offset % page_bytes;
		if (mmap(current.map + offset, current.len - offset, PROT_READ,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
			0) != MAP_FAILED) {
			current.is_lost = 1;
			errno = before;
			return;
		}
	}
	signal(number, SIG_DFL);
	errno = before;
}

static bool
is_ours(const uint8_t *at)
{
	return current.map != NULL && at >= current.map &&
	       (size_t)(at - current.map) < current.len;
}

static int
map_file(int fd, size_t size_bytes, const char *what, struct mapping *mapping,
    struct err *err)
{
	void *map = mmap(NULL, size_bytes, PROT_READ, MAP_PRIVATE, fd, 0);

	if (map == MAP_FAILED)
		return err_set_errno(err, NO_MEMORY, "%s: mmap of %zu", what,
		    size_bytes);
	/* A large file costs more in its pages than in anything else but the
	 * hash: in huge pages where the file system has them, and asked for
	 * before it is read. Else faults map a run of pages at once, where
	 * MAP_POPULATE maps one after the other. What is not in memory is read
	 * while the hash goes on. */
	(void)madvise(map, size_bytes, MADV_HUGEPAGE);
	(void)madvise(map, size_bytes, MADV_SEQUENTIAL);
	mapping->is_lost = 0;
	mapping->len = (size_bytes + page_bytes - 1) / page_bytes * page_bytes;
	mapping->map = map;
	return 0;
}

static void
unmap(struct mapping *mapping)
{
	uint8_t *map = mapping->map;

	mapping->map = NULL;
	munmap(map, mapping->len);
}

static int
hash_mapping(const uint8_t *map, size_t len, struct file_hash *ret_hash,
    struct err *err)
{
	CLEANUP(hasher_freep) struct hasher *hasher = NULL;
	const size_t middle =
	    len - sizeof(ret_hash->head) - sizeof(ret_hash->tail);

	TRY(hasher_new(&hasher, err));
	memcpy(ret_hash->head, map, sizeof(ret_hash->head));
	TRY(hasher_add(hasher, bytes_of(ret_hash->head, sizeof(ret_hash->head)),
	    err));
	TRY(hasher_add(hasher, bytes_of(map + sizeof(ret_hash->head), middle),
	    err));
	memcpy(ret_hash->tail, map + sizeof(ret_hash->head) + middle,
	    sizeof(ret_hash->tail));
	TRY(hasher_add(hasher, bytes_of(ret_hash->tail, sizeof(ret_hash->tail)),
	    err));
	return hasher_end(hasher, &ret_hash->digest, err);
}

static int
refuse_lost(int fd, size_t size_bytes, const char *what, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && (size_t)st.st_size < size_bytes)
		return err_set(err, IMAGE_SIZE_MISMATCH,
		    "%s: became shorter than its %zu bytes while it was read",
		    what, size_bytes);
	return err_set(err, STORE_IO, "%s: cannot be read", what);
}
