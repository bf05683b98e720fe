#include "image-store/layout_write.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/scope.h"
#include "base/sealed.h"
#include "image-store/image_dir.h"
#include "image-store/layout.h"
#include "image-store/manifest.h"
#include "image-store/oci_encode.h"
#include "image-store/verified_image.h"
#include "keys/dsse.h"

static const char layout_text[] =
    "{\"imageLayoutVersion\":\"" LAYOUT_VERSION "\"}";
static const char empty_index_text[] =
    "{\"schemaVersion\":2,\"mediaType\":\"" LAYOUT_OCI_INDEX_TYPE "\","
    "\"manifests\":[]}";

/* An image directory, read and found whole. */
struct image_files {
	char *envelope_text;
	struct bytes envelope;
	struct manifest claimed;
	struct sealed *kernel;
	struct sealed *ramdisk; /* NULL if there is none */
};

/* The new documents of the store. */
struct documents {
	char *oci_manifest;
	char *index;
};

static void image_files_done(struct image_files *image);
static int read_image(const char *dir, struct image_files *image,
    struct err *err);
static int read_envelope(const char *dir, struct image_files *image,
    struct err *err);
static int read_claims(struct bytes envelope, struct manifest *ret_claimed,
    struct err *err);
static int read_blob(const char *dir, const char *name, const struct blob *blob,
    struct sealed **ret_bytes, struct err *err);
static void documents_done(struct documents *documents);
static int lock_store(int dir_fd, struct err *err);
static int make_documents(int dir_fd, const struct image_files *image,
    bool replace, struct documents *documents, struct err *err);
static int describe_blob(struct bytes data, struct blob *ret_blob,
    struct err *err);
static int write_blobs(const char *path, const struct image_files *image,
    const struct documents *documents, struct err *err);
static int write_blob(const char *path, struct bytes data, struct err *err);
static int write_file(const char *path, const char *name, struct bytes data,
    struct err *err);
static int make_root(const char *path, bool *ret_is_new, struct err *err);
static int refuse_content(const char *path, struct err *err);
static int fill_root(const char *path, struct err *err);
static int make_dir(const char *path, const char *name, struct err *err);
static void empty_root(const char *path);
static int join(const char *path, const char *name, char **ret_path,
    struct err *err);

int
layout_init(const char *path, struct err *err)
{
	bool is_new;

	TRY(make_root(path, &is_new, err));
	if (fill_root(path, err) != 0) {
		empty_root(path);
		if (is_new)
			rmdir(path);
		return (int)err->code;
	}
	return 0;
}

int
layout_add(const char *path, const char *image_dir, bool replace,
    struct err *err)
{
	CLEANUP(image_files_done) struct image_files image = {0};
	CLEANUP(documents_done) struct documents documents = {0};
	CLEANUP(closep) int dir_fd = -1; /* holds the lock */

	/* Read the image once, and refuse one that is not whole. */
	TRY(read_image(image_dir, &image, err));

	/* Decide everything before anything is written. */
	TRY(layout_open(path, &dir_fd, err));
	TRY(lock_store(dir_fd, err));
	TRY(make_documents(dir_fd, &image, replace, &documents, err));

	/* A blob that nothing names does no harm; the index makes it count. */
	TRY(write_blobs(path, &image, &documents, err));
	TRY(write_file(path, LAYOUT_INDEX_FILE, bytes_of_str(documents.index),
	    err));
	return 0;
}

static void
image_files_done(struct image_files *image)
{
	freep(&image->envelope_text);
	sealed_freep(&image->kernel);
	sealed_freep(&image->ramdisk);
}

static int
read_image(const char *dir, struct image_files *image, struct err *err)
{
	const struct manifest *claimed = &image->claimed;

	TRY(read_envelope(dir, image, err));
	TRY(read_claims(image->envelope, &image->claimed, err));
	TRY(read_blob(dir, IMAGE_DIR_KERNEL, &claimed->kernel, &image->kernel,
	    err));
	if (claimed->has_ramdisk)
		TRY(read_blob(dir, IMAGE_DIR_RAMDISK, &claimed->ramdisk,
		    &image->ramdisk, err));
	return 0;
}

static int
read_envelope(const char *dir, struct image_files *image, struct err *err)
{
	CLEANUP(freep) char *path = NULL;
	size_t len;

	TRY(join(dir, IMAGE_DIR_ENVELOPE, &path, err));
	if (file_read(path, LIMIT_ENVELOPE_BYTES, &image->envelope_text, &len,
		err) != 0) {
		if (err->sys == ENOENT && access(dir, F_OK) == 0)
			return err_set(err, IMAGE_UNSIGNED, "no %s in %s",
			    IMAGE_DIR_ENVELOPE, err_quote_str(dir).text);
		if (err->code == IMAGE_TOO_LARGE)
			err->code = ENVELOPE_TOO_LARGE;
		return (int)err->code;
	}
	image->envelope = bytes_of(image->envelope_text, len);
	return 0;
}

/* Whether the signatures are any good is for the host that starts it. */
static int
read_claims(struct bytes raw, struct manifest *ret_claimed, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;

	TRY(dsse_decode(raw, &envelope, err));
	if (strcmp(dsse_payload_type(envelope), DSSE_IMAGE_PAYLOAD_TYPE) != 0)
		return err_set(err, PAYLOAD_TYPE_UNKNOWN, "\"%s\"",
		    err_quote_str(dsse_payload_type(envelope)).text);
	return manifest_decode(dsse_raw_payload(envelope), ret_claimed, err);
}

static int
read_blob(const char *dir, const char *name, const struct blob *blob,
    struct sealed **ret_bytes, struct err *err)
{
	CLEANUP(freep) char *path = NULL;
	CLEANUP(closep) int fd = -1;
	CLEANUP(sealed_freep) struct sealed *bytes = NULL;

	TRY(join(dir, name, &path, err));
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	TRY(sealed_copy_exact(fd, blob->size_bytes, name, &bytes, err));
	TRY(blob_check(blob, bytes, name, err));
	*ret_bytes = take_ptr(&bytes);
	return 0;
}

static void
documents_done(struct documents *documents)
{
	freep(&documents->oci_manifest);
	freep(&documents->index);
}

/* So that two writers do not lose each other's entry. */
static int
lock_store(int dir_fd, struct err *err)
{
	if (flock(dir_fd, LOCK_EX) != 0)
		return err_set_errno(err, STORE_IO, "lock of the store");
	return 0;
}

static int
make_documents(int dir_fd, const struct image_files *image, bool replace,
    struct documents *documents, struct err *err)
{
	CLEANUP(json_freep) json_t *index = NULL;
	struct blob envelope;
	struct blob oci_manifest;

	TRY(describe_blob(image->envelope, &envelope, err));
	TRY(oci_manifest_encode(&image->claimed, &envelope,
	    &documents->oci_manifest, err));
	TRY(describe_blob(bytes_of_str(documents->oci_manifest), &oci_manifest,
	    err));
	TRY(layout_read_index(dir_fd, &index, err));
	TRY(oci_index_put(index, &image->claimed, &oci_manifest, replace,
	    &documents->index, err));
	return 0;
}

static int
describe_blob(struct bytes data, struct blob *ret_blob, struct err *err)
{
	ret_blob->size_bytes = data.len;
	return digest_of(data, &ret_blob->digest, err);
}

static int
write_blobs(const char *path, const struct image_files *image,
    const struct documents *documents, struct err *err)
{
	TRY(write_blob(path, bytes_of_str(OCI_EMPTY_CONFIG), err));
	TRY(write_blob(path, image->envelope, err));
	TRY(write_blob(path, sealed_bytes(image->kernel), err));
	if (image->ramdisk != NULL)
		TRY(write_blob(path, sealed_bytes(image->ramdisk), err));
	TRY(write_blob(path, bytes_of_str(documents->oci_manifest), err));
	return 0;
}

/* A blob that is there already is written again: it may be damaged. */
static int
write_blob(const char *path, struct bytes data, struct err *err)
{
	char name[LAYOUT_BLOB_PATH_SIZE];
	struct digest digest;

	TRY(digest_of(data, &digest, err));
	layout_blob_path(&digest, name);
	return write_file(path, name, data, err);
}

static int
write_file(const char *path, const char *name, struct bytes data,
    struct err *err)
{
	CLEANUP(freep) char *full = NULL;

	TRY(join(path, name, &full, err));
	return file_write(full, data, 0644, FILE_REPLACE, err);
}

static int
make_root(const char *path, bool *ret_is_new, struct err *err)
{
	*ret_is_new = mkdir(path, 0700) == 0;
	if (!*ret_is_new && errno == EEXIST)
		return refuse_content(path, err);
	if (!*ret_is_new || chmod(path, 0755) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(path).text);
	return 0;
}

static int
refuse_content(const char *path, struct err *err)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	if (dir == NULL)
		return err_set_errno(err,
		    errno == ENOTDIR ? FILE_EXISTS : STORE_IO, "%s",
		    err_quote_str(path).text);
	while ((entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 &&
		         strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	if (count > 0)
		return err_set(err, FILE_EXISTS, "%s is not empty",
		    err_quote_str(path).text);
	return 0;
}

/* oci-layout last: without it, it is no store. */
static int
fill_root(const char *path, struct err *err)
{
	TRY(make_dir(path, "blobs", err));
	TRY(make_dir(path, LAYOUT_BLOB_DIR, err));
	TRY(write_file(path, LAYOUT_INDEX_FILE, bytes_of_str(empty_index_text),
	    err));
	TRY(write_file(path, LAYOUT_FILE, bytes_of_str(layout_text), err));
	return 0;
}

static int
make_dir(const char *path, const char *name, struct err *err)
{
	CLEANUP(freep) char *full = NULL;

	TRY(join(path, name, &full, err));
	if (mkdir(full, 0700) != 0 || chmod(full, 0755) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(full).text);
	return 0;
}

static void
empty_root(const char *path)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	unlinkat(fd, LAYOUT_INDEX_FILE, 0);
	unlinkat(fd, LAYOUT_BLOB_DIR, AT_REMOVEDIR);
	unlinkat(fd, "blobs", AT_REMOVEDIR);
}

static int
join(const char *path, const char *name, char **ret_path, struct err *err)
{
	if (asprintf(ret_path, "%s/%s", path, name) < 0)
		return err_set(err, NO_MEMORY, "path");
	return 0;
}
