/*
 * The one thing that can be wrong with a ramdisk, which is otherwise opaque.
 */
#ifndef ASSAY_IMAGE_STORE_RAMDISK_H
#define ASSAY_IMAGE_STORE_RAMDISK_H

#include "base/bytes.h"
#include "base/err.h"

/*
 * Would libxenguest unpack this ramdisk instead of passing it on as signed?
 *
 * With the module limit set to the ramdisk's own size it unpacks a gzip file
 * whose last four bytes claim fewer bytes than the file has: one of several
 * members, with something behind it, or one that made its content longer. A
 * plain gzip initramfs claims more and is passed on as it is.
 * Errors: RAMDISK_UNPACKABLE.
 * Spec: Xen 4.17 tools/libs/guest/xg_dom_core.c xc_dom_build_module,
 * xc_dom_check_gzip (which adds 16 to the claim; refusing a claim up to the
 * file's size is on the safe side of that).
 */
int ramdisk_check(struct bytes ramdisk, struct err *err);

/* The same, of its first and last bytes, four or more of each. */
int ramdisk_check_ends(struct bytes head, struct bytes tail, size_t size_bytes,
    struct err *err);

#endif
