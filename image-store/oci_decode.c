#include "image-store/oci_decode.h"

#include <string.h>

#include "base/scope.h"

/* What the layers of a kind are, in their order. */
struct layer_kind {
	const char *media_type;
	size_t max_bytes;
};

static const struct {
	struct layer_kind layers[3];
	size_t min_count;
	size_t file_count; /* at most */
	size_t max_count;
} kinds[OCI_KINDS] = {
    [OCI_IMAGE] = {{{OCI_ENVELOPE_TYPE, LIMIT_ENVELOPE_BYTES},
		       {OCI_KERNEL_TYPE, LIMIT_KERNEL_BYTES},
		       {OCI_RAMDISK_TYPE, LIMIT_RAMDISK_BYTES}},
	2, 3, OCI_LAYERS},
    [OCI_STORE_INDEX] = {{{OCI_STORE_INDEX_TYPE, LIMIT_INDEX_ENVELOPE_BYTES}},
	1, 1, 1},
};

const char *const oci_artifact_types[OCI_KINDS] = {
    [OCI_IMAGE] = "application/vnd.assay.image.v1",
    [OCI_STORE_INDEX] = "application/vnd.assay.store-index.v1",
};

static const struct layer_kind provenance = {OCI_PROVENANCE_TYPE,
    LIMIT_ENVELOPE_BYTES};

static int decode_layers(const struct json_at *layers, enum oci_kind kind,
    struct oci_artifact *artifact, struct err *err);
static const struct layer_kind *kind_of_layer(const struct json_at *at,
    enum oci_kind kind, size_t index);
static int refuse_twice(const struct json_at *layers,
    const struct oci_artifact *artifact, struct err *err);

bool
oci_is_kind(const struct json_at *at, enum oci_kind kind)
{
	const char *type =
	    json_string_value(json_object_get(at->value, "artifactType"));

	return type != NULL && strcmp(type, oci_artifact_types[kind]) == 0;
}

const char *
oci_ref_name(const struct json_at *descriptor)
{
	json_t *annotations = json_object_get(descriptor->value, "annotations");

	return json_string_value(json_object_get(annotations, OCI_REF_NAME));
}

int
oci_descriptor_decode(const struct json_at *at, const char *media_type,
    size_t max_bytes, struct blob *ret_blob, struct err *err)
{
	struct blob blob;
	int64_t size;

	TRY(json_literal_in(at, "mediaType", media_type, err));
	TRY(json_digest_in(at, "digest", &blob.digest, err));
	TRY(json_integer_in(at, "size", 1, (int64_t)max_bytes, &size, err));
	blob.size_bytes = (uint64_t)size;
	*ret_blob = blob;
	return 0;
}

int
oci_manifest_decode(const struct json_at *root, enum oci_kind kind,
    struct oci_artifact *ret_artifact, struct err *err)
{
	struct oci_artifact artifact = {.layer_count = 0};
	struct json_at config;
	struct json_at layers;
	int64_t version;

	TRY(json_integer_in(root, "schemaVersion", 2, 2, &version, err));
	TRY(json_literal_in(root, "mediaType", OCI_MANIFEST_TYPE, err));
	TRY(json_literal_in(root, "artifactType", oci_artifact_types[kind],
	    err));
	TRY(json_object_in(root, "config", &config, err));
	TRY(oci_descriptor_decode(&config, OCI_EMPTY_TYPE, 2, &artifact.config,
	    err));
	TRY(json_array_in(root, "layers", OCI_LAYERS, &layers, err));
	TRY(decode_layers(&layers, kind, &artifact, err));
	TRY(refuse_twice(&layers, &artifact, err));
	*ret_artifact = artifact;
	return 0;
}

static int
decode_layers(const struct json_at *layers, enum oci_kind kind,
    struct oci_artifact *artifact, struct err *err)
{
	size_t count = json_array_size(layers->value);

	if (count < kinds[kind].min_count || count > kinds[kind].max_count)
		return json_refuse(layers, "[]", err,
		    "%zu layers instead of %zu to %zu", count,
		    kinds[kind].min_count, kinds[kind].max_count);
	for (size_t i = 0; i < count; i++) {
		const struct layer_kind *layer;
		struct json_at at;

		TRY(json_item_object(layers, i, &at, err));
		layer = kind_of_layer(&at, kind, i);
		artifact->file_count += layer != &provenance;
		TRY(oci_descriptor_decode(&at, layer->media_type,
		    layer->max_bytes, &artifact->layers[i], err));
	}
	artifact->layer_count = count;
	return 0;
}

/* Those that must be there by their place, the others by what they say. */
static const struct layer_kind *
kind_of_layer(const struct json_at *at, enum oci_kind kind, size_t index)
{
	const char *type =
	    json_string_value(json_object_get(at->value, "mediaType"));

	if (index < kinds[kind].min_count ||
	    (index < kinds[kind].file_count && type != NULL &&
		strcmp(type, provenance.media_type) != 0))
		return &kinds[kind].layers[index];
	return &provenance;
}

static int
refuse_twice(const struct json_at *layers, const struct oci_artifact *artifact,
    struct err *err)
{
	struct json_at twice = *layers;

	twice.code = DESCRIPTOR_DUPLICATE;
	for (size_t i = 1; i < artifact->layer_count; i++) {
		for (size_t j = 0; j < i; j++) {
			if (digest_equal(&artifact->layers[i].digest,
				&artifact->layers[j].digest))
				return json_refuse(&twice, "[]", err,
				    "layers %zu and %zu are the same blob", j,
				    i);
		}
	}
	return 0;
}
