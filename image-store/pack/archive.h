/*
 * A store as one file: an OCI archive, a tar of an OCI layout.
 *
 * Written: POSIX ustar, deterministic: directories, blobs by digest,
 * index.json, oci-layout; owner 0, time 0, modes 755 and 644.
 *
 * Read: ustar as written here, by skopeo or by tar --format=ustar (also with
 * "./" before each name), without compression or extension headers. The archive
 * is foreign: it may hold nothing but directories and regular files of these
 * names, each once, each blob with the digest of its name. No name of an
 * archive is ever opened: its meaning is looked up.
 * Spec: POSIX.1-2017 pax, "ustar Interchange Format".
 */
#ifndef ASSAY_IMAGE_STORE_PACK_ARCHIVE_H
#define ASSAY_IMAGE_STORE_PACK_ARCHIVE_H

#include "image-store/pack/transfer.h"

/*
 * Write what was planned, complete or not at all.
 * Errors: FILE_EXISTS; those of transfer_blob(); STORE_TOO_LARGE; STORE_IO.
 */
int archive_write(int source_fd, const struct transfer *transfer,
    const char *path, struct err *err);

/*
 * Unpack into an empty directory of our own. What is there after a failure is
 * the caller's to remove.
 * Errors: ARCHIVE_MALFORMED (no tar, truncated, bad checksum, an extension, a
 * name that no store has, one twice); ARCHIVE_UNSAFE (a link, a device, an
 * absolute path or one with ".."); BLOB_DIGEST_MISMATCH; STORE_TOO_LARGE for
 * index.json; IMAGE_TOO_LARGE for a blob over LIMIT_RAMDISK_BYTES; STORE_IO.
 */
int archive_unpack(const char *path, int dir_fd, struct err *err);

/* The same from a descriptor that is open at the archive's beginning. */
int archive_unpack_fd(int fd, int dir_fd, struct err *err);

#endif
