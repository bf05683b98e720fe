/*
 * The compressions of Linux kernels, each into memory of the right size.
 *
 * The output is filled completely or the call fails: a stream that holds less
 * is damaged, one that holds more is a bomb and is not unpacked further.
 * Exactly one stream is read; bytes after its end are refused.
 *
 * Trust: any bytes, so only in the stage role and in tools. What the output
 * is worth is decided by its digest, not here.
 * Spec: RFC 1952 (gzip); xz-file-format 1.1; RFC 8878 (zstd);
 * lz4_Frame_format.md, "Legacy frame".
 */
#ifndef ASSAY_IMAGE_STORE_UNPACK_DECOMPRESS_H
#define ASSAY_IMAGE_STORE_UNPACK_DECOMPRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/sealing.h"
#include "base/err.h"
#include "base/limits.h"

/*
 * What a stream may make its decoder look back at, in memory of its own beside
 * the output. xz: Linux asks for 32 MiB, since 6.12 for 128 MiB
 * (scripts/xz_wrap.sh). zstd: for 128 MiB (scripts/Makefile.lib, --ultra -22);
 * a frame of known size may ask for that size.
 */
#define DECOMPRESS_XZ_MEMORY_BYTES  LIMIT_MIB(160)
#define DECOMPRESS_ZSTD_WINDOW_BITS 28 /* LIMIT_KERNEL_BYTES */

/* gzip keeps its unpacked size inside the stream, the others do not. */
bool decompress_is_gzip(struct bytes stream);

/*
 * Unpack one stream, told by its magic number, into a fresh sealing of exactly
 * the right size, whose bytes are undefined on failure. Both lengths are at
 * most LIMIT_KERNEL_BYTES.
 * Errors: DECOMPRESS_FAILED (unknown magic, damaged, too little, something
 * behind it); DECOMPRESS_BOMB; NO_MEMORY.
 */
int decompress(struct bytes stream, struct sealing *sealing, struct err *err);

#endif
