/*
 * Proof as a type: the bytes of one image, each with the digest that was
 * signed, and of a form that Xen's builder takes as it is. A holder may load
 * them: they cannot change any more.
 */
#ifndef ASSAY_IMAGE_STORE_IMAGE_PIECES_H
#define ASSAY_IMAGE_STORE_IMAGE_PIECES_H

#include "image-store/checked_blob.h"
#include "image-store/image_shape.h"

struct image_pieces;

/*
 * Takes elf and ramdisk (NULL if the shape has none), also on failure.
 * Errors: IMAGE_DIGEST_MISMATCH if a blob is not the one that is meant;
 * KERNEL_FORMAT_UNKNOWN if the ELF is not one for x86-64;
 * RAMDISK_UNPACKABLE if libxenguest would unpack the ramdisk (a gzip file
 * whose last four bytes claim a size at or below its own: with the module
 * limit set to the ramdisk's size, only such a file is unpacked; Xen 4.17
 * tools/libs/guest/xg_dom_core.c xc_dom_build_module).
 */
int image_pieces_new(const struct image_shape *shape, struct checked_blob *elf,
    struct checked_blob *ramdisk, struct image_pieces **ret_pieces,
    struct err *err);

void image_pieces_freep(struct image_pieces **pieces);

/* Borrowed. The ramdisk is empty if there is none. */
struct bytes image_pieces_elf(const struct image_pieces *pieces);
struct bytes image_pieces_ramdisk(const struct image_pieces *pieces);

#endif
