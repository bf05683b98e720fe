/*
 * From a kernel as it is stored to the ELF file that Xen loads.
 *
 * A bzImage (Linux x86 boot protocol >= 2.08) carries the compressed ELF; a raw
 * ELF is passed through. Runs in the stage role, outside the trusted role: its
 * result counts only if it has the signed digest.
 *
 * Bounded: the output buffer has exactly the signed size, and an input that
 * would give more is refused as a bomb without being unpacked further.
 * Spec: Linux Documentation/arch/x86/boot.rst.
 */
#ifndef ASSAY_IMAGE_STORE_UNPACK_KERNEL_UNPACK_H
#define ASSAY_IMAGE_STORE_UNPACK_KERNEL_UNPACK_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/sealing.h"
#include "image-store/manifest.h"

/*
 * What a kernel file looks like.
 * Errors: KERNEL_FORMAT_UNKNOWN.
 */
int kernel_format_of(struct bytes kernel, enum kernel_format *ret_format,
    struct err *err);

/*
 * The size that a bzImage claims its ELF has (the trailing 4 bytes of the
 * payload, gzip ISIZE included). For packing; unpacking checks it.
 * Errors: KERNEL_FORMAT_UNKNOWN, DECOMPRESS_FAILED, IMAGE_TOO_LARGE.
 */
int kernel_claimed_elf_size(struct bytes bzimage, uint64_t *ret_size_bytes,
    struct err *err);

/*
 * Unpack into sealed memory of exactly `elf_size_bytes`; an ELF file is copied.
 * `watcher` gets each piece of it as soon as it is there; NULL: nobody does.
 * Order: format, limits, what the bzImage claims, only then memory is taken.
 * Errors: KERNEL_FORMAT_UNKNOWN; DECOMPRESS_FAILED (damaged, or it unpacks to
 * less); DECOMPRESS_BOMB (to more); IMAGE_SIZE_MISMATCH (an ELF file of another
 * size); IMAGE_TOO_LARGE (either side is over LIMIT_KERNEL_BYTES); NO_MEMORY.
 */
int kernel_unpack(struct bytes kernel, uint64_t elf_size_bytes,
    const struct piece_watcher *watcher, struct sealed **ret_elf,
    struct err *err);

#endif
