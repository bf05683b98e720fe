/*
 * A bounded first look at an ELF kernel, before libelf or libxenguest see it.
 *
 * Both have had errors in reading tables of hostile files (XSA-55). What the
 * headers point to is checked here to lie inside the file, so that those only
 * get files of the plain kind that every Linux kernel is.
 *
 * Trust: any bytes. Not done: whether it can start as a PV guest; see
 * image-store/pack/elf_notes.h.
 * Spec: System V ABI, "Object Files"; elf(5).
 */
#ifndef ASSAY_IMAGE_STORE_ELF_CHECK_H
#define ASSAY_IMAGE_STORE_ELF_CHECK_H

#include "base/bytes.h"
#include "base/err.h"

/* Linux has 5, a kernel with debug data a few more. */
#define ELF_CHECK_PROGRAM_HEADERS 64

/*
 * Order: the file header (ELF, 64 bits, little-endian, x86-64); both header
 * tables inside the file; each segment that has bytes in the file: inside it,
 * not longer than in memory, no address that wraps; at least one to load.
 * Errors: KERNEL_FORMAT_UNKNOWN.
 */
int elf_check(struct bytes file, struct err *err);

#endif
