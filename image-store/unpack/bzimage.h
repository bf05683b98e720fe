/*
 * Where a bzImage keeps its compressed kernel.
 *
 * Reads only the fields that say so, each inside the bounds of the file. The
 * rest of the header (load addresses, flags) is for boot loaders and is not
 * used for a Xen PV guest.
 *
 * Trust: any bytes.
 * Spec: Linux Documentation/arch/x86/boot.rst, boot protocol 2.08 and later.
 */
#ifndef ASSAY_IMAGE_STORE_UNPACK_BZIMAGE_H
#define ASSAY_IMAGE_STORE_UNPACK_BZIMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* Does it carry the boot sector mark 0xaa55 and "HdrS"? */
bool bzimage_is(struct bytes file);

struct bzimage_payload {
	struct bytes body;           /* the compressed stream */
	uint32_t claimed_size_bytes; /* what it says that it unpacks to */
};

/*
 * The payload, borrowed from `file`. Its last four bytes are the unpacked
 * size: for gzip they are a part of the stream (ISIZE) and of `body`; for the
 * other compressions they were appended by the kernel's build and are not.
 * Errors: KERNEL_FORMAT_UNKNOWN (no bzImage, or a protocol before 2.08);
 * DECOMPRESS_FAILED if the payload is not inside the file or is too short.
 */
int bzimage_payload(struct bytes file, struct bzimage_payload *ret_payload,
    struct err *err);

#endif
