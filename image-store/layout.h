/*
 * A store on disk: an OCI image layout, read.
 *
 *	oci-layout              {"imageLayoutVersion":"1.0.0"}
 *	index.json              one descriptor for each image
 *	blobs/sha256/<hex>      everything, by content
 *
 * Nothing here is trusted. The index only lists candidates: which envelope
 * may be meant by a name. What is in an envelope is decided by its signatures,
 * and blobs are taken by the digest that a verified manifest names.
 *
 * All access is relative to one directory fd that is opened once; blob names
 * are digests, so no foreign path is ever opened. Symbolic links are refused.
 * Spec: OCI image-spec v1.1 image-layout.md, manifest.md.
 */
#ifndef ASSAY_IMAGE_STORE_LAYOUT_H
#define ASSAY_IMAGE_STORE_LAYOUT_H

#include "base/digest.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/sealed.h"

#define LAYOUT_ARTIFACT_TYPE     "application/vnd.assay.image.v1"
#define LAYOUT_ENVELOPE_TYPE     "application/vnd.assay.manifest.dsse+json"
#define LAYOUT_KERNEL_TYPE       "application/vnd.assay.kernel"
#define LAYOUT_RAMDISK_TYPE      "application/vnd.assay.ramdisk"
#define LAYOUT_OCI_MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define LAYOUT_REF_NAME          "org.opencontainers.image.ref.name"

/* What the index says; a claim. ref.name is "NAME:VERSION". */
struct layout_entry {
	char claimed_name[LIMIT_NAME_BYTES + 1];
	char claimed_version[LIMIT_VERSION_BYTES + 1];
	struct digest oci_manifest;
	struct digest envelope;
};

/* A list of entries; owned, free with layout_list_done(). */
struct layout_list {
	struct layout_entry *entries;
	size_t count;
};

/* Open a store directory. Errors: STORE_IO, STORE_MALFORMED. */
int layout_open(const char *path, int *ret_dir_fd, struct err *err);

/*
 * Read the index and each image's OCI manifest. If `name` is not NULL only
 * entries that claim this name are read and returned.
 * Errors: STORE_MALFORMED, STORE_IO, NO_MEMORY.
 */
int layout_read(int dir_fd, const char *name, struct layout_list *ret_list,
    struct err *err);

void layout_list_done(struct layout_list *list);

/*
 * Copy a blob into sealed memory: exactly `size_bytes` long, or refused.
 * Its digest is NOT checked here.
 * Errors: IMAGE_SIZE_MISMATCH, STORE_IO (also when it is missing), NO_MEMORY.
 */
int layout_copy_blob(int dir_fd, const struct digest *digest,
    uint64_t size_bytes, const char *what, struct sealed **ret_blob,
    struct err *err);

/* The same for a blob whose size is not known beforehand. */
int layout_copy_blob_max(int dir_fd, const struct digest *digest,
    size_t max_bytes, const char *what, struct sealed **ret_blob,
    struct err *err);

#endif
