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
 * are digests, so no foreign path is ever opened. Symbolic links are refused
 * in every part of a path, and so is what is not a regular file.
 *
 * A store may hold what is not ours. A descriptor of the index is ours if its
 * artifactType says so, or if it has none (registry tools drop it), has a
 * ref.name NAME:VERSION and its OCI manifest's artifactType says so. What is
 * ours must be in order, or the store is refused; the rest is passed over, and
 * so are members that OCI or a registry added.
 *
 * The OCI manifest: schemaVersion 2, mediaType, artifactType, config (the OCI
 * empty descriptor), layers: envelope, kernel and, if any, ramdisk.
 * Spec: OCI image-spec v1.1 image-layout.md, image-index.md, manifest.md.
 */
#ifndef ASSAY_IMAGE_STORE_LAYOUT_H
#define ASSAY_IMAGE_STORE_LAYOUT_H

#include <jansson.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/sealed.h"

#define LAYOUT_ARTIFACT_TYPE     "application/vnd.assay.image.v1"
#define LAYOUT_ENVELOPE_TYPE     "application/vnd.assay.manifest.dsse+json"
#define LAYOUT_KERNEL_TYPE       "application/vnd.assay.kernel"
#define LAYOUT_RAMDISK_TYPE      "application/vnd.assay.ramdisk"
#define LAYOUT_OCI_MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define LAYOUT_OCI_INDEX_TYPE    "application/vnd.oci.image.index.v1+json"
#define LAYOUT_OCI_EMPTY_TYPE    "application/vnd.oci.empty.v1+json"
#define LAYOUT_REF_NAME          "org.opencontainers.image.ref.name"
#define LAYOUT_VERSION           "1.0.0"

/* "oci-layout", "index.json", and room for a blob's path with NUL. */
#define LAYOUT_FILE           "oci-layout"
#define LAYOUT_INDEX_FILE     "index.json"
#define LAYOUT_BLOB_DIR       "blobs/sha256"
#define LAYOUT_BLOB_PATH_SIZE (sizeof(LAYOUT_BLOB_DIR) + DIGEST_HEX_SIZE)

#define LAYOUT_REF_NAME_BYTES (LIMIT_NAME_BYTES + 1 + LIMIT_VERSION_BYTES)

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

/* Where a blob is, below the store: "blobs/sha256/<hex>". */
void layout_blob_path(const struct digest *digest,
    char ret_path[LAYOUT_BLOB_PATH_SIZE]);

/*
 * Open a store directory.
 * Errors: STORE_IO if there is no such directory; STORE_MALFORMED if it has no
 * oci-layout of version 1.0.0.
 */
int layout_open(const char *path, int *ret_dir_fd, struct err *err);

/* The same for a directory that is open already; borrowed. */
int layout_check(int dir_fd, struct err *err);

/*
 * The index as a document that has schemaVersion 2 and an array "manifests";
 * what is in the array is not looked at. Returns owned.
 * Errors: STORE_MALFORMED (also if there is no index), STORE_IO, NO_MEMORY.
 */
int layout_read_index(int dir_fd, json_t **ret_index, struct err *err);

/*
 * Read the index and each image's OCI manifest, in the order of the index. If
 * `name` is not NULL only the OCI manifests of entries that claim this name are
 * read, and only these entries returned; there may be none, or several.
 * Limits: LIMIT_INDEX_BYTES, LIMIT_INDEX_IMAGES, LIMIT_OCI_MANIFEST_BYTES.
 * Errors: STORE_MALFORMED, also if an OCI manifest is missing or has another
 * size or digest than the index says; STORE_IO; NO_MEMORY.
 */
int layout_read(int dir_fd, const char *name, struct layout_list *ret_list,
    struct err *err);

void layout_list_done(struct layout_list *list);

/*
 * Copy a blob into sealed memory: exactly `size_bytes` long, or refused before
 * anything is copied. The caller has checked `size_bytes` against a limit.
 * Its digest is NOT checked here.
 * Errors: IMAGE_SIZE_MISMATCH; STORE_MALFORMED if it is not a regular file;
 * STORE_IO, also if it is missing; NO_MEMORY.
 */
int layout_copy_blob(int dir_fd, const struct digest *digest,
    uint64_t size_bytes, const char *what, struct sealed **ret_blob,
    struct err *err);

/*
 * The same for a blob whose size is not known beforehand.
 * Errors: IMAGE_TOO_LARGE over `max_bytes`; STORE_MALFORMED; STORE_IO;
 * NO_MEMORY.
 */
int layout_copy_blob_max(int dir_fd, const struct digest *digest,
    size_t max_bytes, const char *what, struct sealed **ret_blob,
    struct err *err);

#endif
