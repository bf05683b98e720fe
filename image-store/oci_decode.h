/*
 * The OCI documents of a store, read: descriptors and the OCI manifests of
 * what is ours. Only text: image-store/layout.h finds the files.
 *
 * Nothing here is trusted, and unknown members are passed over, because
 * registries add some; what is ours must be in order.
 * Spec: OCI image-spec v1.1 manifest.md, descriptor.md.
 */
#ifndef ASSAY_IMAGE_STORE_OCI_DECODE_H
#define ASSAY_IMAGE_STORE_OCI_DECODE_H

#include "base/json.h"
#include "image-store/manifest.h"

#define OCI_MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define OCI_INDEX_TYPE    "application/vnd.oci.image.index.v1+json"
#define OCI_EMPTY_TYPE    "application/vnd.oci.empty.v1+json"
#define OCI_REF_NAME      "org.opencontainers.image.ref.name"

/* Layers. */
#define OCI_ENVELOPE_TYPE    "application/vnd.assay.manifest.dsse+json"
#define OCI_KERNEL_TYPE      "application/vnd.assay.kernel"
#define OCI_RAMDISK_TYPE     "application/vnd.assay.ramdisk"
#define OCI_PROVENANCE_TYPE  "application/vnd.dsse.envelope.v1+json"
#define OCI_STORE_INDEX_TYPE "application/vnd.assay.store-index.dsse+json"

/* What is ours in a store. */
enum oci_kind {
	OCI_IMAGE, /* layers: envelope, kernel, if any ramdisk, provenance */
	OCI_STORE_INDEX, /* layers: the envelope of a signed store index */
	OCI_KINDS,
};

/* The artifactType of each kind. */
extern const char *const oci_artifact_types[OCI_KINDS];

#define OCI_LAYERS (3 + LIMIT_PROVENANCE)

/* An OCI manifest; the envelope is layer 0. */
struct oci_artifact {
	struct blob config;
	struct blob layers[OCI_LAYERS];
	size_t layer_count;
	size_t file_count; /* layers behind these are provenance */
};

/* Does the document, or the descriptor, have the artifactType of `kind`? */
bool oci_is_kind(const struct json_at *at, enum oci_kind kind);

/* Borrowed; NULL if there is none. */
const char *oci_ref_name(const struct json_at *descriptor);

/* Errors: the place's code, also for a size of 0 or over `max_bytes`. */
int oci_descriptor_decode(const struct json_at *at, const char *media_type,
    size_t max_bytes, struct blob *ret_blob, struct err *err);

/*
 * Errors: the place's code; DESCRIPTOR_DUPLICATE if two layers are the same
 * blob.
 */
int oci_manifest_decode(const struct json_at *root, enum oci_kind kind,
    struct oci_artifact *ret_artifact, struct err *err);

#endif
