/*
 * Copying images from a store: which blobs, and that they are what the store
 * says.
 *
 * A transfer is planned from the source alone and then carried out into another
 * store (here) or into an archive (image-store/pack/archive.h). OCI manifests
 * are copied as they are, byte by byte, so that digests stay.
 *
 * No signature is verified. But each blob has to have the size and the digest
 * of its name, and what an envelope signs has to be what the store lists.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_TRANSFER_H
#define ASSAY_IMAGE_STORE_PACK_TRANSFER_H

#include <jansson.h>

#include "base/sealed.h"
#include "image-store/manifest.h"
#include "image-store/oci_decode.h"

struct transfer {
	json_t *index;      /* an index of what is copied, sorted */
	struct blob *blobs; /* sorted by digest, each once */
	size_t count;
	struct blob store_index; /* its envelope */
	bool has_store_index;
};

/* What is wanted: NAME, NAME:VERSION, or sha256:HEX of what is signed, of an
 * envelope or of an OCI manifest. None means all, and then the signed store
 * index comes along. */
struct transfer_wanted {
	const char *const *names;
	size_t count;
};

/*
 * Free with transfer_done().
 * Errors: IMAGE_UNKNOWN if the store has nothing of a wanted name; those of
 * layout_read() and image_claims_read(); IMAGE_NAME_MISMATCH,
 * BLOB_SIZE_MISMATCH or BLOB_DIGEST_MISMATCH if an envelope signs another name,
 * or files of another size or digest, than the store lists.
 */
int transfer_plan(int source_fd, const struct transfer_wanted *wanted,
    struct transfer *ret_transfer, struct err *err);

void transfer_done(struct transfer *transfer);

/*
 * Does a store list, for an image, the files that its envelope signs?
 * Errors: BLOB_SIZE_MISMATCH; BLOB_DIGEST_MISMATCH.
 */
int transfer_check_layers(const struct oci_artifact *listed,
    const struct manifest *claimed, struct err *err);

/*
 * A blob of the source, checked. Returns owned.
 * Errors: BLOB_SIZE_MISMATCH; BLOB_DIGEST_MISMATCH; STORE_MALFORMED; STORE_IO.
 */
int transfer_blob(int source_fd, const struct blob *blob,
    struct sealed **ret_bytes, struct err *err);

/*
 * Add what was planned to the store at `path`, in one step: a reader sees all
 * of it or nothing. An image that the store has already, the very same, is no
 * error; another one of the same name and version is replaced if `replace`.
 * A signed store index replaces an older one only.
 * Errors: FILE_EXISTS; STORE_ROLLBACK; those of transfer_blob() and
 * layout_write_index().
 */
int transfer_to_store(int source_fd, const struct transfer *transfer,
    const char *path, bool replace, struct err *err);

#endif
