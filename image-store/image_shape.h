/*
 * Which bytes an image is, as it is loaded.
 */
#ifndef ASSAY_IMAGE_STORE_IMAGE_SHAPE_H
#define ASSAY_IMAGE_STORE_IMAGE_SHAPE_H

#include "image-store/manifest.h"

/* Which bytes are meant: plain values, for other processes. */
struct image_shape {
	struct blob elf; /* the kernel as it is loaded */
	bool has_ramdisk;
	struct blob ramdisk;
};

struct image_shape image_shape_of(const struct manifest *manifest);

#endif
