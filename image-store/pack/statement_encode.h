/*
 * What a signer needs of in-toto Statements of an image's manifest: making one,
 * for cosign and for `assay image sign --in-toto`, and whether one that
 * somebody else made is about this image alone.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_STATEMENT_ENCODE_H
#define ASSAY_IMAGE_STORE_PACK_STATEMENT_ENCODE_H

#include "base/err.h"
#include "image-store/manifest.h"

/*
 * A v1 statement with a subject for each file: kernel, kernel.elf and, if any,
 * ramdisk. Compact, in a fixed order. Returns owned text (malloc).
 * Errors: those of manifest_encode().
 */
int statement_encode(const struct manifest *manifest, char **ret_text,
    struct err *err);

/*
 * Is each subject a file of the image, by its SHA-256 and nothing besides?
 * Whoever signs it speaks for all of them.
 * Errors: STATEMENT_OTHER_SUBJECT; those of statement_decode().
 */
int statement_is_only_of(struct bytes text, const struct manifest *manifest,
    struct err *err);

#endif
