/*
 * An image directory: what `assay image pack` makes, `sign` signs and
 * `store add` adds. In the library assay-pack, which assayd does not link.
 *
 *	manifest.json   the payload: canonical text of the manifest
 *	manifest.dsse   the signed envelope, once signed
 *	kernel          as given
 *	ramdisk         as given, if any
 */
#ifndef ASSAY_IMAGE_STORE_IMAGE_DIR_H
#define ASSAY_IMAGE_STORE_IMAGE_DIR_H

#include "base/err.h"
#include "image-store/manifest.h"

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
 * Errors: FILE_EXISTS, STORE_IO, KERNEL_*, DECOMPRESS_*, IMAGE_TOO_LARGE,
 * MANIFEST_MALFORMED for bad names and ranges, CMDLINE_TOO_LONG.
 */
int image_dir_pack(const struct pack_request *request, const char *out_path,
    struct manifest *ret_manifest, struct err *err);

#endif
