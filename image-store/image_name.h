/*
 * Which names and versions of images are legal.
 */
#ifndef ASSAY_IMAGE_STORE_IMAGE_NAME_H
#define ASSAY_IMAGE_STORE_IMAGE_NAME_H

#include <stdbool.h>

/* [a-z0-9][a-z0-9._-]*, at most LIMIT_NAME_BYTES. */
bool image_name_is_valid(const char *name);

/* [A-Za-z0-9][A-Za-z0-9._+-]*, at most LIMIT_VERSION_BYTES. */
bool image_version_is_valid(const char *version);

#endif
