#include "cli/check.h"

#include "base/scope.h"
#include "image-store/kernel_unpack.h"

int
check_image(struct verified_manifest *manifest, struct sealed *raw_kernel,
    struct sealed *raw_ramdisk, struct verified_image **ret_image,
    struct err *err)
{
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *owned = manifest;
	CLEANUP(sealed_freep) struct sealed *ramdisk_bytes = raw_ramdisk;
	CLEANUP(checked_blob_freep) struct checked_blob *kernel = NULL;
	CLEANUP(checked_blob_freep) struct checked_blob *elf = NULL;
	CLEANUP(checked_blob_freep) struct checked_blob *ramdisk = NULL;
	const struct manifest *signed_manifest =
	    verified_manifest_get(manifest);

	TRY(checked_blob_new(&signed_manifest->kernel, raw_kernel, "kernel",
	    &kernel, err));
	if (signed_manifest->kernel_format == KERNEL_ELF) {
		elf = take_ptr(&kernel);
	} else {
		struct sealed *raw_elf = NULL;

		TRY(kernel_unpack(sealed_bytes(checked_blob_sealed(kernel)),
		    signed_manifest->elf.size_bytes, NULL, &raw_elf, err));
		TRY(checked_blob_new(&signed_manifest->elf, raw_elf,
		    "kernel ELF", &elf, err));
	}
	if (ramdisk_bytes != NULL)
		TRY(checked_blob_new(&signed_manifest->ramdisk,
		    take_ptr(&ramdisk_bytes), "ramdisk", &ramdisk, err));
	return verified_image_new(take_ptr(&owned), take_ptr(&elf),
	    take_ptr(&ramdisk), ret_image, err);
}
