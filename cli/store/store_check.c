#include "cli/store/store_check.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "base/scope.h"
#include "cli/store_manifest.h"
#include "image-store/elf_check.h"
#include "image-store/pack/file_hash.h"
#include "image-store/unpack/kernel_unpack.h"
#include "image-store/ramdisk.h"
#include "image-store/pack/transfer.h"

#define MAX_WORKERS 64

/* A ramdisk up to this size is copied, as a kernel is. */
#define COPY_BYTES LIMIT_KIB(64)

/* What the workers share. */
struct work {
	struct store_check *check;
	atomic_size_t next; /* the entry that nobody works on yet */
	atomic_size_t done;
};

static size_t processors(void);
static int start(struct work *work, pthread_t *workers, size_t count,
    struct err *err);
static void watch(struct work *work,
    void (*progress)(size_t done, size_t count));
static void *check_entries(void *arg);
static int check_entry(const struct store_check *check,
    const struct layout_entry *entry, struct store_result *result,
    struct err *err);
static int check_listed(const struct store_check *check,
    const struct layout_entry *entry, const struct manifest *manifest,
    struct err *err);
static int check_kernel(int store_fd, const struct manifest *manifest,
    struct err *err);
static int check_ramdisk(int store_fd, const struct blob *ramdisk,
    struct err *err);
static int check_large_ramdisk(int store_fd, const struct blob *ramdisk,
    struct err *err);
static int copy_blob(int store_fd, const struct blob *blob, const char *what,
    struct sealed **ret_copy, struct err *err);
static int check_bytes(struct bytes data, const struct blob *blob,
    const char *what, struct err *err);
static int check_digest(const struct digest *digest, const struct blob *blob,
    const char *what, struct err *err);

int
store_check_run(struct store_check *check,
    void (*progress)(size_t done, size_t count), struct err *err)
{
	CLEANUP(file_hash_end) struct sigaction before = file_hash_begin();
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
		struct store_result *result;

		if (i >= list->count)
			return NULL;
		result = &work->check->results[i];
		(void)check_entry(work->check, &list->entries[i], result,
		    &result->why);
		atomic_fetch_add(&work->done, 1);
	}
}

static int
check_entry(const struct store_check *check, const struct layout_entry *entry,
    struct store_result *result, struct err *err)
{
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	const struct store_source source = {check->policy, check->index,
	    check->store_fd};
	const struct manifest *manifest;

	TRY(store_manifest_verify(&source, entry, &verified, err));
	manifest = verified_manifest_get(verified);
	store_result_offer(result, manifest);
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

/* All of it is looked at, and unpacked: in a copy. */
static int
check_kernel(int store_fd, const struct manifest *manifest, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *kernel = NULL;
	CLEANUP(sealed_freep) struct sealed *elf = NULL;

	TRY(copy_blob(store_fd, &manifest->kernel, "kernel", &kernel, err));
	if (manifest->kernel_format == KERNEL_ELF)
		return elf_check(sealed_bytes(kernel), err);
	TRY(kernel_unpack(sealed_bytes(kernel), manifest->elf.size_bytes, NULL,
	    &elf, err));
	TRY(check_bytes(sealed_bytes(elf), &manifest->elf, "kernel ELF", err));
	return elf_check(sealed_bytes(elf), err);
}

static int
check_ramdisk(int store_fd, const struct blob *ramdisk, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *copy = NULL;

	if (ramdisk->size_bytes > COPY_BYTES)
		return check_large_ramdisk(store_fd, ramdisk, err);
	TRY(copy_blob(store_fd, ramdisk, "ramdisk", &copy, err));
	return ramdisk_check(sealed_bytes(copy), err);
}

/* Only its ends are looked at. */
static int
check_large_ramdisk(int store_fd, const struct blob *ramdisk, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	struct file_hash hash;

	TRY(layout_open_exact(store_fd, &ramdisk->digest, ramdisk->size_bytes,
	    "ramdisk", &fd, err));
	TRY(file_hash(fd, ramdisk->size_bytes, "ramdisk", &hash, err));
	TRY(check_digest(&hash.digest, ramdisk, "ramdisk", err));
	return ramdisk_check_ends(bytes_of(hash.head, sizeof(hash.head)),
	    bytes_of(hash.tail, sizeof(hash.tail)), ramdisk->size_bytes, err);
}

static int
copy_blob(int store_fd, const struct blob *blob, const char *what,
    struct sealed **ret_copy, struct err *err)
{
	TRY(layout_copy_blob(store_fd, &blob->digest, blob->size_bytes, what,
	    ret_copy, err));
	return check_bytes(sealed_bytes(*ret_copy), blob, what, err);
}

static int
check_bytes(struct bytes data, const struct blob *blob, const char *what,
    struct err *err)
{
	struct digest digest;

	TRY(digest_of(data, &digest, err));
	return check_digest(&digest, blob, what, err);
}

static int
check_digest(const struct digest *digest, const struct blob *blob,
    const char *what, struct err *err)
{
	char text[DIGEST_TEXT_SIZE];

	digest_text(digest, text);
	if (!digest_equal(digest, &blob->digest))
		return err_set(err, IMAGE_DIGEST_MISMATCH,
		    "%s: has %s, which is not the signed digest", what, text);
	return 0;
}
