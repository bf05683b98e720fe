#include "store_fixture.h"

#include <dirent.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <lz4hc.h>
#include <lzma.h>
#include <xen/elfnote.h>
#include <zlib.h>
#include <zstd.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "keys/dsse.h"
#include "keys/sign/dsse_sign.h"
#include "keys/sign/private_key.h"

char untouched[1];

static char *directory;
static struct private_key *signers[SIGNERS];

const struct elf_recipe good_elf = {
    .xen_version = "xen-3.0",
    .loader = "generic",
    .has_entry = true,
    .has_hypercall_page = true,
    .content_bytes = 20000,
};

const char *const compression_names[COMPRESSIONS] = {
    [GZIP] = "gzip",
    [XZ] = "xz",
    [LZ4] = "lz4",
    [ZSTD] = "zstd",
};

static const char *
code_name(int code)
{
	return code == 0 ? "0" : err_name((enum err_code)code);
}

void
assert_code_at(int result, int code, const char *file, int line)
{
	_assert_string_equal(code_name(result), code_name(code), file, line);
}

/* --- bytes and files ------------------------------------------------- */

void
buffer_done(struct buffer *buffer)
{
	free(buffer->ptr);
	*buffer = (struct buffer){0};
}

void
buffer_add(struct buffer *buffer, const void *data, size_t len)
{
	/* Exactly as long, so that ASan sees more; but never NULL. */
	size_t sum = buffer->len + len;

	buffer->ptr = realloc(buffer->ptr, sum > 0 ? sum : 1);
	assert_non_null(buffer->ptr);
	if (len > 0)
		memcpy(buffer->ptr + buffer->len, data, len);
	buffer->len += len;
}

void
buffer_add_le32(struct buffer *buffer, uint32_t value)
{
	uint8_t bytes[4];

	put_le32(bytes, value);
	buffer_add(buffer, bytes, sizeof(bytes));
}

struct bytes
buffer_bytes(const struct buffer *buffer)
{
	return bytes_of(buffer->ptr, buffer->len);
}

void
put_le16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

void
put_le32(uint8_t *at, uint32_t value)
{
	put_le16(at, (uint16_t)value);
	put_le16(at + 2, (uint16_t)(value >> 16));
}

int
enter_directory(void **state)
{
	char template[] = "/tmp/assay-test-XXXXXX";

	(void)state;
	assert_non_null(mkdtemp(template));
	directory = strdup(template);
	return chdir(directory);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int
leave_directory(void **state)
{
	(void)state;
	assert_int_equal(chdir("/"), 0);
	assert_int_equal(nftw(directory, remove_one, 8, FTW_DEPTH | FTW_PHYS),
	    0);
	free(directory);
	directory = NULL;
	return 0;
}

void
write_file(const char *path, struct bytes data)
{
	FILE *file = fopen(path, "we");

	assert_non_null(file);
	if (data.len > 0) /* fwrite() takes no null pointer */
		assert_int_equal(fwrite(data.ptr, 1, data.len, file), data.len);
	assert_int_equal(fclose(file), 0);
}

struct buffer
read_file(const char *path)
{
	struct buffer buffer = {0};
	char part[4096];
	size_t n;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		fail_msg("%s: %s", path, strerror(errno));
	while ((n = fread(part, 1, sizeof(part), file)) > 0)
		buffer_add(&buffer, part, n);
	buffer_add(&buffer, "", 0);
	assert_int_equal(fclose(file), 0);
	return buffer;
}

void
assert_same_file(const char *one, const char *other)
{
	CLEANUP(buffer_done) struct buffer a = read_file(one);
	CLEANUP(buffer_done) struct buffer b = read_file(other);
	struct stat st_a;
	struct stat st_b;

	assert_true(bytes_equal(buffer_bytes(&a), buffer_bytes(&b)));
	assert_int_equal(stat(one, &st_a), 0);
	assert_int_equal(stat(other, &st_b), 0);
	assert_int_equal(st_a.st_mode, st_b.st_mode);
}

void
assert_file_missing(const char *path)
{
	struct stat st;

	assert_int_equal(lstat(path, &st), -1);
	assert_int_equal(errno, ENOENT);
}

void
assert_mode(const char *path, unsigned int mode)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

size_t
count_files(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 &&
		         strcmp(entry->d_name, "..") != 0;
	closedir(dir);
	return count;
}

struct sealed *
sealed_of(struct bytes data)
{
	struct sealed *sealed = NULL;
	struct err err;

	assert_code(sealed_from_bytes("test", data, &sealed, &err), 0);
	return sealed;
}

/* --- kernels --------------------------------------------------------- */

static void
add_note(struct buffer *notes, uint32_t type, const void *value, size_t len)
{
	static const char zeros[4];

	buffer_add_le32(notes, 4);
	buffer_add_le32(notes, (uint32_t)len);
	buffer_add_le32(notes, type);
	buffer_add(notes, "Xen", 4);
	buffer_add(notes, value, len);
	buffer_add(notes, zeros, -len % 4);
}

static void
add_text_note(struct buffer *notes, uint32_t type, const char *text)
{
	if (text != NULL)
		add_note(notes, type, text, strlen(text) + 1);
}

static struct buffer
make_notes(const struct elf_recipe *recipe)
{
	static const uint64_t address = 0xffffffff81000000;
	struct buffer notes = {0};

	add_text_note(&notes, XEN_ELFNOTE_GUEST_OS, "test");
	add_text_note(&notes, XEN_ELFNOTE_GUEST_VERSION, "1");
	add_text_note(&notes, XEN_ELFNOTE_XEN_VERSION, recipe->xen_version);
	add_text_note(&notes, XEN_ELFNOTE_LOADER, recipe->loader);
	if (recipe->has_entry)
		add_note(&notes, XEN_ELFNOTE_ENTRY, &address, sizeof(address));
	if (recipe->has_hypercall_page)
		add_note(&notes, XEN_ELFNOTE_HYPERCALL_PAGE, &address,
		    sizeof(address));
	return notes;
}

/* Half text, which compresses, and half noise, which does not. */
static void
add_content(struct buffer *buffer, size_t len)
{
	CLEANUP(freep) uint8_t *content = malloc(len + 1);
	uint32_t noise = 1;

	for (size_t i = 0; i < len; i++) {
		noise = noise * 1664525 + 1013904223;
		content[i] = (uint8_t)('a' + i % 23);
		if (i / 512 % 2 == 1)
			content[i] = (uint8_t)(noise >> 24);
	}
	buffer_add(buffer, content, len);
}

struct buffer
make_elf(const struct elf_recipe *recipe)
{
	CLEANUP(buffer_done) struct buffer notes = make_notes(recipe);
	size_t notes_at = sizeof(Elf64_Ehdr) + 2 * sizeof(Elf64_Phdr);
	size_t len = notes_at + notes.len + recipe->content_bytes;
	Elf64_Ehdr header = {
	    .e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
		ELFDATA2LSB, EV_CURRENT},
	    .e_type = ET_EXEC,
	    .e_machine = EM_X86_64,
	    .e_version = EV_CURRENT,
	    .e_phoff = sizeof(header),
	    .e_ehsize = sizeof(header),
	    .e_phentsize = sizeof(Elf64_Phdr),
	    .e_phnum = 2,
	};
	Elf64_Phdr segments[2] = {
	    {.p_type = PT_LOAD,
		.p_filesz = len,
		.p_memsz = len + 4096,
		.p_paddr = 0x1000000,
		.p_vaddr = 0xffffffff81000000},
	    {.p_type = PT_NOTE,
		.p_offset = notes_at,
		.p_filesz = notes.len,
		.p_memsz = notes.len,
		.p_align = 4},
	};
	struct buffer elf = {0};

	buffer_add(&elf, &header, sizeof(header));
	buffer_add(&elf, segments, sizeof(segments));
	buffer_add(&elf, notes.ptr, notes.len);
	add_content(&elf, recipe->content_bytes);
	return elf;
}

static struct buffer
compress_gzip(struct bytes data)
{
	struct buffer out = {0};
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 16 + MAX_WBITS, 8,
			     Z_DEFAULT_STRATEGY),
	    Z_OK);
	out.len = deflateBound(&z, data.len);
	out.ptr = malloc(out.len);
	z.next_in = (Bytef *)(uintptr_t)data.ptr;
	z.avail_in = (uInt)data.len;
	z.next_out = out.ptr;
	z.avail_out = (uInt)out.len;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	out.len = z.total_out;
	deflateEnd(&z);
	return out;
}

/* As scripts/xz_wrap.sh of Linux does: CRC32, x86 filter. */
static struct buffer
compress_xz(struct bytes data)
{
	struct buffer out = {.len = lzma_stream_buffer_bound(data.len)};
	size_t used = 0;
	lzma_options_lzma options;
	lzma_filter filters[] = {
	    {LZMA_FILTER_X86, NULL},
	    {LZMA_FILTER_LZMA2, &options},
	    {LZMA_VLI_UNKNOWN, NULL},
	};

	assert_false(lzma_lzma_preset(&options, 6));
	options.dict_size = 1 << 16;
	out.ptr = malloc(out.len);
	assert_int_equal(lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32,
			     NULL, data.ptr, data.len, out.ptr, &used, out.len),
	    LZMA_OK);
	out.len = used;
	return out;
}

static struct buffer
compress_lz4(struct bytes data)
{
	static const size_t block_bytes = 8 << 20;
	size_t bound = (size_t)LZ4_compressBound((int)block_bytes);
	CLEANUP(freep) char *block = malloc(bound);
	struct buffer out = {0};

	buffer_add_le32(&out, 0x184c2102);
	for (size_t at = 0; at < data.len; at += block_bytes) {
		size_t len = data.len - at;
		int packed;

		if (len > block_bytes)
			len = block_bytes;
		packed = LZ4_compress_HC((const char *)data.ptr + at, block,
		    (int)len, (int)bound, 3);
		assert_true(packed > 0);
		buffer_add_le32(&out, (uint32_t)packed);
		buffer_add(&out, block, (size_t)packed);
	}
	return out;
}

static struct buffer
compress_zstd(struct bytes data)
{
	struct buffer out = {.len = ZSTD_compressBound(data.len)};

	out.ptr = malloc(out.len);
	out.len = ZSTD_compress(out.ptr, out.len, data.ptr, data.len, 3);
	assert_false(ZSTD_isError(out.len));
	return out;
}

struct buffer
compress_bytes(enum compression compression, struct bytes data)
{
	static struct buffer (*const functions[])(struct bytes) = {
	    [GZIP] = compress_gzip,
	    [XZ] = compress_xz,
	    [LZ4] = compress_lz4,
	    [ZSTD] = compress_zstd,
	};

	return functions[compression](data);
}

struct buffer
wrap_payload(struct bytes payload)
{
	static const uint8_t head[PAYLOAD_AT];
	static const uint8_t tail[100];
	struct buffer file = {0};

	buffer_add(&file, head, sizeof(head));
	file.ptr[0x1f1] = 2;
	put_le16(file.ptr + 0x1fe, 0xaa55);
	memcpy(file.ptr + 0x202, "HdrS", 4);
	put_le16(file.ptr + 0x206, 0x020f);
	put_le32(file.ptr + 0x248, 64);
	put_le32(file.ptr + 0x24c, (uint32_t)payload.len);
	buffer_add(&file, payload.ptr, payload.len);
	buffer_add(&file, tail, sizeof(tail));
	return file;
}

struct buffer
wrap_stream(enum compression compression, struct bytes stream,
    uint32_t claimed_size)
{
	CLEANUP(buffer_done) struct buffer payload = {0};

	buffer_add(&payload, stream.ptr, stream.len);
	if (compression == GZIP && payload.len >= 4)
		put_le32(payload.ptr + payload.len - 4, claimed_size);
	else
		buffer_add_le32(&payload, claimed_size);
	return wrap_payload(buffer_bytes(&payload));
}

struct buffer
make_bzimage(enum compression compression, struct bytes elf)
{
	CLEANUP(buffer_done)
	struct buffer stream = compress_bytes(compression, elf);

	return wrap_stream(compression, buffer_bytes(&stream),
	    (uint32_t)elf.len);
}

/* --- manifests ------------------------------------------------------- */

struct manifest
good_manifest(void)
{
	struct manifest manifest;

	memset(&manifest, 0, sizeof(manifest));
	strcpy(manifest.name, "web-frontend");
	strcpy(manifest.version, "2026.11.3");
	strcpy(manifest.rollback_location, "web");
	manifest.rollback_index = 17;
	manifest.kernel_format = KERNEL_BZIMAGE;
	memset(manifest.kernel.digest.bytes, 0x11, DIGEST_BYTES);
	manifest.kernel.size_bytes = 14186432;
	memset(manifest.elf.digest.bytes, 0x22, DIGEST_BYTES);
	manifest.elf.size_bytes = 53243444;
	manifest.has_ramdisk = true;
	memset(manifest.ramdisk.digest.bytes, 0x33, DIGEST_BYTES);
	manifest.ramdisk.size_bytes = 3000000;
	strcpy(manifest.cmdline, "console=hvc0 quoted=\"a\\b\"");
	manifest.memory_mib = (struct range){.min = 128, .max = 4096};
	manifest.vcpus = (struct range){.min = 1, .max = 8};
	return manifest;
}

json_t *
good_manifest_tree(void)
{
	struct manifest manifest = good_manifest();
	CLEANUP(freep) char *text = NULL;
	struct err err;
	json_t *tree;

	assert_code(manifest_encode(&manifest, &text, &err), 0);
	tree = json_loads(text, 0, NULL);
	assert_non_null(tree);
	return tree;
}

json_t *
tree_at(json_t *tree, const char *path)
{
	CLEANUP(freep) char *parts = strdup(path);
	char *rest = NULL;

	for (char *part = strtok_r(parts, ".", &rest); part != NULL;
	     part = strtok_r(NULL, ".", &rest))
		tree = json_object_get(tree, part);
	assert_non_null(tree);
	return tree;
}

char *
tree_text(const json_t *tree)
{
	char *text = json_dumps(tree, JSON_COMPACT);

	assert_non_null(text);
	return text;
}

/* --- signatures ------------------------------------------------------ */

static const struct private_key *
signer_key(enum signer signer)
{
	struct err err;

	if (signers[signer] == NULL)
		assert_code(private_key_generate(ALGORITHM_ED25519,
				&signers[signer], &err),
		    0);
	return signers[signer];
}

static void
signer_id(enum signer signer, char ret_hex[DIGEST_HEX_SIZE])
{
	digest_hex(public_key_id(private_key_public(signer_key(signer))),
	    ret_hex);
}

static json_t *
signer_entry(enum signer signer)
{
	CLEANUP(freep) char *pem = NULL;
	struct err err;

	assert_code(public_key_to_pem(private_key_public(signer_key(signer)),
			&pem, &err),
	    0);
	return json_pack("{s:s, s:s}", "alg", "ed25519", "pem", pem);
}

static json_t *
policy_tree(int64_t floor)
{
	char prod[DIGEST_HEX_SIZE];
	char lab[DIGEST_HEX_SIZE];
	json_t *tree;

	signer_id(SIGNER_PROD, prod);
	signer_id(SIGNER_LAB, lab);
	tree = json_pack("{s:s, s:i, s:{s:o, s:o},"
			 " s:{s:{s:i, s:[s], s:[s], s:b},"
			 "    s:{s:i, s:[s], s:[s], s:b}},"
			 " s:{s:[], s:[]}, s:{s:I}}",
	    "schema", "assay.trust/1", "version", 4, "keys", prod,
	    signer_entry(SIGNER_PROD), lab, signer_entry(SIGNER_LAB), "roles",
	    "prod", "threshold", 1, "keys", prod, "images", "web*", "debug", 0,
	    "lab", "threshold", 1, "keys", lab, "images", "web*", "debug", 1,
	    "revoked", "keys", "manifests", "min_rollback", "web",
	    (json_int_t)floor);
	assert_non_null(tree);
	return tree;
}

/* Texts of the last policies that were made. */
static char *policy_texts[8];

static void
keep_policy_text(char *text)
{
	size_t last = countof(policy_texts) - 1;

	free(policy_texts[last]);
	memmove(&policy_texts[1], &policy_texts[0],
	    last * sizeof(policy_texts[0]));
	policy_texts[0] = text;
}

const char *
policy_text(const struct trust_policy *policy)
{
	for (size_t i = 0; i < countof(policy_texts); i++) {
		struct digest digest;
		struct err err;

		if (policy_texts[i] == NULL)
			continue;
		assert_code(
		    digest_of(bytes_of_str(policy_texts[i]), &digest, &err), 0);
		if (digest_equal(&digest, trust_digest(policy)))
			return policy_texts[i];
	}
	fail_msg("this policy was not made here");
	return NULL;
}

/* Takes the tree. */
static struct trust_policy *
decode_policy(json_t *tree)
{
	char *text = tree_text(tree);
	struct trust_policy *policy = NULL;
	struct err err;

	json_decref(tree);
	if (trust_decode(bytes_of_str(text), &policy, &err) != 0)
		fail_msg("trust policy: %s", err.text);
	keep_policy_text(text);
	return policy;
}

struct trust_policy *
make_policy(int64_t floor)
{
	return decode_policy(policy_tree(floor));
}

struct trust_policy *
make_policy_that_revokes(const struct digest *digest)
{
	json_t *tree = policy_tree(0);
	char text[DIGEST_TEXT_SIZE];

	digest_text(digest, text);
	json_array_append_new(tree_at(tree, "revoked.manifests"),
	    json_string(text));
	return decode_policy(tree);
}

/* The stranger's key, and a role of it that signs nothing but this. */
static json_t *
policy_tree_with(int64_t floor, const char *role, const char *signs)
{
	json_t *tree = policy_tree(floor);
	char id[DIGEST_HEX_SIZE];

	signer_id(SIGNER_STRANGER, id);
	json_object_set_new(tree_at(tree, "keys"), id,
	    signer_entry(SIGNER_STRANGER));
	json_object_set_new(tree_at(tree, "roles"), role,
	    json_pack("{s:s, s:i, s:[s]}", "signs", signs, "threshold", 1,
		"keys", id));
	return tree;
}

static json_t *
with_clock(json_t *tree)
{
	json_object_set_new(tree, "clock",
	    json_pack("{s:s, s:s}", "source", "system", "not_before",
		"2026-01-01T00:00:00Z"));
	return tree;
}

struct trust_policy *
make_policy_with_clock(int64_t floor)
{
	return decode_policy(with_clock(policy_tree(floor)));
}

struct trust_policy *
make_policy_with_index(int64_t floor)
{
	return decode_policy(
	    with_clock(policy_tree_with(floor, "index", "store-index")));
}

struct trust_policy *
make_policy_with_boot(int64_t floor)
{
	return decode_policy(policy_tree_with(floor, "boot", "boot-policy"));
}

static json_t *
policy_tree_with_provenance(int64_t floor)
{
	json_t *tree = policy_tree_with(floor, "builders", "provenance");

	json_object_set_new(tree_at(tree, "roles.prod"), "provenance",
	    json_pack("[{s:s, s:s, s:s}]", "predicate_type", "urn:built",
		"builder_id", "urn:ci", "role", "builders"));
	return tree;
}

struct trust_policy *
make_policy_with_provenance(int64_t floor)
{
	return decode_policy(policy_tree_with_provenance(floor));
}

struct trust_policy *
make_policy_with_many_keys(int64_t floor)
{
	json_t *tree = policy_tree_with_provenance(floor);
	json_t *keys = tree_at(tree, "keys");

	while (json_object_size(keys) < LIMIT_TRUST_KEYS) {
		CLEANUP(private_key_freep) struct private_key *key = NULL;
		CLEANUP(freep) char *pem = NULL;
		const struct public_key *half;
		char id[DIGEST_HEX_SIZE];
		struct err err;

		assert_code(private_key_generate(ALGORITHM_ECDSA_P256_SHA256,
				&key, &err),
		    0);
		half = private_key_public(key);
		assert_code(public_key_to_pem(half, &pem, &err), 0);
		digest_hex(public_key_id(half), id);
		json_object_set_new(keys, id,
		    json_pack("{s:s, s:s}", "alg",
			algorithm_name(public_key_algorithm(half)), "pem",
			pem));
	}
	return decode_policy(tree);
}

struct trust_policy *
make_policy_with_trust(int64_t floor)
{
	return decode_policy(policy_tree_with(floor, "root", "trust"));
}

char *
make_trust_step(int64_t version, int64_t floor, enum signer revoked)
{
	json_t *tree = policy_tree_with(floor, "root", "trust");
	CLEANUP(freep) char *payload = NULL;
	char id[DIGEST_HEX_SIZE];

	json_object_set_new(tree, "version", json_integer(version));
	if (revoked != SIGNERS) {
		signer_id(revoked, id);
		json_array_append_new(tree_at(tree, "revoked.keys"),
		    json_string(id));
	}
	payload = tree_text(tree);
	json_decref(tree);
	return sign_payload(SIGNER_STRANGER, DSSE_TRUST_PAYLOAD_TYPE, payload);
}

char *
sign_payload(enum signer signer, const char *payload_type, const char *payload)
{
	const struct private_key *key = signer_key(signer);
	struct err err;
	char *text = NULL;

	assert_code(dsse_sign(payload_type, bytes_of_str(payload),
			bytes_of(NULL, 0), &key, 1, &text, &err),
	    0);
	return text;
}

char *
sign_manifest(enum signer signer, const struct manifest *manifest)
{
	CLEANUP(freep) char *payload = NULL;
	struct err err;

	assert_code(manifest_encode(manifest, &payload, &err), 0);
	return sign_payload(signer, DSSE_IMAGE_PAYLOAD_TYPE, payload);
}

void
signers_done(void)
{
	for (size_t i = 0; i < SIGNERS; i++)
		private_key_freep(&signers[i]);
}

/* --- image directories ----------------------------------------------- */

struct pack_request
good_request(void)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer kernel = make_bzimage(LZ4, buffer_bytes(&elf));
	struct pack_request request = {
	    .kernel_path = "kernel.in",
	    .ramdisk_path = "ramdisk.in",
	    .manifest = good_manifest(),
	};

	write_file("kernel.in", buffer_bytes(&kernel));
	write_file("ramdisk.in", bytes_of_str("070701 a ramdisk of our own"));
	return request;
}

void
make_image_dir(const char *dir, const char *name, const char *version)
{
	struct pack_request request = good_request();
	CLEANUP(freep) char *envelope = NULL;
	struct manifest manifest;
	char path[256];
	struct err err;

	snprintf(request.manifest.name, sizeof(request.manifest.name), "%s",
	    name);
	snprintf(request.manifest.version, sizeof(request.manifest.version),
	    "%s", version);
	if (image_dir_pack(&request, dir, &manifest, &err) != 0)
		fail_msg("pack: %s", err.text);
	envelope = sign_manifest(SIGNER_PROD, &manifest);
	snprintf(path, sizeof(path), "%s/%s", dir, IMAGE_DIR_ENVELOPE);
	write_file(path, bytes_of_str(envelope));
}
