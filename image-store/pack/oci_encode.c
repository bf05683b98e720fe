#include "image-store/pack/oci_encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "image-store/layout.h"

/* OCI_EMPTY_CONFIG in base64, and its digest: OCI manifest.md. */
static const char empty_base64[] = "e30=";
static const char empty_digest[] =
    "sha256:"
    "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";

static json_t *pack_config(void);
static json_t *pack_layers(const struct manifest *claimed,
    const struct blob *envelope);
static json_t *pack_descriptor(const char *media_type, const struct blob *blob);
static int encode(enum oci_kind kind, json_t *layers, char **ret_text,
    struct err *err);
static json_t *pack_entry(enum oci_kind kind, const char *ref_name,
    const struct blob *blob);
static int keep_others(const json_t *old, const char *ref_name, bool replace,
    json_t *entries, struct err *err);
static int sort_entries(json_t *entries, json_t **ret_sorted, struct err *err);
static int compare_entries(const void *a, const void *b);
static const char *ref_name_of(const json_t *entry);
static const char *text_of(const json_t *value);

int
oci_manifest_encode(const struct manifest *claimed, const struct blob *envelope,
    const struct provenance_list *provenance, char **ret_text, struct err *err)
{
	CLEANUP(json_freep) json_t *layers = pack_layers(claimed, envelope);

	for (size_t i = 0; i < provenance->count; i++) {
		struct bytes data = sealed_bytes(provenance->envelopes[i]);
		struct blob blob = {.size_bytes = data.len};

		TRY(digest_of(data, &blob.digest, err));
		json_array_append_new(layers,
		    pack_descriptor(OCI_PROVENANCE_TYPE, &blob));
	}
	return encode(OCI_IMAGE, take_ptr(&layers), ret_text, err);
}

int
oci_store_index_encode(const struct blob *envelope, char **ret_text,
    struct err *err)
{
	return encode(OCI_STORE_INDEX,
	    json_pack("[o]", pack_descriptor(OCI_STORE_INDEX_TYPE, envelope)),
	    ret_text, err);
}

int
oci_index_put(json_t *index, enum oci_kind kind, const char *ref_name,
    const struct blob *oci_manifest, bool replace, struct err *err)
{
	CLEANUP(json_freep) json_t *entries = json_array();
	CLEANUP(json_freep) json_t *sorted = NULL;

	TRY(keep_others(json_object_get(index, "manifests"), ref_name, replace,
	    entries, err));
	if (json_array_append_new(entries,
		pack_entry(kind, ref_name, oci_manifest)) != 0)
		return err_set(err, NO_MEMORY, "index entry");
	TRY(sort_entries(entries, &sorted, err));
	if (json_object_set(index, "manifests", sorted) != 0)
		return err_set(err, NO_MEMORY, "index");
	return 0;
}

int
oci_index_encode(const json_t *index, char **ret_text, struct err *err)
{
	CLEANUP(freep) char *text = json_dumps(index, JSON_COMPACT);
	size_t count = json_array_size(json_object_get(index, "manifests"));

	if (text == NULL)
		return err_set(err, NO_MEMORY, "index text");
	if (count > LIMIT_INDEX_IMAGES || strlen(text) > LIMIT_INDEX_BYTES)
		return err_set(err, STORE_TOO_LARGE,
		    "index: no room for %zu descriptors", count);
	*ret_text = take_ptr(&text);
	return 0;
}

/* Takes `layers`. */
static int
encode(enum oci_kind kind, json_t *layers, char **ret_text, struct err *err)
{
	CLEANUP(json_freep)
	json_t *document = json_pack("{s:i, s:s, s:s, s:o, s:o}",
	    "schemaVersion", 2, "mediaType", OCI_MANIFEST_TYPE, "artifactType",
	    oci_artifact_types[kind], "config", pack_config(), "layers",
	    layers);
	char *text = json_dumps(document, JSON_COMPACT);

	if (text == NULL)
		return err_set(err, NO_MEMORY, "OCI manifest");
	*ret_text = text;
	return 0;
}

static json_t *
pack_config(void)
{
	return json_pack("{s:s, s:s, s:i, s:s}", "mediaType", OCI_EMPTY_TYPE,
	    "digest", empty_digest, "size", (int)strlen(OCI_EMPTY_CONFIG),
	    "data", empty_base64);
}

static json_t *
pack_layers(const struct manifest *claimed, const struct blob *envelope)
{
	json_t *descriptor = pack_descriptor(OCI_ENVELOPE_TYPE, envelope);
	json_t *kernel = pack_descriptor(OCI_KERNEL_TYPE, &claimed->kernel);

	if (!claimed->has_ramdisk)
		return json_pack("[o, o]", descriptor, kernel);
	return json_pack("[o, o, o]", descriptor, kernel,
	    pack_descriptor(OCI_RAMDISK_TYPE, &claimed->ramdisk));
}

static json_t *
pack_descriptor(const char *media_type, const struct blob *blob)
{
	char digest[DIGEST_TEXT_SIZE];

	digest_text(&blob->digest, digest);
	return json_pack("{s:s, s:s, s:I}", "mediaType", media_type, "digest",
	    digest, "size", (json_int_t)blob->size_bytes);
}

static json_t *
pack_entry(enum oci_kind kind, const char *ref_name, const struct blob *blob)
{
	char digest[DIGEST_TEXT_SIZE];

	digest_text(&blob->digest, digest);
	return json_pack("{s:s, s:s, s:s, s:I, s:{s:s}}", "mediaType",
	    OCI_MANIFEST_TYPE, "artifactType", oci_artifact_types[kind],
	    "digest", digest, "size", (json_int_t)blob->size_bytes,
	    "annotations", OCI_REF_NAME, ref_name);
}

static int
keep_others(const json_t *old, const char *ref_name, bool replace,
    json_t *entries, struct err *err)
{
	for (size_t i = 0; i < json_array_size(old); i++) {
		json_t *entry = json_array_get(old, i);
		bool is_same = strcmp(ref_name_of(entry), ref_name) == 0;

		if (is_same && !replace)
			return err_set(err, FILE_EXISTS,
			    "the store has %s already", ref_name);
		if (!is_same && json_array_append(entries, entry) != 0)
			return err_set(err, NO_MEMORY, "index entry");
	}
	return 0;
}

static int
sort_entries(json_t *entries, json_t **ret_sorted, struct err *err)
{
	size_t count = json_array_size(entries);
	CLEANUP(freep) json_t **order = calloc(count, sizeof(*order));
	CLEANUP(json_freep) json_t *sorted = json_array();

	if (order == NULL)
		return err_set(err, NO_MEMORY, "%zu images", count);
	for (size_t i = 0; i < count; i++)
		order[i] = json_array_get(entries, i);
	qsort(order, count, sizeof(*order), compare_entries);
	for (size_t i = 0; i < count; i++) {
		if (json_array_append(sorted, order[i]) != 0)
			return err_set(err, NO_MEMORY, "%zu images", count);
	}
	*ret_sorted = take_ptr(&sorted);
	return 0;
}

static int
compare_entries(const void *a, const void *b)
{
	const json_t *one = *(json_t *const *)a;
	const json_t *other = *(json_t *const *)b;
	int order = strcmp(ref_name_of(one), ref_name_of(other));

	if (order != 0)
		return order;
	return strcmp(text_of(json_object_get(one, "digest")),
	    text_of(json_object_get(other, "digest")));
}

/* "" for an entry that has none. */
static const char *
ref_name_of(const json_t *entry)
{
	const json_t *annotations = json_object_get(entry, "annotations");

	return text_of(json_object_get(annotations, OCI_REF_NAME));
}

static const char *
text_of(const json_t *value)
{
	return json_is_string(value) ? json_string_value(value) : "";
}
