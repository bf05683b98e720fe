#include "image-store/image_shape.h"

struct image_shape
image_shape_of(const struct manifest *manifest)
{
	return (struct image_shape){
	    .elf = manifest->elf,
	    .has_ramdisk = manifest->has_ramdisk,
	    .ramdisk = manifest->ramdisk,
	};
}
