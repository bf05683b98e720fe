/*
 * Making an in-toto Statement of an image's manifest, for cosign and for
 * `assay image sign --in-toto`. In the library assay-pack.
 */
#ifndef ASSAY_IMAGE_STORE_STATEMENT_ENCODE_H
#define ASSAY_IMAGE_STORE_STATEMENT_ENCODE_H

#include "base/err.h"
#include "image-store/manifest.h"

/*
 * A v1 statement with a subject for each file: kernel, kernel.elf and, if any,
 * ramdisk. Compact, in a fixed order. Returns owned text (malloc).
 * Errors: those of manifest_encode().
 */
int statement_encode(const struct manifest *manifest, char **ret_text,
    struct err *err);

#endif
