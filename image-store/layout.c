#include "image-store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/sealing.h"
#include "base/json.h"
#include "base/scope.h"
#include "image-store/image_name.h"
#include "image-store/layout_file.h"
#include "image-store/manifest.h"

#define LAYOUT_FILE_BYTES LIMIT_KIB(4)

static int read_manifests(int dir_fd, json_t **ret_index,
    struct json_at *ret_manifests, struct err *err);
static int read_entries(int dir_fd, const struct json_at *manifests,
    const char *name, struct layout_list *list, struct err *err);
static int read_entry(int dir_fd, const struct json_at *at, const char *name,
    struct layout_list *list, struct err *err);
static int read_claim(const struct json_at *at, struct layout_entry *entry,
    struct err *err);
static int read_ref_name(const struct json_at *at, struct layout_entry *entry,
    struct err *err);
static int refuse_duplicates(struct layout_list *list, struct err *err);
static int compare_entries(const void *a, const void *b);
static int read_document(int dir_fd, const struct blob *oci_manifest,
    struct sealed **ret_text, json_t **ret_document, struct err *err);
static int blame_descriptor(struct err *err);
static int read_store_index(int dir_fd, const struct json_at *at,
    struct blob *ret_oci_manifest, struct oci_artifact *ret_artifact,
    bool *ret_found, struct err *err);

void
layout_blob_path(const struct digest *digest,
    char ret_path[LAYOUT_BLOB_PATH_SIZE])
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(digest, hex);
	snprintf(ret_path, LAYOUT_BLOB_PATH_SIZE, "%s/%s", LAYOUT_BLOB_DIR,
	    hex);
}

int
layout_open(const char *path, int *ret_dir_fd, struct err *err)
{
	CLEANUP(closep) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set_errno(err, STORE_IO, "store %s",
		    err_quote_str(path).text);
	if (layout_check(fd, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	*ret_dir_fd = take_fd(&fd);
	return 0;
}

int
layout_open_list(const char *path, int *ret_dir_fd,
    struct layout_list *ret_list, struct err *err)
{
	CLEANUP(closep) int fd = -1;

	TRY(layout_open(path, &fd, err));
	if (layout_read(fd, NULL, ret_list, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	*ret_dir_fd = take_fd(&fd);
	return 0;
}

int
layout_check(int dir_fd, struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct json_at root;

	TRY(layout_file_json(dir_fd, LAYOUT_FILE, LAYOUT_FILE_BYTES, &document,
	    err));
	root = json_root(document, STORE_MALFORMED);
	return json_literal_in(&root, "imageLayoutVersion", LAYOUT_VERSION,
	    err);
}

int
layout_read_index(int dir_fd, json_t **ret_index, struct err *err)
{
	struct json_at manifests;

	return read_manifests(dir_fd, ret_index, &manifests, err);
}

int
layout_read(int dir_fd, const char *name, struct layout_list *ret_list,
    struct err *err)
{
	CLEANUP(json_freep) json_t *index = NULL;
	CLEANUP(layout_list_done) struct layout_list list = {0};
	struct json_at manifests;

	TRY(read_manifests(dir_fd, &index, &manifests, err));
	TRY(read_entries(dir_fd, &manifests, name, &list, err));
	TRY(refuse_duplicates(&list, err));
	*ret_list = list;
	list = (struct layout_list){0};
	return 0;
}

int
layout_read_manifest(int dir_fd, const struct blob *oci_manifest,
    enum oci_kind kind, struct oci_artifact *ret_artifact,
    struct sealed **ret_text, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	CLEANUP(json_freep) json_t *document = NULL;
	struct json_at root;

	TRY(read_document(dir_fd, oci_manifest, &text, &document, err));
	root = json_root(document, STORE_MALFORMED);
	TRY(oci_manifest_decode(&root, kind, ret_artifact, err));
	if (ret_text != NULL)
		*ret_text = take_ptr(&text);
	return 0;
}

int
layout_find_store_index(int dir_fd, struct blob *ret_oci_manifest,
    struct oci_artifact *ret_artifact, struct err *err)
{
	CLEANUP(json_freep) json_t *index = NULL;
	struct json_at manifests;
	bool has_one = false;

	TRY(read_manifests(dir_fd, &index, &manifests, err));
	for (size_t i = 0; i < json_array_size(manifests.value); i++) {
		struct json_at at;
		bool found = false;

		TRY(json_item_object(&manifests, i, &at, err));
		TRY(read_store_index(dir_fd, &at, ret_oci_manifest,
		    ret_artifact, &found, err));
		if (found && has_one)
			return err_set(err, DESCRIPTOR_DUPLICATE,
			    "index.json: two signed store indexes");
		has_one = has_one || found;
	}
	if (!has_one)
		return err_set(err, STORE_INDEX_MISSING,
		    "index.json: no signed store index is listed");
	return 0;
}

int
layout_copy_store_index(int dir_fd, struct sealed **ret_envelope,
    struct err *err)
{
	struct oci_artifact artifact;
	struct blob oci_manifest;

	TRY(layout_find_store_index(dir_fd, &oci_manifest, &artifact, err));
	return layout_copy_blob(dir_fd, &artifact.layers[0].digest,
	    artifact.layers[0].size_bytes, "store index", ret_envelope, err);
}

int
layout_open_blob(int dir_fd, const struct digest *digest, int *ret_fd,
    size_t *ret_size_bytes, struct err *err)
{
	char path[LAYOUT_BLOB_PATH_SIZE];

	layout_blob_path(digest, path);
	return layout_file_open(dir_fd, path, ret_fd, ret_size_bytes, err);
}

int
layout_open_exact(int dir_fd, const struct digest *digest, uint64_t size_bytes,
    const char *what, int *ret_fd, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	size_t len;

	if (layout_open_blob(dir_fd, digest, &fd, &len, err) != 0)
		return err_prefix(err, "%s", what);
	if (len != size_bytes)
		return err_set(err, IMAGE_SIZE_MISMATCH,
		    "%s: %zu bytes instead of %llu", what, len,
		    (unsigned long long)size_bytes);
	*ret_fd = take_fd(&fd);
	return 0;
}

int
layout_copy_blob(int dir_fd, const struct digest *digest, uint64_t size_bytes,
    const char *what, struct sealed **ret_blob, struct err *err)
{
	CLEANUP(closep) int fd = -1;

	TRY(layout_open_exact(dir_fd, digest, size_bytes, what, &fd, err));
	return sealed_copy_exact(fd, size_bytes, what, ret_blob, err);
}

int
layout_copy_blob_max(int dir_fd, const struct digest *digest, size_t max_bytes,
    const char *what, struct sealed **ret_blob, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	size_t len;

	if (layout_open_blob(dir_fd, digest, &fd, &len, err) != 0)
		return err_prefix(err, "%s", what);
	return sealed_copy_max(fd, max_bytes, what, ret_blob, err);
}

static int
read_manifests(int dir_fd, json_t **ret_index, struct json_at *ret_manifests,
    struct err *err)
{
	CLEANUP(json_freep) json_t *index = NULL;
	struct json_at root;
	int64_t version;
	size_t count;

	TRY(layout_file_json(dir_fd, LAYOUT_INDEX_FILE, LIMIT_INDEX_BYTES,
	    &index, err));
	root = json_root(index, STORE_MALFORMED);
	TRY(json_integer_in(&root, "schemaVersion", 2, 2, &version, err));
	TRY(json_array_in(&root, "manifests", SIZE_MAX, ret_manifests, err));
	count = json_array_size(ret_manifests->value);
	if (count > LIMIT_INDEX_IMAGES)
		return err_set(err, STORE_TOO_LARGE,
		    "index.json: %zu descriptors, limit %d", count,
		    LIMIT_INDEX_IMAGES);
	*ret_index = take_ptr(&index);
	return 0;
}

static int
read_entries(int dir_fd, const struct json_at *manifests, const char *name,
    struct layout_list *list, struct err *err)
{
	size_t count = json_array_size(manifests->value);

	/* One more: calloc of nothing may be NULL. */
	list->entries = calloc(count + 1, sizeof(list->entries[0]));
	if (list->entries == NULL)
		return err_set(err, NO_MEMORY, "%zu images", count);
	for (size_t i = 0; i < count; i++) {
		struct json_at at;

		TRY(json_item_object(manifests, i, &at, err));
		TRY(read_entry(dir_fd, &at, name, list, err));
	}
	return 0;
}

/* Add the image to the list, if it is one. */
static int
read_entry(int dir_fd, const struct json_at *at, const char *name,
    struct layout_list *list, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	CLEANUP(json_freep) json_t *document = NULL;
	bool is_ours = oci_is_kind(at, OCI_IMAGE);
	struct layout_entry entry = {0};
	struct oci_artifact artifact;
	struct json_at root;

	if (!is_ours && json_has(at, "artifactType"))
		return 0;
	if (read_claim(at, &entry, err) != 0)
		return is_ours ? (int)err->code : 0;
	if (name != NULL && strcmp(name, entry.claimed_name) != 0)
		return 0;
	TRY(read_document(dir_fd, &entry.oci_manifest, &text, &document, err));
	root = json_root(document, STORE_MALFORMED);
	if (!is_ours && !oci_is_kind(&root, OCI_IMAGE))
		return 0;
	if (oci_manifest_decode(&root, OCI_IMAGE, &artifact, err) != 0)
		return err_prefix(err, "OCI manifest of %s:%s",
		    entry.claimed_name, entry.claimed_version);
	entry.envelope = artifact.layers[0].digest;
	for (size_t i = artifact.file_count; i < artifact.layer_count; i++)
		entry.provenance[entry.provenance_count++] =
		    artifact.layers[i].digest;
	list->entries[list->count++] = entry;
	return 0;
}

static int
read_claim(const struct json_at *at, struct layout_entry *entry,
    struct err *err)
{
	TRY(read_ref_name(at, entry, err));
	return oci_descriptor_decode(at, OCI_MANIFEST_TYPE,
	    LIMIT_OCI_MANIFEST_BYTES, &entry->oci_manifest, err);
}

static int
read_ref_name(const struct json_at *at, struct layout_entry *entry,
    struct err *err)
{
	struct json_at annotations;
	const char *ref_name;
	const char *colon;

	TRY(json_object_in(at, "annotations", &annotations, err));
	TRY(json_string_in(&annotations, OCI_REF_NAME, LAYOUT_REF_NAME_BYTES,
	    &ref_name, err));
	colon = strchr(ref_name, ':');
	if (colon == NULL || colon - ref_name > LIMIT_NAME_BYTES ||
	    strlen(colon + 1) > LIMIT_VERSION_BYTES)
		return json_refuse(at, OCI_REF_NAME, err, "not NAME:VERSION");
	memcpy(entry->claimed_name, ref_name, (size_t)(colon - ref_name));
	memcpy(entry->claimed_version, colon + 1, strlen(colon + 1));
	if (!image_name_is_valid(entry->claimed_name) ||
	    !image_version_is_valid(entry->claimed_version))
		return json_refuse(at, OCI_REF_NAME, err, "not NAME:VERSION");
	return 0;
}

/* Looked at in an order of its own; the list keeps that of the index. */
static int
refuse_duplicates(struct layout_list *list, struct err *err)
{
	CLEANUP(freep)
	const struct layout_entry **order =
	    calloc(list->count + 1, sizeof(*order));

	if (order == NULL)
		return err_set(err, NO_MEMORY, "%zu images", list->count);
	for (size_t i = 0; i < list->count; i++)
		order[i] = &list->entries[i];
	qsort(order, list->count, sizeof(*order), compare_entries);
	for (size_t i = 1; i < list->count; i++) {
		const struct layout_entry *one = order[i];

		if (compare_entries(&order[i - 1], &order[i]) != 0)
			continue;
		return err_set_field(err,
		    digest_equal(&order[i - 1]->oci_manifest.digest,
			&one->oci_manifest.digest)
			? DESCRIPTOR_DUPLICATE
			: IMAGE_DUPLICATE,
		    "manifests", "index.json: manifests: %s:%s is listed twice",
		    one->claimed_name, one->claimed_version);
	}
	return 0;
}

static int
compare_entries(const void *a, const void *b)
{
	const struct layout_entry *one = *(const struct layout_entry *const *)a;
	const struct layout_entry *other =
	    *(const struct layout_entry *const *)b;
	int order = strcmp(one->claimed_name, other->claimed_name);

	if (order != 0)
		return order;
	return strcmp(one->claimed_version, other->claimed_version);
}

/* The one blob whose digest is checked here: what is listed should be true. */
static int
read_document(int dir_fd, const struct blob *oci_manifest,
    struct sealed **ret_text, json_t **ret_document, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	struct digest digest;

	if (layout_copy_blob(dir_fd, &oci_manifest->digest,
		oci_manifest->size_bytes, "OCI manifest", &text, err) != 0)
		return blame_descriptor(err);
	TRY(digest_of(sealed_bytes(text), &digest, err));
	if (!digest_equal(&digest, &oci_manifest->digest))
		return err_set(err, BLOB_DIGEST_MISMATCH,
		    "OCI manifest: does not have the digest of its name");
	TRY(json_parse(sealed_bytes(text), LAYOUT_JSON_DEPTH, "OCI manifest",
	    STORE_MALFORMED, ret_document, err));
	*ret_text = take_ptr(&text);
	return 0;
}

/* What a descriptor says is no signed size. */
static int
blame_descriptor(struct err *err)
{
	if (err->code == IMAGE_SIZE_MISMATCH)
		err->code = BLOB_SIZE_MISMATCH;
	else if (err->sys == ENOENT)
		err->code = STORE_MALFORMED;
	return (int)err->code;
}

/* By its artifactType, or by its ref.name if a tool dropped that. */
static int
read_store_index(int dir_fd, const struct json_at *at,
    struct blob *ret_oci_manifest, struct oci_artifact *ret_artifact,
    bool *ret_found, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	CLEANUP(json_freep) json_t *document = NULL;
	const char *ref_name = oci_ref_name(at);
	struct json_at root;

	if (!oci_is_kind(at, OCI_STORE_INDEX) &&
	    (json_has(at, "artifactType") || ref_name == NULL ||
		strcmp(ref_name, LAYOUT_STORE_INDEX_NAME) != 0))
		return 0;
	TRY(oci_descriptor_decode(at, OCI_MANIFEST_TYPE,
	    LIMIT_OCI_MANIFEST_BYTES, ret_oci_manifest, err));
	TRY(read_document(dir_fd, ret_oci_manifest, &text, &document, err));
	root = json_root(document, STORE_MALFORMED);
	TRY(oci_manifest_decode(&root, OCI_STORE_INDEX, ret_artifact, err));
	*ret_found = true;
	return 0;
}
