#include "store_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/scope.h"
#include "image-store/layout.h"
#include "image-store/layout_file.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"

#define EMPTY_HEX \
	"44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"

/* A store "store" with web:1 and web:2 and db:1. */
static int
enter_store(void **state)
{
	static const char *const images[][3] = {{"dir-web-2", "web", "2"},
	    {"dir-db", "db", "1"}, {"dir-web-1", "web", "1"}};
	struct err err;

	if (enter_directory(state) != 0)
		return -1;
	assert_code(layout_init("store", &err), 0);
	for (size_t i = 0; i < countof(images); i++) {
		make_image_dir(images[i][0], images[i][1], images[i][2]);
		assert_code(layout_add("store", images[i][0], false, &err), 0);
	}
	return 0;
}

static json_t *
read_index(void)
{
	json_t *index = json_load_file("store/index.json", 0, NULL);

	assert_non_null(index);
	return index;
}

/* Takes the tree. */
static void
write_index(json_t *index)
{
	CLEANUP(freep) char *text = tree_text(index);

	write_file("store/index.json", bytes_of_str(text));
	json_decref(index);
}

static json_t *
index_entry(json_t *index, size_t i)
{
	json_t *entry = json_array_get(json_object_get(index, "manifests"), i);

	assert_non_null(entry);
	return entry;
}

/* The path of the blob that a descriptor names. */
static const char *
blob_path(const json_t *descriptor)
{
	static char path[128];
	const char *digest =
	    json_string_value(json_object_get(descriptor, "digest"));

	snprintf(path, sizeof(path), "store/blobs/sha256/%s", digest + 7);
	return path;
}

/* Put another blob where a descriptor points to; the digest is right. */
static void
point_to(json_t *descriptor, struct bytes data)
{
	struct digest digest;
	struct err err;
	char text[DIGEST_TEXT_SIZE];

	digest_of(data, &digest, &err);
	digest_text(&digest, text);
	json_object_set_new(descriptor, "digest", json_string(text));
	json_object_set_new(descriptor, "size",
	    json_integer((json_int_t)data.len));
	write_file(blob_path(descriptor), data);
}

/* What layout_read returns, and how many entries if that is 0. */
static int
try_read(const char *name, size_t *ret_count)
{
	CLEANUP(layout_list_done) struct layout_list list = {UNTOUCHED, 77};
	CLEANUP(closep) int dir_fd = -1;
	struct err err;
	int code;

	assert_code(layout_open("store", &dir_fd, &err), 0);
	code = layout_read(dir_fd, name, &list, &err);
	*ret_count = list.count;
	if (code != 0) {
		assert_ptr_equal(list.entries, UNTOUCHED);
		assert_int_equal(list.count, 77);
		list.entries = NULL;
	}
	return code;
}

static int
read_all(void)
{
	size_t count;

	return try_read(NULL, &count);
}

static size_t
count_all(void)
{
	size_t count;

	assert_code(try_read(NULL, &count), 0);
	return count;
}

static int
try_open(void)
{
	int dir_fd = 77;
	struct err err;
	int code = layout_open("store", &dir_fd, &err);

	if (code == 0)
		close(dir_fd);
	else
		assert_int_equal(dir_fd, 77);
	return code;
}

static void
layout_read_lists_what_was_added(void **state)
{
	static const char *const names[][2] = {{"db", "1"}, {"web", "1"},
	    {"web", "2"}};
	CLEANUP(layout_list_done) struct layout_list list = {0};
	CLEANUP(closep) int dir_fd = -1;
	struct err err;

	(void)state;
	assert_code(layout_open("store", &dir_fd, &err), 0);
	assert_code(layout_read(dir_fd, NULL, &list, &err), 0);
	assert_int_equal(list.count, countof(names));
	for (size_t i = 0; i < list.count; i++) {
		CLEANUP(sealed_freep) struct sealed *envelope = NULL;
		CLEANUP(buffer_done) struct buffer original = {0};
		char path[64];

		assert_string_equal(list.entries[i].claimed_name, names[i][0]);
		assert_string_equal(list.entries[i].claimed_version,
		    names[i][1]);
		snprintf(path, sizeof(path), "dir-%s%s%s/manifest.dsse",
		    names[i][0], i == 0 ? "" : "-", i == 0 ? "" : names[i][1]);
		original = read_file(path);
		assert_code(layout_copy_blob_max(dir_fd,
				&list.entries[i].envelope, LIMIT_ENVELOPE_BYTES,
				"envelope", &envelope, &err),
		    0);
		assert_true(bytes_equal(sealed_bytes(envelope),
		    buffer_bytes(&original)));
	}
}

static void
layout_read_lists_one_name(void **state)
{
	size_t count;

	(void)state;
	assert_code(try_read("web", &count), 0);
	assert_int_equal(count, 2);
	assert_code(try_read("db", &count), 0);
	assert_int_equal(count, 1);
	assert_code(try_read("we", &count), 0);
	assert_int_equal(count, 0);
	assert_code(try_read("web:1", &count), 0);
	assert_int_equal(count, 0);
}

/* So that one image's broken manifest does not stop the start of another. */
static void
layout_read_of_one_name_reads_no_other_manifest(void **state)
{
	json_t *index = read_index();
	size_t count;

	(void)state;
	assert_int_equal(unlink(blob_path(index_entry(index, 0))), 0);
	json_decref(index);
	assert_code(try_read("web", &count), 0);
	assert_code(try_read("db", &count), STORE_MALFORMED);
}

static void
layout_open_refuses_a_missing_store(void **state)
{
	int dir_fd = 77;
	struct err err;

	(void)state;
	assert_code(layout_open("nowhere", &dir_fd, &err), STORE_IO);
	assert_code(layout_open("store/index.json", &dir_fd, &err), STORE_IO);
	assert_int_equal(dir_fd, 77);
}

static void
layout_open_refuses_a_bad_oci_layout(void **state)
{
	static const char *const texts[] = {"", "{}", "[]",
	    "{\"imageLayoutVersion\":\"1.0.1\"}",
	    "{\"imageLayoutVersion\":1.0}"};
	static const char trailing[] = "{\"imageLayoutVersion\":\"1.0.0\"}{}";
	static const char twice[] = "{\"imageLayoutVersion\":\"1.0.0\","
				    "\"imageLayoutVersion\":\"1.0.0\"}";
	static const uint8_t large[5000];

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		write_file("store/oci-layout", bytes_of_str(texts[i]));
		assert_code(try_open(), STORE_MALFORMED);
	}
	write_file("store/oci-layout", bytes_of_str(trailing));
	assert_code(try_open(), BYTES_TRAILING);
	write_file("store/oci-layout", bytes_of_str(twice));
	assert_code(try_open(), MEMBER_DUPLICATE);
	write_file("store/oci-layout", bytes_of(large, sizeof(large)));
	assert_code(try_open(), STORE_TOO_LARGE);
	assert_int_equal(unlink("store/oci-layout"), 0);
	assert_code(try_open(), STORE_MALFORMED);
}

/* Replace a file of the store with something that has the same content. */
static void
replace_with_link(const char *path)
{
	char target[256];

	snprintf(target, sizeof(target), "%s.moved", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(strrchr(target, '/') + 1, path), 0);
}

static void
replace_with_fifo(const char *path)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0);
}

static void
replace_with_directory(const char *path)
{
	assert_int_equal(unlink(path), 0);
	assert_int_equal(mkdir(path, 0700), 0);
}

static void (*const replacements[])(const char *path) = {replace_with_link,
    replace_with_fifo, replace_with_directory};

static void
layout_refuses_files_that_are_not_regular(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(replacements); i++) {
		assert_int_equal(leave_directory(state), 0);
		assert_int_equal(enter_store(state), 0);
		replacements[i]("store/oci-layout");
		assert_code(try_open(), STORE_MALFORMED);
	}
	for (size_t i = 0; i < countof(replacements); i++) {
		assert_int_equal(leave_directory(state), 0);
		assert_int_equal(enter_store(state), 0);
		replacements[i]("store/index.json");
		assert_code(read_all(), STORE_MALFORMED);
	}
}

static void
layout_copy_blob_refuses_blobs_that_are_not_regular(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(replacements); i++) {
		CLEANUP(closep) int dir_fd = -1;
		struct sealed *blob = UNTOUCHED;
		struct digest digest;
		struct err err;

		assert_int_equal(leave_directory(state), 0);
		assert_int_equal(enter_store(state), 0);
		assert_true(digest_from_hex(EMPTY_HEX, &digest));
		replacements[i]("store/blobs/sha256/" EMPTY_HEX);
		assert_code(layout_open("store", &dir_fd, &err), 0);
		assert_code(
		    layout_copy_blob(dir_fd, &digest, 2, "blob", &blob, &err),
		    STORE_MALFORMED);
		assert_code(layout_copy_blob_max(dir_fd, &digest, 100, "blob",
				&blob, &err),
		    STORE_MALFORMED);
		assert_ptr_equal(blob, UNTOUCHED);
	}
}

static void
layout_refuses_a_link_in_the_middle_of_a_path(void **state)
{
	CLEANUP(closep) int dir_fd = -1;
	struct sealed *blob = UNTOUCHED;
	struct digest digest;
	struct err err;

	(void)state;
	assert_int_equal(rename("store/blobs", "elsewhere"), 0);
	assert_int_equal(symlink("../elsewhere", "store/blobs"), 0);
	assert_true(digest_from_hex(EMPTY_HEX, &digest));
	assert_code(layout_open("store", &dir_fd, &err), 0);
	assert_code(layout_copy_blob(dir_fd, &digest, 2, "blob", &blob, &err),
	    STORE_MALFORMED);
	assert_ptr_equal(blob, UNTOUCHED);
}

/* No name that a store gives comes here; the kernel would refuse it. */
static void
layout_opens_nothing_outside_of_the_store(void **state)
{
	static const char *const paths[] = {"../beside", "blobs/../../beside",
	    "/dev/null"};
	CLEANUP(closep) int dir_fd = -1;
	int fd = -1;
	size_t len;
	struct err err;

	(void)state;
	write_file("beside", bytes_of_str("x"));
	assert_code(layout_open("store", &dir_fd, &err), 0);
	for (size_t i = 0; i < countof(paths); i++) {
		assert_code(layout_file_open(dir_fd, paths[i], &fd, &len, &err),
		    STORE_IO);
		assert_int_equal(err.sys, EXDEV);
		assert_int_equal(fd, -1);
	}
}

static void
layout_copy_blob_copies_exactly_the_size(void **state)
{
	CLEANUP(closep) int dir_fd = -1;
	CLEANUP(sealed_freep) struct sealed *blob = NULL;
	struct sealed *none = UNTOUCHED;
	struct digest digest;
	struct err err;

	(void)state;
	assert_true(digest_from_hex(EMPTY_HEX, &digest));
	assert_code(layout_open("store", &dir_fd, &err), 0);
	assert_code(layout_copy_blob(dir_fd, &digest, 2, "blob", &blob, &err),
	    0);
	assert_true(bytes_equal(sealed_bytes(blob), bytes_of_str("{}")));
	assert_code(layout_copy_blob(dir_fd, &digest, 1, "blob", &none, &err),
	    IMAGE_SIZE_MISMATCH);
	assert_code(layout_copy_blob(dir_fd, &digest, 3, "blob", &none, &err),
	    IMAGE_SIZE_MISMATCH);
	assert_code(
	    layout_copy_blob(dir_fd, &digest, UINT64_MAX, "blob", &none, &err),
	    IMAGE_SIZE_MISMATCH);
	assert_code(
	    layout_copy_blob_max(dir_fd, &digest, 1, "blob", &none, &err),
	    IMAGE_TOO_LARGE);
	digest.bytes[0] ^= 1;
	assert_code(layout_copy_blob(dir_fd, &digest, 2, "blob", &none, &err),
	    STORE_IO);
	assert_code(
	    layout_copy_blob_max(dir_fd, &digest, 2, "blob", &none, &err),
	    STORE_IO);
	assert_ptr_equal(none, UNTOUCHED);
}

/* That is for who knows the signed digest. */
static void
layout_copy_blob_does_not_check_the_digest(void **state)
{
	CLEANUP(closep) int dir_fd = -1;
	CLEANUP(sealed_freep) struct sealed *blob = NULL;
	struct digest digest;
	struct err err;

	(void)state;
	write_file("store/blobs/sha256/" EMPTY_HEX, bytes_of_str("[]"));
	assert_true(digest_from_hex(EMPTY_HEX, &digest));
	assert_code(layout_open("store", &dir_fd, &err), 0);
	assert_code(layout_copy_blob(dir_fd, &digest, 2, "blob", &blob, &err),
	    0);
}

static void
layout_read_refuses_a_bad_index(void **state)
{
	static const char *const texts[] = {"", "{}", "[]",
	    "{\"schemaVersion\":2}", "{\"schemaVersion\":1,\"manifests\":[]}",
	    "{\"schemaVersion\":\"2\",\"manifests\":[]}",
	    "{\"schemaVersion\":2,\"manifests\":{}}",
	    "{\"schemaVersion\":2,\"manifests\":[1]}"};
	static const char trailing[] =
	    "{\"schemaVersion\":2,\"manifests\":[]} x";

	(void)state;
	for (size_t i = 0; i < countof(texts); i++) {
		write_file("store/index.json", bytes_of_str(texts[i]));
		assert_code(read_all(), STORE_MALFORMED);
	}
	write_file("store/index.json", bytes_of_str(trailing));
	assert_code(read_all(), BYTES_TRAILING);
	assert_int_equal(unlink("store/index.json"), 0);
	assert_code(read_all(), STORE_MALFORMED);
}

static void
layout_read_refuses_an_index_over_its_size(void **state)
{
	CLEANUP(buffer_done)
	struct buffer index = read_file("store/index.json");
	CLEANUP(freep) char *spaces = malloc(LIMIT_INDEX_BYTES);

	(void)state;
	memset(spaces, ' ', LIMIT_INDEX_BYTES);
	buffer_add(&index, spaces, LIMIT_INDEX_BYTES - index.len);
	write_file("store/index.json", buffer_bytes(&index));
	assert_code(read_all(), 0);
	buffer_add(&index, " ", 1);
	write_file("store/index.json", buffer_bytes(&index));
	assert_code(read_all(), STORE_TOO_LARGE);
}

static void
layout_read_refuses_an_index_of_too_many_images(void **state)
{
	json_t *index = read_index();
	json_t *manifests = json_object_get(index, "manifests");

	(void)state;
	json_array_clear(manifests);
	for (size_t i = 0; i < LIMIT_INDEX_IMAGES; i++)
		json_array_append_new(manifests, json_object());
	write_index(json_incref(index));
	assert_int_equal(count_all(), 0);
	json_array_append_new(manifests, json_object());
	write_index(index);
	assert_code(read_all(), STORE_TOO_LARGE);
}

static void
layout_read_passes_over_what_is_not_ours(void **state)
{
	static const char *const entries[] = {
	    "{}",
	    "{\"mediaType\":\"application/vnd.oci.image.index.v1+json\"}",
	    "{\"artifactType\":\"application/vnd.example\",\"size\":-1}",
	    "{\"artifactType\":7}",
	    ("{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
	     "\"artifactType\":\"application/vnd.example\","
	     "\"digest\":\"sha256:" EMPTY_HEX "\",\"size\":7,\"annotations\":"
	     "{\"org.opencontainers.image.ref.name\":\"web:9\"}}"),
	    "{\"mediaType\":\"application/vnd.oci.image.manifest.v1+json\","
	    "\"digest\":\"sha512:00\",\"size\":1,\"annotations\":"
	    "{\"org.opencontainers.image.ref.name\":\"latest\"}}",
	};
	json_t *index = read_index();

	(void)state;
	for (size_t i = 0; i < countof(entries); i++)
		json_array_append_new(json_object_get(index, "manifests"),
		    json_loads(entries[i], 0, NULL));
	write_index(index);
	assert_int_equal(count_all(), 3);
}

/* Registry tools write descriptors without artifactType. */
static void
layout_read_finds_images_that_a_registry_tool_wrote(void **state)
{
	json_t *index = read_index();
	size_t count;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		json_object_del(index_entry(index, i), "artifactType");
	write_index(index);
	assert_int_equal(count_all(), 3);
	assert_code(try_read("web", &count), 0);
	assert_int_equal(count, 2);
}

static void
layout_read_passes_over_a_foreign_image_without_artifact_type(void **state)
{
	static const char foreign[] =
	    "{\"schemaVersion\":2,\"config\":{},\"layers\":[]}";
	json_t *index = read_index();

	(void)state;
	json_object_del(index_entry(index, 0), "artifactType");
	point_to(index_entry(index, 0), bytes_of_str(foreign));
	write_index(index);
	assert_int_equal(count_all(), 2);
}

/* One row: a member of our index entry, and a value that it may not have. */
static void
layout_read_refuses_a_malformed_entry_that_claims_to_be_ours(void **state)
{
	static const char *const rows[][2] = {
	    {"mediaType", NULL},
	    {"mediaType", "\"application/vnd.oci.image.index.v1+json\""},
	    {"digest", NULL},
	    {"digest", "\"sha256:00\""},
	    {"digest", "\"sha256:../../../../etc/passwd\""},
	    {"size", NULL},
	    {"size", "0"},
	    {"size", "1.0"},
	    {"size", "65537"},
	    {"size", "9223372036854775807"},
	    {"annotations", NULL},
	    {"annotations", "{}"},
	    {"annotations", "[]"},
	};
	static const char *const ref_names[] = {"web", "web:", ":1", "Web:1",
	    "web:1:2", "web/1", "web:../1",
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:"
	    "1",
	    "web:"
	    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};

	(void)state;
	for (size_t i = 0; i < countof(rows) + countof(ref_names); i++) {
		CLEANUP(buffer_done)
		struct buffer before = read_file("store/index.json");
		json_t *index = read_index();
		json_t *entry = index_entry(index, 1);

		if (i >= countof(rows))
			json_object_set_new(
			    json_object_get(entry, "annotations"), OCI_REF_NAME,
			    json_string(ref_names[i - countof(rows)]));
		else if (rows[i][1] == NULL)
			json_object_del(entry, rows[i][0]);
		else
			json_object_set_new(entry, rows[i][0],
			    json_loads(rows[i][1], JSON_DECODE_ANY, NULL));
		write_index(index);
		assert_code(read_all(), STORE_MALFORMED);
		write_file("store/index.json", buffer_bytes(&before));
		assert_code(read_all(), 0);
	}
}

static void
layout_read_refuses_an_oci_manifest_that_is_not_the_named_one(void **state)
{
	json_t *index = read_index();
	char path[128];
	CLEANUP(buffer_done) struct buffer good = {0};
	CLEANUP(buffer_done) struct buffer bad = {0};

	(void)state;
	snprintf(path, sizeof(path), "%s", blob_path(index_entry(index, 1)));
	json_decref(index);
	good = read_file(path);
	for (size_t i = 0; i < good.len; i += 7) {
		good.ptr[i] ^= 1;
		write_file(path, buffer_bytes(&good));
		good.ptr[i] ^= 1;
		assert_code(read_all(), BLOB_DIGEST_MISMATCH);
	}
	write_file(path, bytes_of(good.ptr, good.len - 1));
	assert_code(read_all(), BLOB_SIZE_MISMATCH);
	buffer_add(&bad, good.ptr, good.len);
	buffer_add(&bad, " ", 1);
	write_file(path, buffer_bytes(&bad));
	assert_code(read_all(), BLOB_SIZE_MISMATCH);
	unlink(path);
	assert_code(read_all(), STORE_MALFORMED);
	write_file(path, buffer_bytes(&good));
	assert_code(read_all(), 0);
}

/* With the right digest, so that only its content is to blame. */
static int
read_with_oci_manifest(const char *path, const char *member, const char *value)
{
	CLEANUP(buffer_done)
	struct buffer before = read_file("store/index.json");
	json_t *index = read_index();
	json_t *entry = index_entry(index, 1);
	json_t *manifest = json_load_file(blob_path(entry), 0, NULL);
	json_t *object = tree_at(manifest, path);
	CLEANUP(freep) char *text = NULL;
	int code;

	if (value == NULL)
		json_object_del(object, member);
	else
		json_object_set_new(object, member,
		    json_loads(value, JSON_DECODE_ANY, NULL));
	text = tree_text(manifest);
	json_decref(manifest);
	point_to(entry, bytes_of_str(text));
	write_index(index);
	code = read_all();
	write_file("store/index.json", buffer_bytes(&before));
	return code;
}

/* clang-format off */
#define HEX60 "136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff"
#define LAYER_OF(type, size, four)                                             \
	"{\"mediaType\":\"application/vnd.assay." type "\",\"size\":" size     \
	",\"digest\":\"sha256:" four HEX60 "\"}"
#define LAYER(type, size) LAYER_OF(type, size, "4444")
#define ENVELOPE LAYER_OF("manifest.dsse+json", "9", "0001")
#define KERNEL   LAYER_OF("kernel", "9", "0002")
#define RAMDISK  LAYER_OF("ramdisk", "9", "0003")

static const char *const bad_members[][3] = {
    {"", "schemaVersion", NULL},
    {"", "schemaVersion", "1"},
    {"", "mediaType", NULL},
    {"", "mediaType", "\"application/vnd.oci.image.index.v1+json\""},
    {"", "artifactType", NULL},
    {"", "artifactType", "\"application/vnd.example\""},
    {"", "config", NULL},
    {"", "config", "[]"},
    {"config", "mediaType", "\"application/vnd.oci.image.config\""},
    {"config", "digest", NULL},
    {"config", "size", "3"},
    {"", "layers", NULL},
    {"", "layers", "{}"},
    {"", "layers", "[]"},
    {"", "layers", "[1,2]"},
    {"", "layers", "[" ENVELOPE "]"},
    {"", "layers", "[" KERNEL "," ENVELOPE "]"},
    {"", "layers", "[" ENVELOPE "," KERNEL "," KERNEL "]"},
    {"", "layers", "[" ENVELOPE "," KERNEL "," RAMDISK "," RAMDISK "]"},
    {"", "layers", "[" LAYER("manifest.dsse+json", "65537") "," KERNEL "]"},
    {"", "layers", "[" ENVELOPE "," LAYER("kernel", "268435457") "]"},
    {"", "layers",
        "[" ENVELOPE "," KERNEL "," LAYER("ramdisk", "1073741825") "]"},
};
/* clang-format on */

static void
layout_read_refuses_a_malformed_oci_manifest(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(bad_members); i++) {
		int code = read_with_oci_manifest(bad_members[i][0],
		    bad_members[i][1], bad_members[i][2]);

		if (code != STORE_MALFORMED)
			fail_msg("%s %s", bad_members[i][1], bad_members[i][2]);
	}
	assert_code(
	    read_with_oci_manifest("", "layers", "[" ENVELOPE "," KERNEL "]"),
	    0);
	/* OCI: unknown members must not be an error. */
	assert_code(read_with_oci_manifest("", "annotations", "{\"a\":\"b\"}"),
	    0);
	assert_code(read_with_oci_manifest("config", "data", NULL), 0);
}

static void
layout_read_refuses_an_oci_manifest_that_lists_a_blob_twice(void **state)
{
	(void)state;
	assert_code(read_with_oci_manifest("", "layers",
			"[" LAYER("manifest.dsse+json", "9") "," LAYER("kernel",
			    "9") "]"),
	    DESCRIPTOR_DUPLICATE);
	assert_code(read_with_oci_manifest("", "layers",
			"[" ENVELOPE
			"," LAYER("kernel", "9") "," LAYER("ramdisk", "9") "]"),
	    DESCRIPTOR_DUPLICATE);
}

static void
layout_read_refuses_one_descriptor_twice(void **state)
{
	json_t *index = read_index();
	size_t count;

	(void)state;
	json_array_append(json_object_get(index, "manifests"),
	    index_entry(index, 0));
	write_index(index);
	assert_code(read_all(), DESCRIPTOR_DUPLICATE);
	assert_code(try_read("db", &count), DESCRIPTOR_DUPLICATE);
	assert_code(try_read("web", &count), 0);
}

/* The other one differs in nothing but a space in its OCI manifest. */
static void
layout_read_refuses_two_images_of_one_name_and_version(void **state)
{
	json_t *index = read_index();
	json_t *entry = json_deep_copy(index_entry(index, 0));
	CLEANUP(buffer_done)
	struct buffer manifest = read_file(blob_path(entry));
	size_t count;

	(void)state;
	buffer_add(&manifest, " ", 1);
	point_to(entry, buffer_bytes(&manifest));
	json_array_append_new(json_object_get(index, "manifests"), entry);
	write_index(index);
	assert_code(read_all(), IMAGE_DUPLICATE);
	assert_code(try_read("db", &count), IMAGE_DUPLICATE);
	assert_code(try_read("web", &count), 0);
}

static int
teardown(void **state)
{
	(void)state;
	signers_done();
	return 0;
}

#define store_test(f) \
	cmocka_unit_test_setup_teardown(f, enter_store, leave_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    store_test(layout_read_lists_what_was_added),
	    store_test(layout_read_lists_one_name),
	    store_test(layout_read_of_one_name_reads_no_other_manifest),
	    store_test(layout_open_refuses_a_missing_store),
	    store_test(layout_open_refuses_a_bad_oci_layout),
	    store_test(layout_refuses_files_that_are_not_regular),
	    store_test(layout_copy_blob_refuses_blobs_that_are_not_regular),
	    store_test(layout_refuses_a_link_in_the_middle_of_a_path),
	    store_test(layout_opens_nothing_outside_of_the_store),
	    store_test(layout_copy_blob_copies_exactly_the_size),
	    store_test(layout_copy_blob_does_not_check_the_digest),
	    store_test(layout_read_refuses_a_bad_index),
	    store_test(layout_read_refuses_an_index_over_its_size),
	    store_test(layout_read_refuses_an_index_of_too_many_images),
	    store_test(layout_read_passes_over_what_is_not_ours),
	    store_test(layout_read_finds_images_that_a_registry_tool_wrote),
	    store_test(
		layout_read_passes_over_a_foreign_image_without_artifact_type),
	    store_test(
		layout_read_refuses_a_malformed_entry_that_claims_to_be_ours),
	    store_test(
		layout_read_refuses_an_oci_manifest_that_is_not_the_named_one),
	    store_test(layout_read_refuses_a_malformed_oci_manifest),
	    store_test(
		layout_read_refuses_an_oci_manifest_that_lists_a_blob_twice),
	    store_test(layout_read_refuses_one_descriptor_twice),
	    store_test(layout_read_refuses_two_images_of_one_name_and_version),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, teardown);
}
