#include "cli/image/check.h"

#include "base/scope.h"
#include "cli/files.h"
#include "image-store/image_pieces.h"
#include "image-store/image_shape.h"
#include "image-store/pack/image_dir.h"
#include "image-store/unpack/kernel_unpack.h"
#include "image-store/pack/blob_check.h"

static int check_blobs(const struct manifest *manifest,
    struct sealed *raw_kernel, struct sealed *raw_ramdisk,
    struct checked_blob **ret_elf, struct checked_blob **ret_ramdisk,
    struct err *err);
static int check_kernel(const struct manifest *manifest,
    struct sealed *raw_kernel, struct checked_blob **ret_elf, struct err *err);

int
check_image(const struct manifest *manifest, struct sealed *raw_kernel,
    struct sealed *raw_ramdisk, struct err *err)
{
	CLEANUP(checked_blob_freep) struct checked_blob *elf = NULL;
	CLEANUP(checked_blob_freep) struct checked_blob *ramdisk = NULL;
	CLEANUP(image_pieces_freep) struct image_pieces *pieces = NULL;
	const struct image_shape shape = image_shape_of(manifest);

	TRY(check_blobs(manifest, raw_kernel, raw_ramdisk, &elf, &ramdisk,
	    err));
	return image_pieces_new(&shape, take_ptr(&elf), take_ptr(&ramdisk),
	    &pieces, err);
}

int
check_files(const char *dir, const struct manifest *manifest, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *kernel = NULL;
	CLEANUP(sealed_freep) struct sealed *ramdisk = NULL;
	CLEANUP(checked_blob_freep) struct checked_blob *elf = NULL;
	CLEANUP(checked_blob_freep) struct checked_blob *checked = NULL;

	TRY(files_of_image(dir, IMAGE_DIR_KERNEL, LIMIT_KERNEL_BYTES, &kernel,
	    err));
	if (manifest->has_ramdisk)
		TRY(files_of_image(dir, IMAGE_DIR_RAMDISK, LIMIT_RAMDISK_BYTES,
		    &ramdisk, err));
	if (check_blobs(manifest, take_ptr(&kernel), take_ptr(&ramdisk), &elf,
		&checked, err) != 0)
		return err_prefix(err, "%s", err_quote_str(dir).text);
	return 0;
}

/* Takes both; the ramdisk may be NULL. */
static int
check_blobs(const struct manifest *manifest, struct sealed *raw_kernel,
    struct sealed *raw_ramdisk, struct checked_blob **ret_elf,
    struct checked_blob **ret_ramdisk, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *ramdisk_bytes = raw_ramdisk;

	TRY(check_kernel(manifest, raw_kernel, ret_elf, err));
	if (ramdisk_bytes != NULL)
		TRY(checked_blob_new(&manifest->ramdisk,
		    take_ptr(&ramdisk_bytes), "ramdisk", ret_ramdisk, err));
	return 0;
}

/* As it is stored, and then what it unpacks to. Takes the kernel. */
static int
check_kernel(const struct manifest *manifest, struct sealed *raw_kernel,
    struct checked_blob **ret_elf, struct err *err)
{
	CLEANUP(checked_blob_freep) struct checked_blob *kernel = NULL;
	struct sealed *raw_elf = NULL;

	TRY(checked_blob_new(&manifest->kernel, raw_kernel, "kernel", &kernel,
	    err));
	if (manifest->kernel_format == KERNEL_ELF) {
		*ret_elf = take_ptr(&kernel);
		return 0;
	}
	TRY(kernel_unpack(sealed_bytes(checked_blob_sealed(kernel)),
	    manifest->elf.size_bytes, NULL, &raw_elf, err));
	return checked_blob_new(&manifest->elf, raw_elf, "kernel ELF", ret_elf,
	    err);
}
