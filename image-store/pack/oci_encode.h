/*
 * The OCI documents of a store, written: an image's OCI manifest and its entry
 * in the index. image-store/layout.h reads them.
 *
 * Deterministic: compact JSON, members in a fixed order, the index sorted.
 * Spec: OCI image-spec v1.1 manifest.md, image-index.md, descriptor.md.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_OCI_ENCODE_H
#define ASSAY_IMAGE_STORE_PACK_OCI_ENCODE_H

#include <stdbool.h>

#include <jansson.h>

#include "base/err.h"
#include "image-store/manifest.h"
#include "image-store/pack/provenance_dir.h"
#include "image-store/oci_decode.h"

/* The OCI empty descriptor's content: a blob that each image refers to. */
#define OCI_EMPTY_CONFIG "{}"

/*
 * The OCI manifest of an image: envelope, kernel and, if any, ramdisk.
 * Returns owned text (malloc, NUL-terminated). Errors: NO_MEMORY.
 */
int oci_manifest_encode(const struct manifest *claimed,
    const struct blob *envelope, const struct provenance_list *provenance,
    char **ret_text, struct err *err);

/* That of a signed store index: only the envelope. */
int oci_store_index_encode(const struct blob *envelope, char **ret_text,
    struct err *err);

/*
 * Put an image, or the signed store index, into an index, which
 * layout_read_index() made. Entries of the same ref.name are dropped if
 * `replace`, all others are kept as they are, in the order of ref.name and
 * digest.
 * Errors: FILE_EXISTS; NO_MEMORY. The index is of no use then.
 */
int oci_index_put(json_t *index, enum oci_kind kind, const char *ref_name,
    const struct blob *oci_manifest, bool replace, struct err *err);

/* Returns owned text (malloc, NUL-terminated).
 * Errors: STORE_TOO_LARGE if the index is over a limit; NO_MEMORY. */
int oci_index_encode(const json_t *index, char **ret_text, struct err *err);

#endif
