/*
 * Copying between stores and archives. What archives refuse is in the golden
 * files.
 */
#include "store_fixture.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/signal_guard.h"
#include "base/scope.h"
#include "image-store/pack/archive.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"
#include "image-store/pack/store_index_write.h"
#include "keys/dsse.h"

static const struct transfer_wanted all;
static bool is_interrupted; /* in the next write() */

ssize_t __real_write(int fd, const void *data, size_t len);
ssize_t __wrap_write(int fd, const void *data, size_t len);

ssize_t
__wrap_write(int fd, const void *data, size_t len)
{
	if (is_interrupted)
		raise(SIGTERM);
	is_interrupted = false;
	return __real_write(fd, data, len);
}

static void
put_index(const char *store, int64_t epoch)
{
	CLEANUP(closep) int dir_fd = -1;
	CLEANUP(freep) char *payload = NULL;
	CLEANUP(freep) char *envelope = NULL;
	struct err err;

	assert_code(layout_open(store, &dir_fd, &err), 0);
	assert_code(store_index_encode(dir_fd, epoch, 0, &payload, &err), 0);
	envelope = sign_payload(SIGNER_STRANGER, DSSE_STORE_INDEX_PAYLOAD_TYPE,
	    payload);
	assert_code(store_index_put(store, bytes_of_str(envelope), &err), 0);
}

/* A store "store" with db:1, web:1, web:2 and an index; "other" is empty. */
static int
enter_stores(void **state)
{
	static const char *const images[][3] = {{"dir-web-2", "web", "2"},
	    {"dir-db", "db", "1"}, {"dir-web-1", "web", "1"}};
	struct err err;

	if (enter_directory(state) != 0)
		return -1;
	assert_code(layout_init("store", &err), 0);
	assert_code(layout_init("other", &err), 0);
	for (size_t i = 0; i < countof(images); i++) {
		make_image_dir(images[i][0], images[i][1], images[i][2]);
		assert_code(layout_add("store", images[i][0], false, &err), 0);
	}
	put_index("store", 7);
	return 0;
}

static int
copy(const char *from, const char *to, const struct transfer_wanted *wanted,
    bool replace)
{
	CLEANUP(transfer_done) struct transfer transfer = {0};
	CLEANUP(closep) int fd = -1;
	struct err err;

	assert_code(layout_open(from, &fd, &err), 0);
	TRY(transfer_plan(fd, wanted, &transfer, &err));
	return transfer_to_store(fd, &transfer, to, replace, &err);
}

static int export(const char *from, const char *path)
{
	CLEANUP(transfer_done) struct transfer transfer = {0};
	CLEANUP(closep) int fd = -1;
	struct err err;

	assert_code(layout_open(from, &fd, &err), 0);
	TRY(transfer_plan(fd, &all, &transfer, &err));
	return archive_write(fd, &transfer, path, &err);
}

static int
unpack(const char *path, const char *dir)
{
	CLEANUP(closep) int fd = -1;
	struct err err;

	assert_int_equal(mkdir(dir, 0700), 0);
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(mkdirat(fd, "blobs", 0700), 0);
	assert_int_equal(mkdirat(fd, "blobs/sha256", 0700), 0);
	return archive_unpack(path, fd, &err);
}

/* Names of the images, in order, each with a space behind. */
static const char *
images_of(const char *store)
{
	static char text[256];
	CLEANUP(layout_list_done) struct layout_list list = {0};
	CLEANUP(closep) int fd = -1;
	struct err err;

	text[0] = '\0';
	assert_code(layout_open(store, &fd, &err), 0);
	assert_code(layout_read(fd, NULL, &list, &err), 0);
	for (size_t i = 0; i < list.count; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s:%s ", list.entries[i].claimed_name,
		    list.entries[i].claimed_version);
	return text;
}

static json_t *
index_of(const char *store)
{
	char path[64];
	json_t *index;

	snprintf(path, sizeof(path), "%s/index.json", store);
	index = json_load_file(path, 0, NULL);
	assert_non_null(index);
	return index;
}

/* The path of the blob that entry `i` of the store's index names. */
static const char *
blob_of_entry(const char *store, size_t i)
{
	static char path[160];
	json_t *index = index_of(store);
	json_t *entry = json_array_get(json_object_get(index, "manifests"), i);
	const char *digest =
	    json_string_value(json_object_get(entry, "digest"));

	snprintf(path, sizeof(path), "%s/blobs/sha256/%s", store, digest + 7);
	json_decref(index);
	return path;
}

static void
transfer_copies_a_store_byte_by_byte(void **state)
{
	(void)state;
	assert_code(copy("store", "other", &all, false), 0);
	assert_same_file("store/index.json", "other/index.json");
	assert_int_equal(count_files("store/blobs/sha256"),
	    count_files("other/blobs/sha256"));
	assert_code(copy("store", "other", &all, false), 0);
	assert_same_file("store/index.json", "other/index.json");
}

static void
transfer_copies_what_is_wanted(void **state)
{
	static const char *const names[] = {"web:2", "db"};
	static const struct transfer_wanted wanted = {names, 2};
	CLEANUP(closep) int fd = -1;
	struct sealed *none = NULL;
	struct err err;

	(void)state;
	assert_code(copy("store", "other", &wanted, false), 0);
	assert_string_equal(images_of("other"), "db:1 web:2 ");
	assert_code(layout_open("other", &fd, &err), 0);
	assert_code(layout_copy_store_index(fd, &none, &err),
	    STORE_INDEX_MISSING);
}

static void
transfer_finds_images_by_digest(void **state)
{
	CLEANUP(buffer_done)
	struct buffer envelope = read_file("dir-web-1/manifest.dsse");
	const char *name = NULL;
	struct transfer_wanted wanted = {&name, 1};
	char by_envelope[DIGEST_TEXT_SIZE];
	char by_manifest[DIGEST_TEXT_SIZE];
	char by_payload[DIGEST_TEXT_SIZE];
	CLEANUP(buffer_done)
	struct buffer payload = read_file("dir-web-2/manifest.json");
	struct digest digest;
	struct err err;

	(void)state;
	digest_of(buffer_bytes(&payload), &digest, &err);
	digest_text(&digest, by_payload);
	digest_of(buffer_bytes(&envelope), &digest, &err);
	digest_text(&digest, by_envelope);
	snprintf(by_manifest, sizeof(by_manifest), "sha256:%s",
	    strrchr(blob_of_entry("store", 0), '/') + 1);
	name = by_envelope;
	assert_code(copy("store", "other", &wanted, false), 0);
	assert_string_equal(images_of("other"), "web:1 ");
	name = by_manifest;
	assert_code(copy("store", "other", &wanted, false), 0);
	assert_string_equal(images_of("other"), "db:1 web:1 ");
	name = by_payload;
	assert_code(copy("store", "other", &wanted, false), 0);
	assert_string_equal(images_of("other"), "db:1 web:1 web:2 ");
}

static void
transfer_refuses_what_the_store_does_not_have(void **state)
{
	static const char *const names[] = {"we", "web:3", "web:1 ", "",
	    ("sha256:"
	     "000000000000000000000000000000000000000000000000000000000000000"
	     "0")};

	(void)state;
	for (size_t i = 0; i < countof(names); i++) {
		const struct transfer_wanted wanted = {&names[i], 1};

		assert_code(copy("store", "other", &wanted, false),
		    IMAGE_UNKNOWN);
	}
	assert_string_equal(images_of("other"), "");
}

static void
transfer_replaces_another_image_only_if_asked(void **state)
{
	static const char *const names[] = {"web:1"};
	static const struct transfer_wanted wanted = {names, 1};
	CLEANUP(buffer_done) struct buffer before = {0};
	CLEANUP(buffer_done) struct buffer after = {0};
	CLEANUP(freep) char *envelope = NULL;
	struct pack_request request = good_request();
	struct manifest manifest;
	struct err err;

	(void)state;
	snprintf(request.manifest.name, sizeof(request.manifest.name), "web");
	snprintf(request.manifest.version, sizeof(request.manifest.version),
	    "1");
	request.manifest.rollback_index = 99;
	assert_code(image_dir_pack(&request, "dir-else", &manifest, &err), 0);
	envelope = sign_manifest(SIGNER_PROD, &manifest);
	write_file("dir-else/manifest.dsse", bytes_of_str(envelope));
	assert_code(layout_init("third", &err), 0);
	assert_code(layout_add("third", "dir-else", false, &err), 0);
	assert_code(copy("store", "other", &wanted, false), 0);
	before = read_file("other/index.json");
	assert_code(copy("third", "other", &all, false), FILE_EXISTS);
	after = read_file("other/index.json");
	assert_true(bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
	assert_code(copy("third", "other", &all, true), 0);
	assert_same_file("third/index.json", "other/index.json");
}

static void
transfer_brings_no_older_index(void **state)
{
	CLEANUP(buffer_done) struct buffer before = {0};
	CLEANUP(buffer_done) struct buffer after = {0};

	(void)state;
	put_index("other", 8);
	before = read_file("other/index.json");
	assert_code(copy("store", "other", &all, true), STORE_ROLLBACK);
	after = read_file("other/index.json");
	assert_true(bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
	assert_int_equal(count_files("other/blobs/sha256"), 3);
	put_index("store", 9);
	assert_code(copy("store", "other", &all, true), 0);
}

/* Change one byte, and then the length, of each blob of the store. */
static void
transfer_refuses_a_changed_blob(void **state)
{
	CLEANUP(transfer_done) struct transfer transfer = {0};
	CLEANUP(closep) int fd = -1;
	struct err err;

	(void)state;
	assert_code(layout_open("store", &fd, &err), 0);
	assert_code(transfer_plan(fd, &all, &transfer, &err), 0);
	for (size_t i = 0; i < transfer.count; i++) {
		char path[LAYOUT_BLOB_PATH_SIZE];
		char full[sizeof(path) + 8];
		CLEANUP(buffer_done) struct buffer good = {0};

		layout_blob_path(&transfer.blobs[i].digest, path);
		snprintf(full, sizeof(full), "store/%s", path);
		good = read_file(full);
		good.ptr[good.len / 2] ^= 1;
		write_file(full, buffer_bytes(&good));
		assert_code(
		    transfer_to_store(fd, &transfer, "other", false, &err),
		    BLOB_DIGEST_MISMATCH);
		good.ptr[good.len / 2] ^= 1;
		write_file(full, bytes_of(good.ptr, good.len - 1));
		assert_code(
		    transfer_to_store(fd, &transfer, "other", false, &err),
		    BLOB_SIZE_MISMATCH);
		write_file(full, buffer_bytes(&good));
	}
	assert_string_equal(images_of("other"), "");
	assert_code(transfer_to_store(fd, &transfer, "other", false, &err), 0);
}

/* Rewrite the OCI manifest of db:1, with its right digest in the index. */
static int
copy_with_layer(size_t layer, const char *member, json_t *value)
{
	json_t *index = index_of("store");
	json_t *entry = json_array_get(json_object_get(index, "manifests"), 0);
	json_t *manifest = json_load_file(blob_of_entry("store", 0), 0, NULL);
	json_t *layers = json_object_get(manifest, "layers");
	CLEANUP(freep) char *text = NULL;
	char path[LAYOUT_BLOB_PATH_SIZE];
	char full[sizeof(path) + 8];
	char name[DIGEST_TEXT_SIZE];
	struct digest digest;
	struct err err;

	if (member == NULL)
		json_array_remove(layers, layer);
	else
		json_object_set_new(json_array_get(layers, layer), member,
		    value);
	text = tree_text(manifest);
	digest_of(bytes_of_str(text), &digest, &err);
	digest_text(&digest, name);
	layout_blob_path(&digest, path);
	snprintf(full, sizeof(full), "store/%s", path);
	write_file(full, bytes_of_str(text));
	json_object_set_new(entry, "digest", json_string(name));
	json_object_set_new(entry, "size",
	    json_integer((json_int_t)strlen(text)));
	assert_int_equal(json_dump_file(index, "store/index.json", 0), 0);
	json_decref(index);
	json_decref(manifest);
	return copy("store", "other", &all, false);
}

static void
transfer_refuses_a_manifest_that_names_a_blob_of_another_size(void **state)
{
	(void)state;
	assert_code(copy_with_layer(1, "size", json_integer(77)),
	    BLOB_SIZE_MISMATCH);
	assert_string_equal(images_of("other"), "");
}

static void
transfer_refuses_a_manifest_that_names_another_blob(void **state)
{
	(void)state;
	assert_code(copy_with_layer(2, "digest",
			json_string("sha256:44136fa355b3678a1146ad16f7e8649e94f"
				    "b4fc21fe77e8310c060f61caaff8a")),
	    BLOB_DIGEST_MISMATCH);
	assert_string_equal(images_of("other"), "");
}

static void
transfer_refuses_a_manifest_without_the_signed_ramdisk(void **state)
{
	(void)state;
	assert_code(copy_with_layer(2, NULL, NULL), BLOB_DIGEST_MISMATCH);
}

static void
transfer_refuses_an_envelope_under_another_name(void **state)
{
	json_t *index = index_of("store");
	json_t *entry = json_array_get(json_object_get(index, "manifests"), 0);

	(void)state;
	json_object_set_new(json_object_get(entry, "annotations"), OCI_REF_NAME,
	    json_string("dc:1"));
	assert_int_equal(json_dump_file(index, "store/index.json", 0), 0);
	json_decref(index);
	assert_code(copy("store", "other", &all, false), IMAGE_NAME_MISMATCH);
	assert_string_equal(images_of("other"), "");
}

static void
archive_holds_a_store_byte_by_byte(void **state)
{
	(void)state;
	assert_code(export("store", "one.tar"), 0);
	assert_mode("one.tar", 0644);
	assert_code(unpack("one.tar", "unpacked"), 0);
	assert_code(copy("unpacked", "other", &all, false), 0);
	assert_same_file("store/index.json", "other/index.json");
	assert_code(export("other", "two.tar"), 0);
	assert_same_file("one.tar", "two.tar");
}

static void
archive_write_overwrites_nothing(void **state)
{
	CLEANUP(buffer_done) struct buffer after = {0};

	(void)state;
	write_file("one.tar", bytes_of_str("old"));
	assert_code(export("store", "one.tar"), FILE_EXISTS);
	after = read_file("one.tar");
	assert_true(bytes_equal(buffer_bytes(&after), bytes_of_str("old")));
}

static void
archive_write_leaves_nothing_of_a_store_that_is_not_whole(void **state)
{
	size_t before = count_files(".");
	CLEANUP(transfer_done) struct transfer transfer = {0};
	CLEANUP(closep) int fd = -1;
	struct err err;

	(void)state;
	assert_code(layout_open("store", &fd, &err), 0);
	assert_code(transfer_plan(fd, &all, &transfer, &err), 0);
	write_file(blob_of_entry("store", 0), bytes_of_str("{}"));
	assert_code(archive_write(fd, &transfer, "one.tar", &err),
	    BLOB_SIZE_MISMATCH);
	assert_int_equal(count_files("."), before);
}

/* Every length that is not the whole; the padding behind the end is free. */
static void
archive_unpack_refuses_every_truncation(void **state)
{
	CLEANUP(buffer_done) struct buffer whole = {0};

	(void)state;
	assert_code(export("store", "one.tar"), 0);
	whole = read_file("one.tar");
	for (size_t len = 0; len < whole.len; len += len < 3000 ? 97 : 511) {
		char dir[32];

		write_file("short.tar", bytes_of(whole.ptr, len));
		snprintf(dir, sizeof(dir), "short-%zu", len);
		assert_code(unpack("short.tar", dir), ARCHIVE_MALFORMED);
	}
}

static void
archives_are_left_when_a_signal_comes(void **state)
{
	struct signal_guard guard;
	size_t files;

	(void)state;
	assert_code(export("store", "one.tar"), 0);
	files = count_files(".");
	guard = signal_guard_begin();
	is_interrupted = true;
	assert_code(export("store", "two.tar"), STORE_IO);
	assert_int_equal(count_files("."), files);
	guard.before[1].sa_handler = SIG_IGN;
	signal_guard_end(&guard);

	signal(SIGTERM, SIG_DFL);
	guard = signal_guard_begin();
	is_interrupted = true;
	assert_code(unpack("one.tar", "unpacked"), STORE_IO);
	/* The first is whole, the second empty. */
	assert_int_equal(count_files("unpacked/blobs/sha256"), 2);
	guard.before[1].sa_handler = SIG_IGN; /* of SIGTERM */
	signal_guard_end(&guard);
}

static int
teardown(void **state)
{
	(void)state;
	signers_done();
	return 0;
}

#define stores_test(f) \
	cmocka_unit_test_setup_teardown(f, enter_stores, leave_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    stores_test(transfer_copies_a_store_byte_by_byte),
	    stores_test(transfer_copies_what_is_wanted),
	    stores_test(transfer_finds_images_by_digest),
	    stores_test(transfer_refuses_what_the_store_does_not_have),
	    stores_test(transfer_replaces_another_image_only_if_asked),
	    stores_test(transfer_brings_no_older_index),
	    stores_test(transfer_refuses_a_changed_blob),
	    stores_test(
		transfer_refuses_a_manifest_that_names_a_blob_of_another_size),
	    stores_test(transfer_refuses_a_manifest_that_names_another_blob),
	    stores_test(transfer_refuses_a_manifest_without_the_signed_ramdisk),
	    stores_test(transfer_refuses_an_envelope_under_another_name),
	    stores_test(archive_holds_a_store_byte_by_byte),
	    stores_test(archive_write_overwrites_nothing),
	    stores_test(
		archive_write_leaves_nothing_of_a_store_that_is_not_whole),
	    stores_test(archive_unpack_refuses_every_truncation),
	    stores_test(archives_are_left_when_a_signal_comes),
	};

	return cmocka_run_group_tests_name("transfer", tests, NULL, teardown);
}
