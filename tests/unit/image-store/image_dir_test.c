#include "store_fixture.h"

#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"
#include "keys/dsse.h"

/* The n-th write, from one, does this instead. 0 for never. */
static size_t write_at;
static size_t writes;
static void (*write_instead)(void);

int __real_file_write(const char *path, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err);
int __wrap_file_write(const char *path, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err);
int __real_file_write_at(int dir_fd, const char *name, struct bytes data,
    mode_t mode, enum file_if_there if_there, struct err *err);
int __wrap_file_write_at(int dir_fd, const char *name, struct bytes data,
    mode_t mode, enum file_if_there if_there, struct err *err);

static int
count_write(struct err *err)
{
	if (++writes == write_at && write_instead == NULL)
		return err_set(err, STORE_IO, "as the test wants");
	if (writes == write_at)
		write_instead();
	return 0;
}

int
__wrap_file_write(const char *path, struct bytes data, mode_t mode,
    enum file_if_there if_there, struct err *err)
{
	TRY(count_write(err));
	return __real_file_write(path, data, mode, if_there, err);
}

int
__wrap_file_write_at(int dir_fd, const char *name, struct bytes data,
    mode_t mode, enum file_if_there if_there, struct err *err)
{
	TRY(count_write(err));
	return __real_file_write_at(dir_fd, name, data, mode, if_there, err);
}

static int
enter(void **state)
{
	writes = 0;
	write_at = 0;
	write_instead = NULL;
	return enter_directory(state);
}

/* Pack, and see that a refusal leaves nothing but the inputs. */
static int
pack(const struct pack_request *request, const char *out)
{
	size_t files = count_files(".");
	struct manifest before;
	struct manifest manifest;
	struct err err;
	int code;

	memset(&before, 0x5a, sizeof(before));
	manifest = before;
	code = image_dir_pack(request, out, &manifest, &err);
	if (code != 0) {
		assert_memory_equal(&manifest, &before, sizeof(before));
		assert_int_equal(count_files("."), files);
	}
	return code;
}

static void
interrupt(void)
{
	raise(SIGINT);
}

/* A child does this, is interrupted in its n-th write, and dies of it. */
static void
assert_interrupted(void (*act)(void), size_t n)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGINT, SIG_DFL);
		write_at = n;
		write_instead = interrupt;
		act();
		_exit(7);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
}

static int
pack_kernel(const struct buffer *kernel)
{
	struct pack_request request = good_request();

	write_file("kernel.in", buffer_bytes(kernel));
	return pack(&request, "out");
}

static void
assert_blob_is_file(const struct blob *blob, const char *path)
{
	CLEANUP(buffer_done) struct buffer data = read_file(path);
	struct digest digest;
	struct err err;

	assert_code(digest_of(buffer_bytes(&data), &digest, &err), 0);
	assert_int_equal(blob->size_bytes, data.len);
	assert_true(digest_equal(&blob->digest, &digest));
}

static void
image_dir_pack_writes_the_image_and_its_manifest(void **state)
{
	struct pack_request request = good_request();
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done) struct buffer text = {0};
	struct manifest manifest;
	struct manifest decoded;
	struct err err;

	(void)state;
	write_file("elf", buffer_bytes(&elf));
	assert_code(image_dir_pack(&request, "out", &manifest, &err), 0);
	assert_int_equal(count_files("out"), 3);
	assert_mode("out", 0755);
	assert_mode("out/kernel", 0644);
	assert_mode("out/manifest.json", 0644);
	assert_same_file("out/kernel", "kernel.in");
	assert_same_file("out/ramdisk", "ramdisk.in");
	assert_blob_is_file(&manifest.kernel, "kernel.in");
	assert_blob_is_file(&manifest.ramdisk, "ramdisk.in");
	assert_blob_is_file(&manifest.elf, "elf");
	assert_int_equal(manifest.kernel_format, KERNEL_BZIMAGE);
	text = read_file("out/manifest.json");
	assert_int_equal(text.ptr[text.len - 1], '}');
	assert_code(manifest_decode(buffer_bytes(&text), &decoded, &err), 0);
	assert_memory_equal(&decoded, &manifest, sizeof(manifest));
}

static void
image_dir_pack_takes_an_elf_kernel_and_no_ramdisk(void **state)
{
	struct pack_request request = good_request();
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	struct manifest manifest;
	struct err err;

	(void)state;
	write_file("kernel.in", buffer_bytes(&elf));
	request.ramdisk_path = NULL;
	assert_code(image_dir_pack(&request, "out/", &manifest, &err), 0);
	assert_int_equal(count_files("out"), 2);
	assert_false(manifest.has_ramdisk);
	assert_int_equal(manifest.kernel_format, KERNEL_ELF);
	assert_blob_is_file(&manifest.kernel, "kernel.in");
	assert_blob_is_file(&manifest.elf, "kernel.in");
}

static void
image_dir_pack_never_overwrites(void **state)
{
	struct pack_request request = good_request();

	(void)state;
	assert_int_equal(mkdir("out", 0700), 0);
	assert_code(pack(&request, "out"), FILE_EXISTS);
	assert_code(pack(&request, "kernel.in"), FILE_EXISTS);
	assert_int_equal(symlink("nowhere", "link"), 0);
	assert_code(pack(&request, "link"), FILE_EXISTS);
	/* Said before anything is read. */
	request.kernel_path = "nothing";
	assert_code(pack(&request, "out"), FILE_EXISTS);
}

static void
make_out(void)
{
	assert_int_equal(mkdir("out", 0700), 0);
}

/* Somebody else makes the output while we pack. */
static void
image_dir_pack_never_overwrites_what_came_later(void **state)
{
	struct pack_request request = good_request();
	struct manifest manifest;
	struct err err;

	(void)state;
	write_at = 3;
	write_instead = make_out;
	assert_code(image_dir_pack(&request, "out", &manifest, &err),
	    FILE_EXISTS);
	assert_int_equal(count_files("out"), 0);
	assert_int_equal(count_files("."), 3);
}

static void
image_dir_pack_leaves_nothing_behind_when_a_write_fails(void **state)
{
	struct pack_request request = good_request();

	(void)state;
	for (write_at = 1; write_at <= 3; write_at++) {
		writes = 0;
		assert_code(pack(&request, "out"), STORE_IO);
		assert_int_equal(writes, write_at);
	}
	assert_code(pack(&request, "nowhere/out"), STORE_IO);
}

static void
pack_unobserved(void)
{
	struct pack_request request = good_request();
	struct manifest manifest;
	struct err err;

	image_dir_pack(&request, "out", &manifest, &err);
}

static void
image_dir_pack_leaves_nothing_behind_when_a_signal_comes(void **state)
{
	size_t files;

	(void)state;
	good_request();
	files = count_files(".");
	for (size_t n = 1; n <= 3; n++) {
		assert_interrupted(pack_unobserved, n);
		assert_int_equal(count_files("."), files);
	}
}

static void
init_unobserved(void)
{
	struct err err;

	layout_init("store", &err);
}

static void
layout_init_leaves_nothing_behind_when_a_signal_comes(void **state)
{
	(void)state;
	for (size_t n = 1; n <= 2; n++) {
		assert_interrupted(init_unobserved, n);
		assert_int_equal(count_files("."), 0);
	}
}

static void
image_dir_pack_reports_missing_inputs(void **state)
{
	struct pack_request request = good_request();

	(void)state;
	request.kernel_path = "nothing";
	assert_code(pack(&request, "out"), STORE_IO);
	request = good_request();
	request.ramdisk_path = "nothing";
	assert_code(pack(&request, "out"), STORE_IO);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	request.ramdisk_path = "fifo";
	assert_code(pack(&request, "out"), STORE_IO);
}

static void
image_dir_pack_refuses_files_over_their_limit(void **state)
{
	struct pack_request request = good_request();

	(void)state;
	/* Files with holes; nothing of them is read. */
	assert_int_equal(truncate("kernel.in", LIMIT_KERNEL_BYTES + 1), 0);
	assert_code(pack(&request, "out"), IMAGE_TOO_LARGE);
	request = good_request();
	assert_int_equal(truncate("ramdisk.in", LIMIT_RAMDISK_BYTES + 1), 0);
	assert_code(pack(&request, "out"), IMAGE_TOO_LARGE);
}

static void
image_dir_pack_refuses_kernels_that_could_not_start(void **state)
{
	struct elf_recipe not_pv = good_elf;
	CLEANUP(buffer_done) struct buffer text = {0};
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer stream = compress_bytes(XZ, buffer_bytes(&elf));
	CLEANUP(buffer_done)
	struct buffer bomb = wrap_stream(XZ, buffer_bytes(&stream), 4096);
	CLEANUP(buffer_done)
	struct buffer huge = wrap_stream(XZ, buffer_bytes(&stream), UINT32_MAX);
	CLEANUP(buffer_done)
	struct buffer damaged =
	    wrap_stream(XZ, bytes_of(stream.ptr, 900), (uint32_t)elf.len);
	CLEANUP(buffer_done) struct buffer no_pv = {0};
	CLEANUP(buffer_done)
	struct buffer no_elf =
	    make_bzimage(ZSTD, bytes_of_str("not an ELF file at all"));

	(void)state;
	not_pv.has_entry = false;
	no_pv = make_elf(&not_pv);
	buffer_add(&text, "#!/bin/sh", 9);
	assert_code(pack_kernel(&text), KERNEL_FORMAT_UNKNOWN);
	assert_code(pack_kernel(&no_elf), KERNEL_FORMAT_UNKNOWN);
	assert_code(pack_kernel(&no_pv), KERNEL_NOT_PV);
	assert_code(pack_kernel(&bomb), DECOMPRESS_BOMB);
	assert_code(pack_kernel(&huge), IMAGE_TOO_LARGE);
	assert_code(pack_kernel(&damaged), DECOMPRESS_FAILED);
}

static void
image_dir_pack_refuses_ramdisks_that_would_be_changed(void **state)
{
	struct pack_request request = good_request();

	(void)state;
	write_file("ramdisk.in", bytes_of("\x1f\x8b\x08......\x05\0\0\0", 13));
	assert_code(pack(&request, "out"), RAMDISK_UNPACKABLE);
	write_file("ramdisk.in", bytes_of_str(""));
	assert_code(pack(&request, "out"), MANIFEST_VALUE_BAD);
}

static void
image_dir_pack_refuses_bad_names_and_ranges(void **state)
{
	struct pack_request bad[5];

	(void)state;
	for (size_t i = 0; i < countof(bad); i++)
		bad[i] = good_request();
	strcpy(bad[0].manifest.name, "Web");
	strcpy(bad[1].manifest.version, "");
	bad[2].manifest.vcpus.max = 0;
	bad[3].manifest.memory_mib.min = 5000;
	strcpy(bad[4].manifest.cmdline, "a\xff");
	for (size_t i = 0; i < countof(bad); i++)
		assert_code(pack(&bad[i], "out"), MANIFEST_VALUE_BAD);
}

static void
layout_init_makes_an_empty_store_once(void **state)
{
	CLEANUP(closep) int dir_fd = -1;
	CLEANUP(layout_list_done) struct layout_list list = {0};
	struct err err;

	(void)state;
	assert_code(layout_init("store", &err), 0);
	assert_code(layout_open("store", &dir_fd, &err), 0);
	assert_code(layout_read(dir_fd, NULL, &list, &err), 0);
	assert_int_equal(list.count, 0);
	assert_mode("store", 0755);
	assert_mode("store/blobs", 0755);
	assert_mode("store/blobs/sha256", 0755);
	assert_mode("store/index.json", 0644);
	assert_code(layout_init("store", &err), FILE_EXISTS);
	write_file("file", bytes_of_str("x"));
	assert_code(layout_init("file", &err), FILE_EXISTS);
	assert_code(layout_init("nowhere/store", &err), STORE_IO);
	assert_int_equal(mkdir("empty", 0755), 0);
	assert_code(layout_init("empty", &err), 0);
	assert_same_file("empty/index.json", "store/index.json");
}

static void
layout_init_leaves_nothing_behind_when_a_write_fails(void **state)
{
	struct err err;

	(void)state;
	assert_int_equal(mkdir("empty", 0755), 0);
	for (write_at = 1; write_at <= 2; write_at++) {
		writes = 0;
		assert_code(layout_init("store", &err), STORE_IO);
		assert_file_missing("store");
		writes = 0;
		assert_code(layout_init("empty", &err), STORE_IO);
		assert_int_equal(count_files("empty"), 0);
	}
}

static void
layout_add_replaces_only_when_asked(void **state)
{
	CLEANUP(buffer_done) struct buffer before = {0};
	CLEANUP(buffer_done) struct buffer after = {0};
	struct err err;

	(void)state;
	make_image_dir("dir", "web", "1");
	assert_code(layout_init("store", &err), 0);
	assert_code(layout_add("store", "dir", false, &err), 0);
	before = read_file("store/index.json");
	assert_code(layout_add("store", "dir", false, &err), FILE_EXISTS);
	assert_code(layout_add("store", "dir", true, &err), 0);
	after = read_file("store/index.json");
	assert_true(bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
}

/* Takes nothing. Returns the blob's text as a tree, or NULL. */
static json_t *
assert_descriptor(const json_t *descriptor, const char *media_type)
{
	const char *digest =
	    json_string_value(json_object_get(descriptor, "digest"));
	CLEANUP(buffer_done) struct buffer data = {0};
	struct digest found;
	char text[DIGEST_TEXT_SIZE];
	char path[128];
	struct err err;

	assert_non_null(digest);
	snprintf(path, sizeof(path), "store/blobs/sha256/%s", digest + 7);
	data = read_file(path);
	assert_code(digest_of(buffer_bytes(&data), &found, &err), 0);
	digest_text(&found, text);
	assert_string_equal(digest, text);
	assert_int_equal(
	    json_integer_value(json_object_get(descriptor, "size")), data.len);
	assert_string_equal(
	    json_string_value(json_object_get(descriptor, "mediaType")),
	    media_type);
	return json_loadb((char *)data.ptr, data.len, 0, NULL);
}

static void
layout_add_writes_descriptors_that_are_true(void **state)
{
	static const char *const types[] = {OCI_ENVELOPE_TYPE, OCI_KERNEL_TYPE,
	    OCI_RAMDISK_TYPE};
	json_t *index;
	json_t *manifest;
	json_t *layers;
	struct err err;

	(void)state;
	make_image_dir("dir", "web", "1");
	assert_code(layout_init("store", &err), 0);
	assert_code(layout_add("store", "dir", false, &err), 0);
	index = json_load_file("store/index.json", 0, NULL);
	manifest = assert_descriptor(
	    json_array_get(json_object_get(index, "manifests"), 0),
	    OCI_MANIFEST_TYPE);
	json_decref(assert_descriptor(json_object_get(manifest, "config"),
	    OCI_EMPTY_TYPE));
	layers = json_object_get(manifest, "layers");
	assert_int_equal(json_array_size(layers), countof(types));
	for (size_t i = 0; i < countof(types); i++)
		json_decref(
		    assert_descriptor(json_array_get(layers, i), types[i]));
	assert_int_equal(count_files("store/blobs/sha256"), 5);
	json_decref(manifest);
	json_decref(index);
}

static void
layout_add_keeps_foreign_entries(void **state)
{
	static const char index[] =
	    "{\"schemaVersion\":2,\"manifests\":[{\"x\":1},"
	    "{\"annotations\":{\"org.opencontainers.image.ref.name\":\"z\"},"
	    "\"y\":[2.5]}],\"annotations\":{\"k\":\"v\"}}";
	CLEANUP(buffer_done) struct buffer after = {0};
	struct err err;

	(void)state;
	make_image_dir("dir", "web", "1");
	assert_code(layout_init("store", &err), 0);
	write_file("store/index.json", bytes_of_str(index));
	assert_code(layout_add("store", "dir", false, &err), 0);
	after = read_file("store/index.json");
	buffer_add(&after, "", 1);
	assert_non_null(strstr((char *)after.ptr, "[{\"x\":1},{\"mediaType\""));
	assert_non_null(strstr((char *)after.ptr,
	    "ref.name\":\"z\"},\"y\":[2.5]}],\"annotations\":{\"k\":\"v\"}}"));
}

/* Add a good image directory with one file changed. */
static int
add_with(const char *path, struct bytes data)
{
	CLEANUP(buffer_done) struct buffer before = {0};
	CLEANUP(buffer_done) struct buffer after = {0};
	size_t blobs = count_files("store/blobs/sha256");
	struct err err;
	int code;

	before = read_file("store/index.json");
	write_file(path, data);
	code = layout_add("store", "dir", false, &err);
	after = read_file("store/index.json");
	if (code != 0) {
		assert_true(
		    bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
		assert_int_equal(count_files("store/blobs/sha256"), blobs);
	}
	return code;
}

static void
layout_add_refuses_images_that_are_not_whole(void **state)
{
	static const char *const files[] = {"dir/kernel", "dir/ramdisk"};
	struct err err;

	(void)state;
	make_image_dir("dir", "web", "1");
	assert_code(layout_init("store", &err), 0);
	for (size_t i = 0; i < countof(files); i++) {
		CLEANUP(buffer_done) struct buffer good = read_file(files[i]);
		CLEANUP(buffer_done) struct buffer grown = read_file(files[i]);

		good.ptr[good.len / 2] ^= 0x10;
		assert_code(add_with(files[i], buffer_bytes(&good)),
		    IMAGE_DIGEST_MISMATCH);
		good.ptr[good.len / 2] ^= 0x10;
		assert_code(
		    add_with(files[i], bytes_of(good.ptr, good.len - 1)),
		    IMAGE_SIZE_MISMATCH);
		buffer_add(&grown, "", 1);
		assert_code(add_with(files[i], buffer_bytes(&grown)),
		    IMAGE_SIZE_MISMATCH);
		assert_int_equal(unlink(files[i]), 0);
		assert_code(layout_add("store", "dir", false, &err), STORE_IO);
		write_file(files[i], buffer_bytes(&good));
	}
	assert_code(layout_add("store", "dir", false, &err), 0);
}

static void
layout_add_refuses_images_that_are_not_signed(void **state)
{
	CLEANUP(freep)
	char *other = sign_payload(SIGNER_PROD, "text/plain", "x");
	CLEANUP(freep)
	char *broken = sign_payload(SIGNER_PROD, DSSE_IMAGE_PAYLOAD_TYPE, "{}");
	CLEANUP(freep) char *large = calloc(1, LIMIT_ENVELOPE_BYTES + 1);
	struct err err;

	(void)state;
	make_image_dir("dir", "web", "1");
	assert_code(layout_init("store", &err), 0);
	assert_code(add_with("dir/manifest.dsse", bytes_of_str("{")),
	    ENVELOPE_MALFORMED);
	assert_code(add_with("dir/manifest.dsse",
			bytes_of_str("{\"payload\":\"\",\"payloadType\":\"x\","
				     "\"signatures\":[]}")),
	    IMAGE_UNSIGNED);
	assert_code(add_with("dir/manifest.dsse", bytes_of_str(other)),
	    PAYLOAD_TYPE_UNKNOWN);
	assert_code(add_with("dir/manifest.dsse", bytes_of_str(broken)),
	    MANIFEST_MALFORMED);
	assert_code(add_with("dir/manifest.dsse",
			bytes_of(large, LIMIT_ENVELOPE_BYTES + 1)),
	    ENVELOPE_TOO_LARGE);
	assert_int_equal(unlink("dir/manifest.dsse"), 0);
	assert_code(layout_add("store", "dir", false, &err), IMAGE_UNSIGNED);
}

static void
layout_add_refuses_what_is_no_store(void **state)
{
	struct err err;

	(void)state;
	make_image_dir("dir", "web", "1");
	assert_code(layout_add("nowhere", "dir", false, &err), STORE_IO);
	assert_int_equal(mkdir("store", 0755), 0);
	assert_code(layout_add("store", "dir", false, &err), STORE_MALFORMED);
	assert_int_equal(count_files("store"), 0);
}

/* A failed add leaves the index as it was, whatever was written before. */
static void
layout_add_changes_the_index_last(void **state)
{
	CLEANUP(buffer_done) struct buffer before = {0};
	struct err err;

	(void)state;
	make_image_dir("dir", "web", "1");
	assert_code(layout_init("store", &err), 0);
	before = read_file("store/index.json");
	for (size_t n = 1; n <= 6; n++) {
		CLEANUP(buffer_done) struct buffer after = {0};

		writes = 0;
		write_at = n;
		assert_code(layout_add("store", "dir", false, &err), STORE_IO);
		after = read_file("store/index.json");
		assert_true(
		    bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
	}
	writes = 0;
	write_at = 7;
	assert_code(layout_add("store", "dir", false, &err), 0);
	assert_int_equal(writes, 6);
}

static void
layout_add_refuses_an_index_that_is_full(void **state)
{
	json_t *index =
	    json_pack("{s:i, s:[]}", "schemaVersion", 2, "manifests");
	json_t *manifests = json_object_get(index, "manifests");
	CLEANUP(freep) char *text = NULL;
	struct err err;

	(void)state;
	make_image_dir("dir", "web", "1");
	assert_code(layout_init("store", &err), 0);
	for (size_t i = 0; i < LIMIT_INDEX_IMAGES; i++)
		json_array_append_new(manifests, json_object());
	text = tree_text(index);
	json_decref(index);
	write_file("store/index.json", bytes_of_str(text));
	assert_code(layout_add("store", "dir", false, &err), STORE_TOO_LARGE);
}

/* In a world of its own, as far as that may show. */
static void
make_store_in(const char *root, mode_t mask, const char *zone,
    const char *locale, const size_t order[2])
{
	static const char *const versions[] = {"1", "2"};
	struct err err;

	assert_int_equal(mkdir(root, 0777), 0);
	assert_int_equal(chdir(root), 0);
	umask(mask);
	setenv("TZ", zone, 1);
	tzset();
	setenv("LC_ALL", locale, 1);
	setlocale(LC_ALL, "");
	assert_code(layout_init("store", &err), 0);
	for (size_t i = 0; i < 2; i++) {
		char dir[16];

		snprintf(dir, sizeof(dir), "dir%zu", order[i]);
		make_image_dir(dir, "web", versions[order[i]]);
		assert_code(layout_add("store", dir, false, &err), 0);
	}
	umask(022);
	setlocale(LC_ALL, "C");
	assert_int_equal(chdir(".."), 0);
}

static void
images_and_stores_are_the_same_everywhere(void **state)
{
	static const char *const files[] = {"store/oci-layout",
	    "store/index.json", "store/blobs", "store/blobs/sha256", "dir0",
	    "dir1", "dir0/kernel", "dir0/ramdisk", "dir0/manifest.json",
	    "dir0/manifest.dsse", "dir1/manifest.json"};
	static const size_t orders[2][2] = {{0, 1}, {1, 0}};

	(void)state;
	make_store_in("a", 022, "UTC", "C", orders[0]);
	make_store_in("b", 0077, "Pacific/Chatham", "tr_TR.UTF-8", orders[1]);
	for (size_t i = 0; i < countof(files); i++) {
		char a[64];
		char b[64];
		struct stat st_a;
		struct stat st_b;

		snprintf(a, sizeof(a), "a/%s", files[i]);
		snprintf(b, sizeof(b), "b/%s", files[i]);
		assert_int_equal(stat(a, &st_a), 0);
		assert_int_equal(stat(b, &st_b), 0);
		if (S_ISDIR(st_a.st_mode))
			assert_int_equal(st_a.st_mode, st_b.st_mode);
		else if (strcmp(files[i], "dir0/manifest.dsse") != 0)
			assert_same_file(a, b);
	}
	assert_int_equal(count_files("a/store/blobs/sha256"),
	    count_files("b/store/blobs/sha256"));
}

static int
teardown(void **state)
{
	(void)state;
	signers_done();
	return 0;
}

#define directory_test(f) \
	cmocka_unit_test_setup_teardown(f, enter, leave_directory)

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    directory_test(image_dir_pack_writes_the_image_and_its_manifest),
	    directory_test(image_dir_pack_takes_an_elf_kernel_and_no_ramdisk),
	    directory_test(image_dir_pack_never_overwrites),
	    directory_test(image_dir_pack_never_overwrites_what_came_later),
	    directory_test(
		image_dir_pack_leaves_nothing_behind_when_a_write_fails),
	    directory_test(
		image_dir_pack_leaves_nothing_behind_when_a_signal_comes),
	    directory_test(image_dir_pack_reports_missing_inputs),
	    directory_test(image_dir_pack_refuses_files_over_their_limit),
	    directory_test(image_dir_pack_refuses_kernels_that_could_not_start),
	    directory_test(
		image_dir_pack_refuses_ramdisks_that_would_be_changed),
	    directory_test(image_dir_pack_refuses_bad_names_and_ranges),
	    directory_test(layout_init_makes_an_empty_store_once),
	    directory_test(
		layout_init_leaves_nothing_behind_when_a_write_fails),
	    directory_test(
		layout_init_leaves_nothing_behind_when_a_signal_comes),
	    directory_test(layout_add_replaces_only_when_asked),
	    directory_test(layout_add_writes_descriptors_that_are_true),
	    directory_test(layout_add_keeps_foreign_entries),
	    directory_test(layout_add_refuses_images_that_are_not_whole),
	    directory_test(layout_add_refuses_images_that_are_not_signed),
	    directory_test(layout_add_refuses_what_is_no_store),
	    directory_test(layout_add_changes_the_index_last),
	    directory_test(layout_add_refuses_an_index_that_is_full),
	    directory_test(images_and_stores_are_the_same_everywhere),
	};

	return cmocka_run_group_tests_name("image_dir", tests, NULL, teardown);
}
