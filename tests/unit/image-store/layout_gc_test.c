/*
 * Taking images out of a store, and then what nothing refers to any more.
 */
#include "store_fixture.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/json.h"
#include "base/scope.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_gc.h"
#include "image-store/pack/layout_remove.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"
#include "image-store/oci_decode.h"

/* What was done to files, one letter each: f sync, u unlink. */
static char journal[64];
static size_t journal_len;

int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_unlinkat(int dir_fd, const char *path, int flags);
int __wrap_unlinkat(int dir_fd, const char *path, int flags);

static void
note(char what)
{
	if (journal_len < sizeof(journal) - 1)
		journal[journal_len++] = what;
}

int
__wrap_fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) == 0 && S_ISDIR(st.st_mode))
		note('f');
	return __real_fsync(fd);
}

int
__wrap_unlinkat(int dir_fd, const char *path, int flags)
{
	note('u');
	return __real_unlinkat(dir_fd, path, flags);
}

static void
add_image(const char *dir, const char *name, const char *version)
{
	struct err err;

	make_image_dir(dir, name, version);
	assert_code(layout_add("store", dir, true, &err), 0);
}

/* "store" has web:1, web:2 and db:1, which share kernel and ramdisk. */
static int
enter_store(void **state)
{
	struct err err;

	if (enter_directory(state) != 0)
		return -1;
	assert_code(layout_init("store", &err), 0);
	add_image("web-1", "web", "1");
	add_image("web-2", "web", "2");
	add_image("db-1", "db", "1");
	memset(journal, 0, sizeof(journal));
	journal_len = 0;
	return 0;
}

static void
blob_path(const struct digest *digest, char ret_path[128])
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(digest, hex);
	snprintf(ret_path, 128, "store/" LAYOUT_BLOB_DIR "/%s", hex);
}

/* A blob of this text. Its descriptor of this type, owned. */
static json_t *
put_blob(const char *text, const char *media_type)
{
	char digest_as_text[DIGEST_TEXT_SIZE];
	struct digest digest;
	char path[128];
	struct err err;

	assert_code(digest_of(bytes_of_str(text), &digest, &err), 0);
	digest_text(&digest, digest_as_text);
	blob_path(&digest, path);
	write_file(path, bytes_of_str(text));
	return json_pack("{s:s, s:s, s:i}", "mediaType", media_type, "digest",
	    digest_as_text, "size", (int)strlen(text));
}

/* As another tool would: its own descriptor, at the end. Takes it. */
static void
list(json_t *descriptor)
{
	CLEANUP(json_freep)
	json_t *index = json_load_file("store/index.json", 0, NULL);

	assert_non_null(index);
	assert_int_equal(json_array_append_new(
			     json_object_get(index, "manifests"), descriptor),
	    0);
	assert_int_equal(json_dump_file(index, "store/index.json", 0), 0);
}

static bool
is_there(const json_t *descriptor)
{
	struct digest digest;
	char path[128];

	assert_true(digest_from_text(
	    json_string_value(json_object_get(descriptor, "digest")), &digest));
	blob_path(&digest, path);
	return access(path, F_OK) == 0;
}

static size_t
blob_count(void)
{
	return count_files("store/" LAYOUT_BLOB_DIR);
}

static int
take_out(const char *image)
{
	CLEANUP(json_freep) json_t *removed = NULL;
	struct err err;

	return layout_remove("store", &image, 1, &removed, &err);
}

static size_t
collect(void)
{
	struct layout_garbage garbage = {0, 0};
	struct err err = {0};

	if (layout_gc("store", false, NULL, &garbage, &err) != 0)
		fail_msg("%s: %s", err_name(err.code), err.text);
	return garbage.count;
}

static void
assert_gc_refused(enum err_code code)
{
	struct layout_garbage garbage = {77, 77};
	size_t before = blob_count();
	struct err err;

	assert_code(layout_gc("store", false, NULL, &garbage, &err), (int)code);
	assert_int_equal(garbage.count, 77);
	assert_int_equal(blob_count(), before);
}

static size_t
image_count(void)
{
	CLEANUP(layout_list_done) struct layout_list images = {0};
	CLEANUP(closep) int fd = -1;
	struct err err;

	assert_code(layout_open_list("store", &fd, &images, &err), 0);
	return images.count;
}

static void
remove_takes_out_an_image_by_any_of_its_names(void **state)
{
	CLEANUP(buffer_done)
	struct buffer text = read_file("web-2/manifest.json");
	char payload[DIGEST_TEXT_SIZE];
	struct digest digest;
	size_t blobs = blob_count();
	struct err err;

	(void)state;
	assert_code(take_out("web:3"), IMAGE_UNKNOWN);
	assert_code(take_out("we"), IMAGE_UNKNOWN);
	assert_code(take_out("web:"), IMAGE_UNKNOWN);
	assert_int_equal(image_count(), 3);
	assert_code(take_out("web:1"), 0);
	assert_int_equal(image_count(), 2);
	assert_code(digest_of(buffer_bytes(&text), &digest, &err), 0);
	digest_text(&digest, payload);
	assert_code(take_out(payload), 0);
	assert_int_equal(image_count(), 1);
	assert_code(take_out(payload), IMAGE_UNKNOWN);
	assert_code(take_out("db"), 0);
	assert_int_equal(image_count(), 0);
	assert_int_equal(blob_count(), blobs);
}

static void
remove_takes_all_that_was_named_or_nothing(void **state)
{
	static const char *const images[] = {"web", "db:2"};
	static const char *const two[] = {"web", "db:1"};
	CLEANUP(json_freep) json_t *removed = NULL;
	struct err err;

	(void)state;
	assert_code(layout_remove("store", images, 2, &removed, &err),
	    IMAGE_UNKNOWN);
	assert_non_null(strstr(err.text, "db:2"));
	assert_null(removed);
	assert_int_equal(image_count(), 3);
	assert_code(layout_remove("store", two, 2, &removed, &err), 0);
	assert_int_equal(json_array_size(removed), 3);
	assert_int_equal(image_count(), 0);
}

/* That is when somebody has to. */
static void
remove_takes_out_what_is_damaged(void **state)
{
	CLEANUP(json_freep)
	json_t *index = json_load_file("store/index.json", 0, NULL);
	json_t *descriptor =
	    json_array_get(json_object_get(index, "manifests"), 1);
	struct digest digest;
	char path[128];

	(void)state;
	assert_true(digest_from_text(
	    json_string_value(json_object_get(descriptor, "digest")), &digest));
	blob_path(&digest, path);
	write_file(path, bytes_of_str("{}"));
	assert_gc_refused(BLOB_DIGEST_MISMATCH);
	assert_code(take_out("web:1"), 0);
	assert_int_equal(image_count(), 2);
	assert_true(collect() > 0);
	assert_int_equal(image_count(), 2);
}

/* An image that is not ours, and the signed index of the store. */
static void
remove_keeps_what_is_not_ours(void **state)
{
	json_t *other = put_blob("{\"schemaVersion\":2}", OCI_MANIFEST_TYPE);

	(void)state;
	json_object_set_new(other, "annotations",
	    json_pack("{s:s}", OCI_REF_NAME, "nginx:1"));
	list(other);
	assert_code(take_out("nginx:1"), IMAGE_UNKNOWN);
	assert_code(take_out("store-index"), IMAGE_UNKNOWN);
}

static void
gc_leaves_the_store_that_would_have_been_made(void **state)
{
	struct err err;
	size_t count;

	(void)state;
	assert_int_equal(collect(), 0);
	assert_code(take_out("web"), 0);
	count = blob_count();
	/* Envelope and OCI manifest of two; kernel and ramdisk are shared. */
	assert_int_equal(collect(), 4);
	assert_int_equal(blob_count(), count - 4);
	assert_int_equal(collect(), 0);
	assert_code(layout_init("other", &err), 0);
	assert_code(layout_add("other", "db-1", false, &err), 0);
	assert_int_equal(count_files("other/" LAYOUT_BLOB_DIR), blob_count());
	assert_code(take_out("db"), 0);
	collect();
	assert_int_equal(blob_count(), 0);
}

static void
gc_only_says_what_would_be_removed(void **state)
{
	struct layout_garbage garbage;
	size_t count;
	struct err err;

	(void)state;
	assert_code(take_out("web:1"), 0);
	count = blob_count();
	assert_code(layout_gc("store", true, NULL, &garbage, &err), 0);
	assert_int_equal(garbage.count, 2);
	assert_true(garbage.bytes > 100);
	assert_int_equal(blob_count(), count);
}

/* What leads from one document to another, in a part that is not ours. */
static void
gc_keeps_what_others_refer_to(void **state)
{
	CLEANUP(json_freep) json_t *layer = put_blob("layer", "text/plain");
	CLEANUP(json_freep) json_t *lost = put_blob("lost", "text/plain");
	CLEANUP(json_freep) json_t *manifest = NULL;
	CLEANUP(json_freep) json_t *nested = NULL;
	CLEANUP(freep) char *text = NULL;

	(void)state;
	manifest =
	    json_pack("{s:i, s:[O]}", "schemaVersion", 2, "layers", layer);
	text = tree_text(manifest);
	json_decref(manifest);
	manifest = put_blob(text, OCI_MANIFEST_TYPE);
	free(text);
	nested = json_pack("{s:i, s:[O]}", "schemaVersion", 2, "manifests",
	    manifest);
	text = tree_text(nested);
	json_decref(nested);
	nested = put_blob(text, OCI_INDEX_TYPE);
	/* First as something that need not be read. */
	list(json_pack("{s:s, s:O}", "mediaType", "text/plain", "digest",
	    json_object_get(nested, "digest")));
	list(json_incref(nested));
	assert_int_equal(collect(), 1);
	assert_true(is_there(nested));
	assert_true(is_there(manifest));
	assert_true(is_there(layer));
	assert_false(is_there(lost));
}

/* It could refer to anything. */
static void
gc_removes_nothing_where_a_document_is_missing(void **state)
{
	CLEANUP(json_freep) json_t *lost = put_blob("lost", "text/plain");
	json_t *document = put_blob("{}", OCI_INDEX_TYPE);
	struct digest digest;
	char path[128];

	(void)state;
	assert_true(digest_from_text(
	    json_string_value(json_object_get(document, "digest")), &digest));
	blob_path(&digest, path);
	list(document);
	write_file(path, bytes_of_str("{} "));
	assert_gc_refused(BLOB_DIGEST_MISMATCH);
	assert_int_equal(unlink(path), 0);
	assert_gc_refused(STORE_IO);
	assert_true(is_there(lost));
}

static void
gc_removes_only_what_a_writer_may_have_left(void **state)
{
	static const char zeros[] =
	    "store/" LAYOUT_BLOB_DIR "/00000000000000000000000000000000"
	    "00000000000000000000000000000000";
	static const char *const others[] = {".new", ".0123456789abcdef",
	    ".0123456789abcdef.old", ".0123456789abcdeg.new", "0", "x"};
	char path[256];

	(void)state;
	write_file(zeros, bytes_of_str("x"));
	snprintf(path, sizeof(path), "%s.0123456789abcdef.new", zeros);
	write_file(path, bytes_of_str("x"));
	assert_int_equal(collect(), 2);
	for (size_t i = 0; i < countof(others); i++) {
		snprintf(path, sizeof(path), "%s%s", zeros, others[i]);
		write_file(path, bytes_of_str("x"));
	}
	write_file("store/" LAYOUT_BLOB_DIR "/README", bytes_of_str("x"));
	write_file("outside", bytes_of_str("x"));
	assert_int_equal(symlink("../../../outside", zeros), 0);
	assert_int_equal(collect(), 0);
	assert_int_equal(unlink(zeros), 0);
	assert_int_equal(mkdir(zeros, 0755), 0);
	assert_int_equal(collect(), 0);
	assert_int_equal(access("outside", F_OK), 0);
}

static void
gc_does_not_leave_the_store(void **state)
{
	(void)state;
	/* Nothing is read there first. */
	assert_code(take_out("web"), 0);
	assert_code(take_out("db"), 0);
	assert_int_equal(rename("store/blobs/sha256", "outside"), 0);
	assert_int_equal(symlink("../../outside", "store/blobs/sha256"), 0);
	assert_gc_refused(STORE_MALFORMED);
}

/* An index with its new name may be gone after a crash, if nobody waits. */
static void
gc_has_the_index_on_disk_before_the_first_blob_goes(void **state)
{
	(void)state;
	assert_code(take_out("web:1"), 0);
	memset(journal, 0, sizeof(journal));
	journal_len = 0;
	assert_int_equal(collect(), 2);
	assert_string_equal(journal, "fuu");
}

static bool
collects_one(void)
{
	return collect() == 1;
}

static bool
takes_one_out(void)
{
	return take_out("web:1") == 0;
}

/* A writer puts its blobs there before it names them. */
static void
gc_and_remove_wait_for_who_is_writing(void **state)
{
	static bool (*const acts[])(void) = {collects_one, takes_one_out};
	CLEANUP(json_freep) json_t *blob = put_blob("new", "text/plain");

	(void)state;
	for (size_t i = 0; i < countof(acts); i++) {
		int lock = -1;
		int status;
		struct err err;
		pid_t pid;

		assert_code(layout_lock("store", &lock, &err), 0);
		pid = fork();
		if (pid == 0) {
			close(lock);
			_exit(acts[i]() ? 0 : 1);
		}
		poll(NULL, 0, 200);
		assert_int_equal(waitpid(pid, &status, WNOHANG), 0);
		assert_true(is_there(blob) == (i == 0));
		close(lock);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
	}
	assert_int_equal(image_count(), 2);
}

#define gc_test(test) \
	cmocka_unit_test_setup_teardown(test, enter_store, leave_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    gc_test(remove_takes_out_an_image_by_any_of_its_names),
	    gc_test(remove_takes_all_that_was_named_or_nothing),
	    gc_test(remove_takes_out_what_is_damaged),
	    gc_test(remove_keeps_what_is_not_ours),
	    gc_test(gc_leaves_the_store_that_would_have_been_made),
	    gc_test(gc_only_says_what_would_be_removed),
	    gc_test(gc_keeps_what_others_refer_to),
	    gc_test(gc_removes_nothing_where_a_document_is_missing),
	    gc_test(gc_removes_only_what_a_writer_may_have_left),
	    gc_test(gc_does_not_leave_the_store),
	    gc_test(gc_has_the_index_on_disk_before_the_first_blob_goes),
	    gc_test(gc_and_remove_wait_for_who_is_writing),
	};

	return cmocka_run_group_tests_name("layout_gc", tests, NULL, NULL);
}
