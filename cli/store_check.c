#include "cli/store_check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "base/scope.h"
#include "cli/store_manifest.h"
#include "image-store/elf_check.h"
#include "image-store/kernel_unpack.h"
#include "image-store/ramdisk.h"
#include "image-store/transfer.h"

#define MAX_WORKERS 64

/* What the workers share. */
struct work {
	struct store_check *check;
	atomic_size_t next; /* the entry that nobody works on yet */
	atomic_size_t done;
};

/* A blob, as a file. */
struct mapped {
	void *map; /* NULL if there is none */
	size_t len;
};

static size_t processors(void);
static int start(struct work *work, pthread_t *workers, size_t count,
    struct err *err);
static void watch(struct work *work,
    void (*progress)(size_t done, size_t count));
static void *check_entries(void *arg);
static int check_entry(const struct store_check *check,
    const struct layout_entry *entry, struct err *err);
static int check_listed(const struct store_check *check,
    const struct layout_entry *entry, const struct manifest *manifest,
    struct err *err);
static int check_kernel(int store_fd, const struct manifest *manifest,
    struct err *err);
static int check_ramdisk(int store_fd, const struct blob *ramdisk,
    struct err *err);
static int map_blob(int store_fd, const struct blob *blob, const char *what,
    struct mapped *ret_mapped, struct err *err);
static void mapped_done(struct mapped *mapped);

int
store_check_run(struct store_check *check,
    void (*progress)(size_t done, size_t count), struct err *err)
{
	struct work work = {.check = check};
	pthread_t workers[MAX_WORKERS];
	size_t count = processors();

	if (count > check->list->count)
		count = check->list->count;
	if (progress != NULL && count > 0)
		progress(0, check->list->count);
	TRY(start(&work, workers, count, err));
	if (progress != NULL)
		watch(&work, progress);
	for (size_t i = 0; i < count; i++)
		pthread_join(workers[i], NULL);
	return 0;
}

/* Those that this process may use. */
static size_t
processors(void)
{
	cpu_set_t set;
	int count;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	count = CPU_COUNT(&set);
	return count < MAX_WORKERS ? (size_t)count : MAX_WORKERS;
}

/* Fewer than wanted do the work too; none cannot. */
static int
start(struct work *work, pthread_t *workers, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		int code =
		    pthread_create(&workers[i], NULL, check_entries, work);

		if (code == 0)
			continue;
		/* The others find nothing left to do, and end. */
		atomic_store(&work->next, work->check->list->count);
		while (i > 0)
			pthread_join(workers[--i], NULL);
		return err_set(err, SYSTEM_FAILED, "threads: %s",
		    strerrordesc_np(code));
	}
	return 0;
}

static void
watch(struct work *work, void (*progress)(size_t done, size_t count))
{
	static const struct timespec pause = {.tv_nsec = 50000000};
	size_t count = work->check->list->count;
	size_t done = 0;

	while (done < count) {
		done = atomic_load(&work->done);
		progress(done, count);
		if (done < count)
			nanosleep(&pause, NULL);
	}
}

static void *
check_entries(void *arg)
{
	struct work *work = arg;
	const struct layout_list *list = work->check->list;

	for (;;) {
		size_t i = atomic_fetch_add(&work->next, 1);

		if (i >= list->count)
			return NULL;
		(void)check_entry(work->check, &list->entries[i],
		    &work->check->results[i]);
		atomic_fetch_add(&work->done, 1);
	}
}

static int
check_entry(const struct store_check *check, const struct layout_entry *entry,
    struct err *err)
{
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	const struct store_source source = {check->policy, check->index,
	    check->store_fd};
	const struct manifest *manifest;

	TRY(store_manifest_verify(&source, entry, &verified, err));
	manifest = verified_manifest_get(verified);
	TRY(check_listed(check, entry, manifest, err));
	TRY(check_kernel(check->store_fd, manifest, err));
	if (manifest->has_ramdisk)
		TRY(check_ramdisk(check->store_fd, &manifest->ramdisk, err));
	return 0;
}

static int
check_listed(const struct store_check *check, const struct layout_entry *entry,
    const struct manifest *manifest, struct err *err)
{
	struct oci_artifact listed;

	TRY(layout_read_manifest(check->store_fd, &entry->oci_manifest,
	    OCI_IMAGE, &listed, NULL, err));
	return transfer_check_layers(&listed, manifest, err);
}

static int
check_bytes(struct bytes data, const struct blob *blob, const char *what,
    struct err *err)
{
	char text[DIGEST_TEXT_SIZE];
	struct digest digest;

	TRY(digest_of(data, &digest, err));
	digest_text(&digest, text);
	if (data.len != blob->size_bytes ||
	    !digest_equal(&digest, &blob->digest))
		return err_set(err, IMAGE_DIGEST_MISMATCH,
		    "%s: has %s, which is not the signed digest", what, text);
	return 0;
}

static int
check_kernel(int store_fd, const struct manifest *manifest, struct err *err)
{
	CLEANUP(mapped_done) struct mapped kernel = {.map = NULL};
	CLEANUP(sealed_freep) struct sealed *elf = NULL;
	struct bytes stored;

	TRY(map_blob(store_fd, &manifest->kernel, "kernel", &kernel, err));
	stored = bytes_of(kernel.map, kernel.len);
	TRY(check_bytes(stored, &manifest->kernel, "kernel", err));
	if (manifest->kernel_format == KERNEL_ELF)
		return elf_check(stored, err);
	TRY(kernel_unpack(stored, manifest->elf.size_bytes, NULL, &elf, err));
	TRY(check_bytes(sealed_bytes(elf), &manifest->elf, "kernel ELF", err));
	return elf_check(sealed_bytes(elf), err);
}

static int
check_ramdisk(int store_fd, const struct blob *ramdisk, struct err *err)
{
	CLEANUP(mapped_done) struct mapped mapped = {.map = NULL};
	struct bytes data;

	TRY(map_blob(store_fd, ramdisk, "ramdisk", &mapped, err));
	data = bytes_of(mapped.map, mapped.len);
	TRY(check_bytes(data, ramdisk, "ramdisk", err));
	return ramdisk_check(data, err);
}

static int
map_blob(int store_fd, const struct blob *blob, const char *what,
    struct mapped *ret_mapped, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	size_t len;
	void *map;

	if (layout_open_blob(store_fd, &blob->digest, &fd, &len, err) != 0)
		return err_prefix(err, "%s", what);
	if (len != blob->size_bytes || len == 0)
		return err_set(err, IMAGE_SIZE_MISMATCH,
		    "%s: %zu bytes instead of %llu", what, len,
		    (unsigned long long)blob->size_bytes);
	map = mmap(NULL, len, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return err_set_errno(err, NO_MEMORY, "%s: mmap of %zu", what,
		    len);
	/* A large file costs more in its pages than in anything else but the
	 * hash: in huge pages where the file system has them, and asked for
	 * before it is read. Else faults map a run of pages at once, where
	 * MAP_POPULATE maps one after the other. What is not in memory is read
	 * while the hash goes on. */
	(void)madvise(map, len, MADV_HUGEPAGE);
	(void)madvise(map, len, MADV_SEQUENTIAL);
	*ret_mapped = (struct mapped){map, len};
	return 0;
}

static void
mapped_done(struct mapped *mapped)
{
	if (mapped->map != NULL)
		munmap(mapped->map, mapped->len);
}
