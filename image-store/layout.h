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
 * empty descriptor), layers: envelope, kernel, if any ramdisk, and
 * provenance (image-store/provenance.h).
 *
 * A store may have one signed store index, see image-store/store_index.h: an
 * OCI manifest of another artifactType, with one layer, the envelope, and the
 * ref.name "store-index".
 * Spec: OCI image-spec v1.1 image-layout.md, image-index.md, manifest.md.
 */
#ifndef ASSAY_IMAGE_STORE_LAYOUT_H
#define ASSAY_IMAGE_STORE_LAYOUT_H

#include <jansson.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/sealed.h"
#include "image-store/layout_list.h"
#include "image-store/oci_decode.h"

#define LAYOUT_VERSION "1.0.0"

/* "oci-layout", "index.json", and room for a blob's path with NUL. */
#define LAYOUT_FILE           "oci-layout"
#define LAYOUT_INDEX_FILE     "index.json"
#define LAYOUT_BLOBS          "blobs"
#define LAYOUT_SHA256         "sha256"
#define LAYOUT_BLOB_DIR       LAYOUT_BLOBS "/" LAYOUT_SHA256
#define LAYOUT_BLOB_PATH_SIZE (sizeof(LAYOUT_BLOB_DIR) + DIGEST_HEX_SIZE)

#define LAYOUT_REF_NAME_BYTES (LIMIT_NAME_BYTES + 1 + LIMIT_VERSION_BYTES)

/* The ref.name of the signed store index: no image's, which has a colon. */
#define LAYOUT_STORE_INDEX_NAME "store-index"

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
 * Errors: STORE_MALFORMED (also if there is no index), those of json_parse(),
 * STORE_IO, NO_MEMORY.
 */
int layout_read_index(int dir_fd, json_t **ret_index, struct err *err);

/*
 * Read the index and each image's OCI manifest, in the order of the index. If
 * `name` is not NULL only the OCI manifests of entries that claim this name are
 * read, and only these entries returned; there may be none, or several.
 * Limits: LIMIT_INDEX_BYTES, LIMIT_INDEX_IMAGES, LIMIT_OCI_MANIFEST_BYTES.
 * Errors: STORE_MALFORMED, also if an OCI manifest is missing; STORE_TOO_LARGE;
 * BLOB_SIZE_MISMATCH or BLOB_DIGEST_MISMATCH if an OCI manifest has another
 * size or digest than the index says; DESCRIPTOR_DUPLICATE if one is listed
 * twice; IMAGE_DUPLICATE if two have the same name and version; STORE_IO;
 * NO_MEMORY.
 */
int layout_read(int dir_fd, const char *name, struct layout_list *ret_list,
    struct err *err);

/* Open a store and read all of its index; errors name the store. */
int layout_open_list(const char *path, int *ret_dir_fd,
    struct layout_list *ret_list, struct err *err);

/*
 * The OCI manifest that a descriptor names, its text and what it says.
 * Returns owned; `ret_text` may be NULL.
 * Errors: as layout_read().
 */
int layout_read_manifest(int dir_fd, const struct blob *oci_manifest,
    enum oci_kind kind, struct oci_artifact *ret_artifact,
    struct sealed **ret_text, struct err *err);

/*
 * Where the signed store index is, unverified: its OCI manifest and what that
 * says. Errors: STORE_INDEX_MISSING; DESCRIPTOR_DUPLICATE if there are several;
 * those of layout_read().
 */
int layout_find_store_index(int dir_fd, struct blob *ret_oci_manifest,
    struct oci_artifact *ret_artifact, struct err *err);

/*
 * The envelope of the signed store index, in sealed memory, unverified: for
 * store_index_verify(), whose signatures decide; its digest is not checked.
 * Errors: those of layout_find_store_index() and layout_copy_blob().
 */
int layout_copy_store_index(int dir_fd, struct sealed **ret_envelope,
    struct err *err);

/* Open a blob. Errors: STORE_MALFORMED; STORE_IO, also if it is missing. */
int layout_open_blob(int dir_fd, const struct digest *digest, int *ret_fd,
    size_t *ret_size_bytes, struct err *err);

/*
 * The same for one of exactly `size_bytes`.
 * Errors: also IMAGE_SIZE_MISMATCH.
 */
int layout_open_exact(int dir_fd, const struct digest *digest,
    uint64_t size_bytes, const char *what, int *ret_fd, struct err *err);

/*
 * Copy a blob into sealed memory: exactly `size_bytes` long, or refused before
 * anything is copied. The caller has checked `size_bytes` against a limit.
 * Its digest is NOT checked here.
 * Errors: those of layout_open_exact(); NO_MEMORY.
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
