#include "image-store/layout.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/json.h"
#include "base/scope.h"
#include "image-store/manifest.h"

#define LAYOUT_FILE_BYTES LIMIT_KIB(4)
#define STORE_JSON_DEPTH  16

/* A blob, as a descriptor claims it. */
struct descriptor {
	struct digest digest;
	size_t size_bytes;
};

static int check_version(int dir_fd, struct err *err);
static int read_json(int dir_fd, const char *path, size_t max_bytes,
    json_t **ret_document, struct err *err);
static int read_entries(int dir_fd, const struct json_at *manifests,
    const char *name, struct layout_list *list, struct err *err);
static int read_entry(int dir_fd, const struct json_at *at, const char *name,
    struct layout_list *list, struct err *err);
static bool has_our_type(const struct json_at *at);
static int read_claim(const struct json_at *at, struct layout_entry *entry,
    struct descriptor *ret_oci_manifest, struct err *err);
static int read_ref_name(const struct json_at *at, struct layout_entry *entry,
    struct err *err);
static int read_oci_manifest(int dir_fd, const struct descriptor *descriptor,
    json_t **ret_document, struct err *err);
static int decode_oci_manifest(const struct json_at *root,
    struct digest *ret_envelope, struct err *err);
static int decode_layers(const struct json_at *layers,
    struct digest *ret_envelope, struct err *err);
static int decode_descriptor(const struct json_at *at, const char *media_type,
    size_t max_bytes, struct descriptor *ret_descriptor, struct err *err);
static int open_file(int dir_fd, const char *path, int *ret_fd,
    size_t *ret_size_bytes, struct err *err);
static int refuse_open(const char *path, struct err *err);
static int blame_store(struct err *err);

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
	TRY(layout_check(fd, err));
	*ret_dir_fd = take_fd(&fd);
	return 0;
}

int
layout_check(int dir_fd, struct err *err)
{
	return check_version(dir_fd, err);
}

int
layout_read_index(int dir_fd, json_t **ret_index, struct err *err)
{
	CLEANUP(json_freep) json_t *index = NULL;
	struct json_at root;
	struct json_at manifests;
	int64_t version;

	TRY(read_json(dir_fd, LAYOUT_INDEX_FILE, LIMIT_INDEX_BYTES, &index,
	    err));
	root = json_root(index, STORE_MALFORMED);
	TRY(json_integer_in(&root, "schemaVersion", 2, 2, &version, err));
	TRY(json_array_in(&root, "manifests", LIMIT_INDEX_IMAGES, &manifests,
	    err));
	*ret_index = take_ptr(&index);
	return 0;
}

int
layout_read(int dir_fd, const char *name, struct layout_list *ret_list,
    struct err *err)
{
	CLEANUP(json_freep) json_t *index = NULL;
	CLEANUP(layout_list_done) struct layout_list list = {0};
	struct json_at root;
	struct json_at manifests;

	TRY(layout_read_index(dir_fd, &index, err));
	root = json_root(index, STORE_MALFORMED);
	TRY(json_array_in(&root, "manifests", LIMIT_INDEX_IMAGES, &manifests,
	    err));
	TRY(read_entries(dir_fd, &manifests, name, &list, err));
	*ret_list = list;
	list = (struct layout_list){0};
	return 0;
}

void
layout_list_done(struct layout_list *list)
{
	free(list->entries);
	*list = (struct layout_list){0};
}

int
layout_copy_blob(int dir_fd, const struct digest *digest, uint64_t size_bytes,
    const char *what, struct sealed **ret_blob, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	char path[LAYOUT_BLOB_PATH_SIZE];
	size_t len;

	layout_blob_path(digest, path);
	if (open_file(dir_fd, path, &fd, &len, err) != 0)
		return err_prefix(err, "%s", what);
	if (len != size_bytes)
		return err_set(err, IMAGE_SIZE_MISMATCH,
		    "%s: %zu bytes instead of %llu", what, len,
		    (unsigned long long)size_bytes);
	return sealed_copy_exact(fd, len, what, ret_blob, err);
}

int
layout_copy_blob_max(int dir_fd, const struct digest *digest, size_t max_bytes,
    const char *what, struct sealed **ret_blob, struct err *err)
{
	CLEANUP(closep) int fd = -1;
	char path[LAYOUT_BLOB_PATH_SIZE];
	size_t len;

	layout_blob_path(digest, path);
	if (open_file(dir_fd, path, &fd, &len, err) != 0)
		return err_prefix(err, "%s", what);
	return sealed_copy_max(fd, max_bytes, what, ret_blob, err);
}

static int
check_version(int dir_fd, struct err *err)
{
	CLEANUP(json_freep) json_t *document = NULL;
	struct json_at root;

	TRY(read_json(dir_fd, LAYOUT_FILE, LAYOUT_FILE_BYTES, &document, err));
	root = json_root(document, STORE_MALFORMED);
	TRY(json_literal_in(&root, "imageLayoutVersion", LAYOUT_VERSION, err));
	return 0;
}

static int
read_json(int dir_fd, const char *path, size_t max_bytes, json_t **ret_document,
    struct err *err)
{
	CLEANUP(closep) int fd = -1;
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	size_t len;

	if (open_file(dir_fd, path, &fd, &len, err) != 0)
		return err->sys == ENOENT ? blame_store(err) : (int)err->code;
	if (len > max_bytes)
		return err_set(err, STORE_MALFORMED, "%s: %zu bytes, limit %zu",
		    path, len, max_bytes);
	if (sealed_copy_exact(fd, len, path, &text, err) != 0)
		return blame_store(err);
	return json_parse(sealed_bytes(text), STORE_JSON_DEPTH, path,
	    STORE_MALFORMED, ret_document, err);
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
	CLEANUP(json_freep) json_t *document = NULL;
	bool is_ours = has_our_type(at);
	struct layout_entry entry = {0};
	struct descriptor descriptor;
	struct json_at root;

	if (!is_ours && json_has(at, "artifactType"))
		return 0;
	if (read_claim(at, &entry, &descriptor, err) != 0)
		return is_ours ? (int)err->code : 0;
	if (name != NULL && strcmp(name, entry.claimed_name) != 0)
		return 0;
	TRY(read_oci_manifest(dir_fd, &descriptor, &document, err));
	root = json_root(document, STORE_MALFORMED);
	if (!is_ours && !has_our_type(&root))
		return 0;
	if (decode_oci_manifest(&root, &entry.envelope, err) != 0)
		return err_prefix(err, "OCI manifest of %s:%s",
		    entry.claimed_name, entry.claimed_version);
	list->entries[list->count++] = entry;
	return 0;
}

static bool
has_our_type(const struct json_at *at)
{
	const char *type =
	    json_string_value(json_object_get(at->value, "artifactType"));

	return type != NULL && strcmp(type, LAYOUT_ARTIFACT_TYPE) == 0;
}

static int
read_claim(const struct json_at *at, struct layout_entry *entry,
    struct descriptor *ret_oci_manifest, struct err *err)
{
	TRY(read_ref_name(at, entry, err));
	TRY(decode_descriptor(at, LAYOUT_OCI_MANIFEST_TYPE,
	    LIMIT_OCI_MANIFEST_BYTES, ret_oci_manifest, err));
	entry->oci_manifest = ret_oci_manifest->digest;
	return 0;
}

static int
read_ref_name(const struct json_at *at, struct layout_entry *entry,
    struct err *err)
{
	struct json_at annotations;
	const char *ref_name;
	const char *colon;

	TRY(json_object_in(at, "annotations", &annotations, err));
	TRY(json_string_in(&annotations, LAYOUT_REF_NAME, LAYOUT_REF_NAME_BYTES,
	    &ref_name, err));
	colon = strchr(ref_name, ':');
	if (colon == NULL || colon - ref_name > LIMIT_NAME_BYTES ||
	    strlen(colon + 1) > LIMIT_VERSION_BYTES)
		return json_refuse(at, LAYOUT_REF_NAME, err,
		    "not NAME:VERSION");
	memcpy(entry->claimed_name, ref_name, (size_t)(colon - ref_name));
	memcpy(entry->claimed_version, colon + 1, strlen(colon + 1));
	if (!manifest_name_is_valid(entry->claimed_name) ||
	    !manifest_version_is_valid(entry->claimed_version))
		return json_refuse(at, LAYOUT_REF_NAME, err,
		    "not NAME:VERSION");
	return 0;
}

/* The one blob whose digest is checked here: what is listed should be true. */
static int
read_oci_manifest(int dir_fd, const struct descriptor *descriptor,
    json_t **ret_document, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	struct digest digest;

	if (layout_copy_blob(dir_fd, &descriptor->digest,
		descriptor->size_bytes, "OCI manifest", &text, err) != 0)
		return blame_store(err);
	TRY(digest_of(sealed_bytes(text), &digest, err));
	if (!digest_equal(&digest, &descriptor->digest))
		return err_set(err, STORE_MALFORMED,
		    "OCI manifest: does not have the digest of its name");
	return json_parse(sealed_bytes(text), STORE_JSON_DEPTH, "OCI manifest",
	    STORE_MALFORMED, ret_document, err);
}

static int
decode_oci_manifest(const struct json_at *root, struct digest *ret_envelope,
    struct err *err)
{
	struct descriptor empty;
	struct json_at config;
	struct json_at layers;
	int64_t version;

	TRY(json_integer_in(root, "schemaVersion", 2, 2, &version, err));
	TRY(json_literal_in(root, "mediaType", LAYOUT_OCI_MANIFEST_TYPE, err));
	TRY(json_literal_in(root, "artifactType", LAYOUT_ARTIFACT_TYPE, err));
	TRY(json_object_in(root, "config", &config, err));
	TRY(decode_descriptor(&config, LAYOUT_OCI_EMPTY_TYPE, 2, &empty, err));
	TRY(json_array_in(root, "layers", 3, &layers, err));
	TRY(decode_layers(&layers, ret_envelope, err));
	return 0;
}

static int
decode_layers(const struct json_at *layers, struct digest *ret_envelope,
    struct err *err)
{
	static const struct {
		const char *media_type;
		size_t max_bytes;
	} kinds[] = {
	    {LAYOUT_ENVELOPE_TYPE, LIMIT_ENVELOPE_BYTES},
	    {LAYOUT_KERNEL_TYPE, LIMIT_KERNEL_BYTES},
	    {LAYOUT_RAMDISK_TYPE, LIMIT_RAMDISK_BYTES},
	};
	struct descriptor layer[countof(kinds)];
	size_t count = json_array_size(layers->value);

	if (count < 2 || count > countof(kinds))
		return json_refuse(layers, "[]", err,
		    "%zu layers instead of 2 or 3", count);
	for (size_t i = 0; i < count; i++) {
		struct json_at at;

		TRY(json_item_object(layers, i, &at, err));
		TRY(decode_descriptor(&at, kinds[i].media_type,
		    kinds[i].max_bytes, &layer[i], err));
	}
	*ret_envelope = layer[0].digest;
	return 0;
}

static int
decode_descriptor(const struct json_at *at, const char *media_type,
    size_t max_bytes, struct descriptor *ret_descriptor, struct err *err)
{
	int64_t size;

	TRY(json_literal_in(at, "mediaType", media_type, err));
	TRY(json_digest_in(at, "digest", &ret_descriptor->digest, err));
	TRY(json_integer_in(at, "size", 1, (int64_t)max_bytes, &size, err));
	ret_descriptor->size_bytes = (size_t)size;
	return 0;
}

/* O_NONBLOCK, so that a FIFO does not hold up the reader. */
static int
open_file(int dir_fd, const char *path, int *ret_fd, size_t *ret_size_bytes,
    struct err *err)
{
	struct open_how how = {
	    .flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	    .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};
	CLEANUP(closep)
	int fd = (int)syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));
	struct stat st;

	if (fd < 0)
		return refuse_open(path, err);
	if (fstat(fd, &st) != 0)
		return err_set_errno(err, STORE_IO, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size < 0)
		return err_set(err, STORE_MALFORMED, "%s: not a regular file",
		    path);
	*ret_fd = take_fd(&fd);
	*ret_size_bytes = (size_t)st.st_size;
	return 0;
}

static int
refuse_open(const char *path, struct err *err)
{
	if (errno == ELOOP)
		return err_set(err, STORE_MALFORMED,
		    "%s: a symbolic link is in its path", path);
	return err_set_errno(err, STORE_IO, "%s", path);
}

/* A wrong size is the store's fault here, and not that of an image. */
static int
blame_store(struct err *err)
{
	if (err->code == IMAGE_SIZE_MISMATCH || err->sys == ENOENT)
		err->code = STORE_MALFORMED;
	return (int)err->code;
}
