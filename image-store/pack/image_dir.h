/*
 * An image directory: what `assay image pack` makes, `sign` signs and `store
 * add` adds.
 *
 *	manifest.json   the payload: canonical text of the manifest
 *	manifest.dsse   the signed envelope, once signed
 *	kernel          as given
 *	ramdisk         as given, if any
 */
#ifndef ASSAY_IMAGE_STORE_PACK_IMAGE_DIR_H
#define ASSAY_IMAGE_STORE_PACK_IMAGE_DIR_H

#include "base/err.h"
#include "image-store/manifest.h"

#define IMAGE_DIR_MANIFEST "manifest.json"
#define IMAGE_DIR_ENVELOPE "manifest.dsse"
#define IMAGE_DIR_KERNEL   "kernel"
#define IMAGE_DIR_RAMDISK  "ramdisk"

/* What the caller of pack chooses; the rest is computed. */
struct pack_request {
	const char *kernel_path;
	const char *ramdisk_path; /* or NULL */
	/* name, version, class, rollback, cmdline, limits are filled in;
	 * blobs and kernel_format are computed and ignored on input. */
	struct manifest manifest;
};

/*
 * Make the directory, complete or not at all (built under a temporary name).
 * Refuses here, with a reason, what could not start later: a kernel without
 * the Xen ELF notes of a PV guest (KERNEL_NOT_PV), a gzip ramdisk that
 * libxenguest would unpack (RAMDISK_UNPACKABLE), broken compression, sizes.
 * On success *ret_manifest is the finished manifest.
 * The request's strings must be NUL-terminated. The same request over the same
 * files gives the same bytes and modes, whatever the umask and the locale.
 * Errors: FILE_EXISTS; STORE_IO; KERNEL_*; DECOMPRESS_*; RAMDISK_UNPACKABLE;
 * IMAGE_TOO_LARGE; MANIFEST_VALUE_BAD for bad names, ranges and command lines
 * and for an empty ramdisk; NO_MEMORY.
 * Not done: a command line over its limit does not fit the request at all.
 */
int image_dir_pack(const struct pack_request *request, const char *out_path,
    struct manifest *ret_manifest, struct err *err);

#endif
