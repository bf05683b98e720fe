/*
 * OCI manifests of both kinds, and the descriptors of an index: whatever
 * decodes is within its limits.
 */
#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"
#include "image-store/oci_decode.h"
#include "tests/fuzz/fuzz.h"

static void
decode_manifest(const struct json_at *root, enum oci_kind kind)
{
	struct oci_artifact artifact;
	struct err err;

	if (oci_manifest_decode(root, kind, &artifact, &err) != 0)
		return;
	bug_unless(
	    artifact.layer_count > 0 && artifact.layer_count <= OCI_LAYERS);
	for (size_t i = 0; i < artifact.layer_count; i++)
		bug_unless(
		    artifact.layers[i].size_bytes > 0 &&
		    artifact.layers[i].size_bytes <= LIMIT_RAMDISK_BYTES);
}

static void
decode_index(const struct json_at *root)
{
	struct json_at manifests;
	struct err err;

	if (json_array_in(root, "manifests", LIMIT_INDEX_IMAGES, &manifests,
		&err) != 0)
		return;
	for (size_t i = 0; i < json_array_size(manifests.value); i++) {
		struct json_at at;
		struct blob blob;

		if (json_item_object(&manifests, i, &at, &err) != 0)
			return;
		(void)oci_ref_name(&at);
		if (oci_descriptor_decode(&at, OCI_MANIFEST_TYPE,
			LIMIT_OCI_MANIFEST_BYTES, &blob, &err) == 0)
			bug_unless(blob.size_bytes <= LIMIT_OCI_MANIFEST_BYTES);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct json_at root;
	struct err err;

	if (len > LIMIT_INDEX_BYTES ||
	    json_parse(bytes_of(data, len), 16, "document", STORE_MALFORMED,
		&document, &err) != 0)
		return 0;
	root = json_root(document, STORE_MALFORMED);
	for (int kind = 0; kind < OCI_KINDS; kind++)
		decode_manifest(&root, (enum oci_kind)kind);
	decode_index(&root);
	return 0;
}
