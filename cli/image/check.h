/*
 * Verifying an image completely, as `image verify` and `store verify` do: the
 * same steps as assayd, on files instead of a stage.
 */
#ifndef ASSAY_CLI_IMAGE_CHECK_H
#define ASSAY_CLI_IMAGE_CHECK_H

#include "base/sealed.h"
#include "image-store/manifest.h"

/*
 * Kernel (as stored), its unpacked ELF and the ramdisk. Takes kernel and
 * ramdisk, also on failure; the ramdisk may be NULL.
 * Errors: those of image_pieces_new() and its steps.
 */
int check_image(const struct manifest *manifest, struct sealed *raw_kernel,
    struct sealed *raw_ramdisk, struct err *err);

/*
 * Are the files of an image directory those of this manifest, which nobody need
 * have signed: kernel, what it unpacks to, and ramdisk? For whoever is about to
 * sign it, or looks at it before. Errors name the directory.
 * Errors: IMAGE_TOO_LARGE; IMAGE_SIZE_MISMATCH; IMAGE_DIGEST_MISMATCH; those of
 * kernel_unpack(); STORE_IO; NO_MEMORY.
 */
int check_files(const char *dir, const struct manifest *manifest,
    struct err *err);

#endif
