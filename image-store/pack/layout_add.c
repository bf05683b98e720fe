#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/file.h"
#include "base/json.h"
#include "base/scope.h"
#include "image-store/pack/image_claims.h"
#include "image-store/pack/image_dir.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"
#include "image-store/pack/oci_encode.h"
#include "image-store/pack/provenance_dir.h"
#include "image-store/checked_blob.h"
#include "image-store/pack/blob_check.h"

/* An image directory, read and found whole. */
struct image_files {
	char *envelope_text;
	struct bytes envelope;
	struct manifest claimed;
	struct sealed *kernel;
	struct sealed *ramdisk; /* NULL if there is none */
	struct provenance_list provenance;
};

static void image_files_done(struct image_files *image);
static int read_image(const char *dir, struct image_files *image,
    struct err *err);
static int read_envelope(const char *dir, struct image_files *image,
    struct err *err);
static int read_blob(const char *dir, const char *name, const struct blob *blob,
    struct sealed **ret_bytes, struct err *err);
static int put_into_index(json_t *index, const struct image_files *image,
    struct bytes oci_manifest, bool replace, struct err *err);
static int write_blobs(int dir_fd, const struct image_files *image,
    struct bytes oci_manifest, struct err *err);
static int join(const char *path, const char *name, char **ret_path,
    struct err *err);

int
layout_add(const char *path, const char *image_dir, bool replace,
    struct err *err)
{
	CLEANUP(image_files_done) struct image_files image = {0};
	CLEANUP(json_freep) json_t *index = NULL;
	CLEANUP(freep) char *oci_manifest = NULL;
	CLEANUP(closep) int dir_fd = -1; /* holds the lock */
	struct blob envelope;

	/* Read the image once, and refuse one that is not whole. */
	TRY(read_image(image_dir, &image, err));
	TRY(image_claims_describe(image.envelope, &envelope, err));
	TRY(oci_manifest_encode(&image.claimed, &envelope, &image.provenance,
	    &oci_manifest, err));

	/* Decide everything before anything is written. */
	TRY(layout_lock(path, &dir_fd, err));
	TRY(layout_read_index(dir_fd, &index, err));
	TRY(put_into_index(index, &image, bytes_of_str(oci_manifest), replace,
	    err));

	/* A blob that nothing names does no harm; the index makes it count. */
	if (write_blobs(dir_fd, &image, bytes_of_str(oci_manifest), err) != 0 ||
	    layout_write_index(dir_fd, index, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

static void
image_files_done(struct image_files *image)
{
	freep(&image->envelope_text);
	sealed_freep(&image->kernel);
	sealed_freep(&image->ramdisk);
	provenance_list_done(&image->provenance);
}

static int
read_image(const char *dir, struct image_files *image, struct err *err)
{
	const struct manifest *claimed = &image->claimed;

	TRY(read_envelope(dir, image, err));
	if (image_claims_read(image->envelope, &image->claimed, NULL, err) != 0)
		return err_prefix(err, "%s/%s", err_quote_str(dir).text,
		    IMAGE_DIR_ENVELOPE);
	TRY(read_blob(dir, IMAGE_DIR_KERNEL, &claimed->kernel, &image->kernel,
	    err));
	if (claimed->has_ramdisk)
		TRY(read_blob(dir, IMAGE_DIR_RAMDISK, &claimed->ramdisk,
		    &image->ramdisk, err));
	return provenance_dir_read(dir, &image->provenance, err);
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
	if (sealed_copy_exact(fd, blob->size_bytes, name, &bytes, err) != 0 ||
	    blob_check(blob, bytes, name, err) != 0)
		return err_prefix(err, "%s", err_quote_str(dir).text);
	*ret_bytes = take_ptr(&bytes);
	return 0;
}

static int
put_into_index(json_t *index, const struct image_files *image,
    struct bytes oci_manifest, bool replace, struct err *err)
{
	char ref[IMAGE_REF_SIZE];
	struct blob blob;

	image_claims_ref(&image->claimed, ref);
	TRY(image_claims_describe(oci_manifest, &blob, err));
	return oci_index_put(index, OCI_IMAGE, ref, &blob, replace, err);
}

static int
write_blobs(int dir_fd, const struct image_files *image,
    struct bytes oci_manifest, struct err *err)
{
	TRY(layout_write_blob(dir_fd, bytes_of_str(OCI_EMPTY_CONFIG), err));
	TRY(layout_write_blob(dir_fd, image->envelope, err));
	TRY(layout_write_blob(dir_fd, sealed_bytes(image->kernel), err));
	if (image->ramdisk != NULL)
		TRY(layout_write_blob(dir_fd, sealed_bytes(image->ramdisk),
		    err));
	for (size_t i = 0; i < image->provenance.count; i++)
		TRY(layout_write_blob(dir_fd,
		    sealed_bytes(image->provenance.envelopes[i]), err));
	return layout_write_blob(dir_fd, oci_manifest, err);
}

static int
join(const char *path, const char *name, char **ret_path, struct err *err)
{
	if (asprintf(ret_path, "%s/%s", path, name) < 0)
		return err_set(err, NO_MEMORY, "path");
	return 0;
}
