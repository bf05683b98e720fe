#include "store_fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <zlib.h>

#include "base/sealing.h"
#include "base/limits.h"
#include "base/scope.h"
#include "image-store/unpack/decompress.h"
#include "image-store/unpack/kernel_unpack.h"

#define OFFSET_SETUP_SECTS    0x1f1
#define OFFSET_BOOT_FLAG      0x1fe
#define OFFSET_HEADER         0x202
#define OFFSET_VERSION        0x206
#define OFFSET_PAYLOAD_OFFSET 0x248
#define OFFSET_PAYLOAD_LENGTH 0x24c

static size_t drafts;
static size_t sealing_fails_at;

int __real_sealing_new(const char *name, size_t size_bytes,
    struct sealing **ret_sealing, struct err *err);
int __wrap_sealing_new(const char *name, size_t size_bytes,
    struct sealing **ret_sealing, struct err *err);

/* Count what memory is taken, and let it run short. */
int
__wrap_sealing_new(const char *name, size_t size_bytes,
    struct sealing **ret_sealing, struct err *err)
{
	if (++drafts == sealing_fails_at)
		return err_set(err, NO_MEMORY, "as the test wants");
	return __real_sealing_new(name, size_bytes, ret_sealing, err);
}

/* Unpack, and see that a refusal leaves the output as it was. */
static int
unpack(struct bytes kernel, uint64_t elf_size_bytes, struct sealed **ret_elf)
{
	struct sealed *elf = UNTOUCHED;
	struct err err;
	int code = kernel_unpack(kernel, elf_size_bytes, NULL, &elf, &err);

	*ret_elf = NULL;
	if (code != 0) {
		assert_ptr_equal(elf, UNTOUCHED);
		assert_int_equal(err.code, code);
		return code;
	}
	assert_int_equal(sealed_bytes(elf).len, elf_size_bytes);
	*ret_elf = elf;
	return 0;
}

static int
try_unpack(const struct buffer *kernel, uint64_t elf_size_bytes)
{
	CLEANUP(sealed_freep) struct sealed *elf = NULL;

	return unpack(buffer_bytes(kernel), elf_size_bytes, &elf);
}

static void
assert_refused(const struct buffer *kernel, uint64_t elf_size_bytes,
    enum err_code code, const char *name)
{
	int result = try_unpack(kernel, elf_size_bytes);

	if (result != (int)code)
		fail_msg("%s: %s instead of %s", name,
		    result == 0 ? "0" : err_name((enum err_code)result),
		    err_name(code));
}

/* A kernel with more of the same, but for its claims. */
static struct buffer
make_lying_kernel(enum compression compression, struct bytes content,
    size_t claimed_size)
{
	CLEANUP(buffer_done)
	struct buffer stream = compress_bytes(compression, content);

	return wrap_stream(compression, buffer_bytes(&stream),
	    (uint32_t)claimed_size);
}

static void
kernel_format_of_tells_elf_and_bzimage(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer bzimage = make_bzimage(GZIP, buffer_bytes(&elf));
	enum kernel_format format = KERNEL_BZIMAGE;
	struct err err;

	(void)state;
	assert_code(kernel_format_of(buffer_bytes(&elf), &format, &err), 0);
	assert_int_equal(format, KERNEL_ELF);
	assert_code(kernel_format_of(buffer_bytes(&bzimage), &format, &err), 0);
	assert_int_equal(format, KERNEL_BZIMAGE);
}

static void
kernel_format_of_refuses_anything_else(void **state)
{
	static const char *const files[] = {"", "\x7f", "\177ELE", "MZ",
	    "\x1f\x8b\x08"};
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer bzimage = make_bzimage(GZIP, buffer_bytes(&elf));
	enum kernel_format format = 99;
	struct err err;

	(void)state;
	for (size_t i = 0; i < countof(files); i++)
		assert_code(
		    kernel_format_of(bytes_of_str(files[i]), &format, &err),
		    KERNEL_FORMAT_UNKNOWN);
	bzimage.ptr[OFFSET_BOOT_FLAG] ^= 1;
	assert_code(kernel_format_of(buffer_bytes(&bzimage), &format, &err),
	    KERNEL_FORMAT_UNKNOWN);
	bzimage.ptr[OFFSET_BOOT_FLAG] ^= 1;
	bzimage.ptr[OFFSET_HEADER] ^= 1;
	assert_code(kernel_format_of(buffer_bytes(&bzimage), &format, &err),
	    KERNEL_FORMAT_UNKNOWN);
	assert_int_equal(format, 99);
	assert_refused(&bzimage, elf.len, KERNEL_FORMAT_UNKNOWN, "magic");
}

static void
kernel_unpack_gives_the_elf_of_each_compression(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);

	(void)state;
	for (enum compression c = 0; c < COMPRESSIONS; c++) {
		CLEANUP(buffer_done)
		struct buffer kernel = make_bzimage(c, buffer_bytes(&elf));
		CLEANUP(sealed_freep) struct sealed *unpacked = NULL;
		uint64_t size_bytes;
		struct err err;

		assert_code(kernel_claimed_elf_size(buffer_bytes(&kernel),
				&size_bytes, &err),
		    0);
		assert_int_equal(size_bytes, elf.len);
		assert_code(unpack(buffer_bytes(&kernel), elf.len, &unpacked),
		    0);
		assert_true(
		    bytes_equal(sealed_bytes(unpacked), buffer_bytes(&elf)));
	}
}

static void
kernel_unpack_passes_an_elf_file_on(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(sealed_freep) struct sealed *unpacked = NULL;

	(void)state;
	assert_code(unpack(buffer_bytes(&elf), elf.len, &unpacked), 0);
	assert_true(bytes_equal(sealed_bytes(unpacked), buffer_bytes(&elf)));
	assert_refused(&elf, elf.len - 1, IMAGE_SIZE_MISMATCH, "elf");
	assert_refused(&elf, elf.len + 1, IMAGE_SIZE_MISMATCH, "elf");
}

static void
kernel_unpack_refuses_a_claim_that_is_not_the_signed_size(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);

	(void)state;
	for (enum compression c = 0; c < COMPRESSIONS; c++) {
		CLEANUP(buffer_done)
		struct buffer kernel = make_bzimage(c, buffer_bytes(&elf));

		drafts = 0;
		assert_refused(&kernel, elf.len - 1, DECOMPRESS_BOMB,
		    compression_names[c]);
		assert_refused(&kernel, elf.len + 1, DECOMPRESS_FAILED,
		    compression_names[c]);
		assert_int_equal(drafts, 0);
	}
}

static void
kernel_unpack_refuses_bombs(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);

	(void)state;
	for (enum compression c = 0; c < COMPRESSIONS; c++) {
		static const size_t claims[] = {1, 4096};

		for (size_t i = 0; i < countof(claims); i++) {
			CLEANUP(buffer_done)
			struct buffer kernel =
			    make_lying_kernel(c, buffer_bytes(&elf), claims[i]);

			assert_refused(&kernel, claims[i], DECOMPRESS_BOMB,
			    compression_names[c]);
		}
	}
}

static void
kernel_unpack_refuses_a_bomb_by_one_byte(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);

	(void)state;
	for (enum compression c = 0; c < COMPRESSIONS; c++) {
		CLEANUP(buffer_done)
		struct buffer kernel =
		    make_lying_kernel(c, buffer_bytes(&elf), elf.len - 1);

		assert_refused(&kernel, elf.len - 1, DECOMPRESS_BOMB,
		    compression_names[c]);
	}
}

/* 64 MiB of zeros in a few KiB, which claim to be 1 MiB. */
static void
kernel_unpack_refuses_a_big_bomb(void **state)
{
	CLEANUP(freep) uint8_t *zeros = calloc(64, 1 << 20);

	(void)state;
	for (enum compression c = 0; c < COMPRESSIONS; c++) {
		CLEANUP(buffer_done)
		struct buffer kernel =
		    make_lying_kernel(c, bytes_of(zeros, 64 << 20), 1 << 20);

		assert_refused(&kernel, 1 << 20, DECOMPRESS_BOMB,
		    compression_names[c]);
	}
}

static void
kernel_unpack_refuses_what_unpacks_to_less(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);

	(void)state;
	for (enum compression c = 0; c < COMPRESSIONS; c++) {
		CLEANUP(buffer_done)
		struct buffer kernel =
		    make_lying_kernel(c, buffer_bytes(&elf), elf.len + 1);

		assert_refused(&kernel, elf.len + 1, DECOMPRESS_FAILED,
		    compression_names[c]);
	}
}

static void
kernel_unpack_refuses_huge_claims_before_it_takes_memory(void **state)
{
	static const uint32_t claims[] = {LIMIT_KERNEL_BYTES + 1, INT32_MAX,
	    UINT32_MAX};
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);

	(void)state;
	for (enum compression c = 0; c < COMPRESSIONS; c++) {
		for (size_t i = 0; i < countof(claims); i++) {
			CLEANUP(buffer_done)
			struct buffer kernel =
			    make_lying_kernel(c, buffer_bytes(&elf), claims[i]);
			uint64_t size_bytes = 77;
			struct err err;

			drafts = 0;
			assert_code(
			    kernel_claimed_elf_size(buffer_bytes(&kernel),
				&size_bytes, &err),
			    IMAGE_TOO_LARGE);
			assert_int_equal(size_bytes, 77);
			assert_refused(&kernel, claims[i], IMAGE_TOO_LARGE,
			    compression_names[c]);
			assert_refused(&kernel, UINT64_MAX, IMAGE_TOO_LARGE,
			    compression_names[c]);
			assert_refused(&kernel, elf.len, DECOMPRESS_BOMB,
			    compression_names[c]);
			assert_int_equal(drafts, 0);
		}
	}
}

static void
kernel_unpack_refuses_a_kernel_over_the_limit(void **state)
{
	size_t len = LIMIT_KERNEL_BYTES + 1;
	uint8_t *file = mmap(NULL, len, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct sealed *elf;

	(void)state;
	assert_ptr_not_equal(file, MAP_FAILED);
	memcpy(file,
	    "\x7f"
	    "ELF",
	    4);
	assert_code(unpack(bytes_of(file, len), len, &elf), IMAGE_TOO_LARGE);
	assert_code(unpack(bytes_of(file, len), 4096, &elf), IMAGE_TOO_LARGE);
	munmap(file, len);
}

static void
kernel_unpack_refuses_nothing_as_a_kernel(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer kernel = make_lying_kernel(LZ4, buffer_bytes(&elf), 0);

	(void)state;
	assert_refused(&kernel, 0, DECOMPRESS_FAILED, "claims nothing");
}

/*
 * What has a checksum is refused, unless it unpacks to the same bytes; lz4 and
 * zstd may give others, which the digest catches. Nothing may be read or
 * written out of bounds.
 */
static void
kernel_unpack_survives_every_damaged_byte(void **state)
{
	struct elf_recipe recipe = good_elf;
	CLEANUP(buffer_done) struct buffer elf = {0};

	(void)state;
	recipe.content_bytes = 3000;
	elf = make_elf(&recipe);
	for (enum compression c = 0; c < COMPRESSIONS; c++) {
		CLEANUP(buffer_done)
		struct buffer kernel = make_bzimage(c, buffer_bytes(&elf));
		size_t refused = 0;

		for (size_t i = OFFSET_SETUP_SECTS; i < kernel.len - 100; i++) {
			CLEANUP(sealed_freep) struct sealed *unpacked = NULL;
			int code;

			kernel.ptr[i] ^= (uint8_t)(1 << i % 8);
			code =
			    unpack(buffer_bytes(&kernel), elf.len, &unpacked);
			kernel.ptr[i] ^= (uint8_t)(1 << i % 8);
			refused += code != 0;
			assert_true(code == 0 || code == DECOMPRESS_FAILED ||
				    code == DECOMPRESS_BOMB ||
				    code == KERNEL_FORMAT_UNKNOWN);
			if (code == 0 && (c == GZIP || c == XZ))
				assert_true(bytes_equal(sealed_bytes(unpacked),
				    buffer_bytes(&elf)));
		}
		assert_true(refused > 0);
	}
}

static void
decompress_refuses_every_truncated_stream(void **state)
{
	struct elf_recipe recipe = good_elf;
	CLEANUP(buffer_done) struct buffer elf = {0};

	(void)state;
	recipe.content_bytes = 3000;
	elf = make_elf(&recipe);
	for (enum compression c = 0; c < COMPRESSIONS; c++) {
		CLEANUP(buffer_done)
		struct buffer stream = compress_bytes(c, buffer_bytes(&elf));

		for (size_t len = 0; len < stream.len; len++) {
			CLEANUP(buffer_done) struct buffer cut = {0};
			CLEANUP(sealing_freep) struct sealing *out = NULL;
			struct err err;

			buffer_add(&cut, stream.ptr, len);
			assert_code(sealing_new("out", elf.len, &out, &err), 0);
			if (decompress(buffer_bytes(&cut), out, &err) !=
			    DECOMPRESS_FAILED)
				fail_msg("%s, %zu of %zu bytes: %s",
				    compression_names[c], len, stream.len,
				    err.text);
		}
	}
}

static void
kernel_unpack_refuses_bytes_behind_the_stream(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);

	(void)state;
	for (enum compression c = 0; c < COMPRESSIONS; c++) {
		CLEANUP(buffer_done)
		struct buffer stream = compress_bytes(c, buffer_bytes(&elf));
		CLEANUP(buffer_done) struct buffer kernel = {0};

		buffer_add(&stream, "\0\0\0\0\0\0\0\0", 8);
		kernel =
		    wrap_stream(c, buffer_bytes(&stream), (uint32_t)elf.len);
		assert_refused(&kernel, elf.len, DECOMPRESS_FAILED,
		    compression_names[c]);
	}
}

/* A kernel of two gzip members, two xz streams or two zstd frames. */
static void
kernel_unpack_refuses_several_streams(void **state)
{
	static const enum compression some[] = {GZIP, XZ, ZSTD};
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);

	(void)state;
	for (size_t i = 0; i < countof(some); i++) {
		size_t half = elf.len / 2;
		CLEANUP(buffer_done)
		struct buffer stream =
		    compress_bytes(some[i], bytes_of(elf.ptr, half));
		CLEANUP(buffer_done)
		struct buffer second = compress_bytes(some[i],
		    bytes_of(elf.ptr + half, elf.len - half));
		CLEANUP(buffer_done) struct buffer whole = {0};
		CLEANUP(buffer_done) struct buffer part = {0};

		buffer_add(&stream, second.ptr, second.len);
		whole = wrap_stream(some[i], buffer_bytes(&stream),
		    (uint32_t)elf.len);
		assert_refused(&whole, elf.len, DECOMPRESS_FAILED,
		    compression_names[some[i]]);
		part =
		    wrap_stream(some[i], buffer_bytes(&stream), (uint32_t)half);
		assert_refused(&part, half, DECOMPRESS_FAILED,
		    compression_names[some[i]]);
	}
}

static void
kernel_unpack_refuses_other_compressions(void **state)
{
	static const char streams[][24] = {"BZh91AY&SY........",
	    "\x5d\x00\x00\x80\x00\x01\x02\x03\x04\x05\x06\x07",
	    "\x89LZO\x00\x0d\x0a\x1a\x0a.....", "\x04\x22\x4d\x18........",
	    "\177ELF............", "\x1f\x9e........", "?"};

	(void)state;
	for (size_t i = 0; i < countof(streams); i++) {
		/* With zeros, where the text ends before. */
		CLEANUP(buffer_done)
		struct buffer kernel = wrap_stream(LZ4,
		    bytes_of(streams[i], sizeof(streams[i])), 4096);

		assert_refused(&kernel, 4096, DECOMPRESS_FAILED, streams[i]);
	}
}

static void
kernel_unpack_reads_lz4_of_several_blocks(void **state)
{
	struct elf_recipe recipe = good_elf;
	CLEANUP(buffer_done) struct buffer elf = {0};
	CLEANUP(buffer_done) struct buffer kernel = {0};
	CLEANUP(buffer_done) struct buffer lying = {0};
	CLEANUP(sealed_freep) struct sealed *unpacked = NULL;

	(void)state;
	recipe.content_bytes = (8 << 20) + 12345;
	elf = make_elf(&recipe);
	kernel = make_bzimage(LZ4, buffer_bytes(&elf));
	assert_code(unpack(buffer_bytes(&kernel), elf.len, &unpacked), 0);
	assert_true(bytes_equal(sealed_bytes(unpacked), buffer_bytes(&elf)));

	/* One block too many, and a second block that is too long. */
	lying = make_lying_kernel(LZ4, buffer_bytes(&elf), 8 << 20);
	assert_refused(&lying, 8 << 20, DECOMPRESS_BOMB, "block");
	buffer_done(&lying);
	lying = make_lying_kernel(LZ4, buffer_bytes(&elf), elf.len - 1);
	assert_refused(&lying, elf.len - 1, DECOMPRESS_BOMB, "byte");
}

static void
kernel_unpack_refuses_bad_lz4_block_lengths(void **state)
{
	static const uint32_t lengths[] = {0, 1, 0x7fffffff, 0x80000000,
	    UINT32_MAX, 8 << 20};
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);

	(void)state;
	for (size_t i = 0; i < countof(lengths); i++) {
		CLEANUP(buffer_done)
		struct buffer stream = compress_bytes(LZ4, buffer_bytes(&elf));
		CLEANUP(buffer_done) struct buffer kernel = {0};

		put_le32(stream.ptr + 4, lengths[i]);
		kernel =
		    wrap_stream(LZ4, buffer_bytes(&stream), (uint32_t)elf.len);
		assert_refused(&kernel, elf.len, DECOMPRESS_FAILED, "length");
	}
}

/* An lz4 block that is longer than the format allows, though it is there. */
static void
kernel_unpack_refuses_an_lz4_block_over_its_limit(void **state)
{
	CLEANUP(buffer_done) struct buffer stream = {0};
	CLEANUP(buffer_done) struct buffer kernel = {0};
	CLEANUP(freep) uint8_t *zeros = calloc(9, 1 << 20);

	(void)state;
	buffer_add_le32(&stream, 0x184c2102);
	buffer_add_le32(&stream, 9 << 20);
	buffer_add(&stream, zeros, 9 << 20);
	kernel = wrap_stream(LZ4, buffer_bytes(&stream), 9 << 20);
	assert_refused(&kernel, 9 << 20, DECOMPRESS_FAILED, "length");
}

/* The dictionary's size is a byte of the block header: xz format 5.3.1. */
static void
kernel_unpack_refuses_an_xz_dictionary_over_the_limit(void **state)
{
	static const uint8_t filter[] = {0x21, 0x01};
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer stream = compress_bytes(XZ, buffer_bytes(&elf));
	uint8_t *header = stream.ptr + 12;
	size_t len = 4 * (1 + (size_t)header[0]) - 4;
	uint8_t *found = memmem(header, len, filter, sizeof(filter));
	static const struct {
		uint8_t size; /* 34: 512 MiB, 28: 64 MiB */
		int code;
	} rows[] = {{34, DECOMPRESS_FAILED}, {28, 0}};

	(void)state;
	assert_non_null(found);
	for (size_t i = 0; i < countof(rows); i++) {
		CLEANUP(buffer_done) struct buffer kernel = {0};

		found[2] = rows[i].size;
		put_le32(header + len, (uint32_t)crc32(0, header, (uInt)len));
		kernel =
		    wrap_stream(XZ, buffer_bytes(&stream), (uint32_t)elf.len);
		assert_code(try_unpack(&kernel, elf.len), rows[i].code);
	}
}

/* RFC 8878: a frame of one raw block that asks for a window of 1 << bits. */
static struct buffer
make_zstd_frame(unsigned int bits, const struct buffer *data)
{
	uint32_t block = (uint32_t)data->len << 3 | 1;
	const uint8_t header[] = {0x28, 0xb5, 0x2f, 0xfd, 0,
	    (uint8_t)((bits - 10) << 3), (uint8_t)block, (uint8_t)(block >> 8),
	    (uint8_t)(block >> 16)};
	struct buffer frame = {0};

	buffer_add(&frame, header, sizeof(header));
	buffer_add(&frame, data->ptr, data->len);
	return frame;
}

static void
kernel_unpack_refuses_a_zstd_window_over_the_limit(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);

	(void)state;
	assert_true(elf.len < LIMIT_KIB(128)); /* the longest raw block */
	for (unsigned int bits = 27; bits <= 31; bits++) {
		CLEANUP(buffer_done)
		struct buffer stream = make_zstd_frame(bits, &elf);
		CLEANUP(buffer_done)
		struct buffer kernel =
		    wrap_stream(ZSTD, buffer_bytes(&stream), (uint32_t)elf.len);

		assert_code(try_unpack(&kernel, elf.len),
		    bits <= DECOMPRESS_ZSTD_WINDOW_BITS ? 0
							: DECOMPRESS_FAILED);
	}
}

static void
bzimage_without_setup_sectors_has_four(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer kernel = make_bzimage(XZ, buffer_bytes(&elf));

	(void)state;
	kernel.ptr[OFFSET_SETUP_SECTS] = 0;
	assert_refused(&kernel, elf.len, DECOMPRESS_FAILED, "zero is four");
	kernel.ptr[OFFSET_SETUP_SECTS] = 1;
	put_le32(kernel.ptr + OFFSET_PAYLOAD_OFFSET, 64 + 512);
	assert_code(try_unpack(&kernel, elf.len), 0);
}

static void
bzimage_with_four_setup_sectors_may_say_zero(void **state)
{
	static const uint8_t two_sectors[2 * 512];
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer small = make_bzimage(XZ, buffer_bytes(&elf));
	CLEANUP(buffer_done) struct buffer kernel = {0};

	(void)state;
	buffer_add(&kernel, small.ptr, 3 * 512);
	buffer_add(&kernel, two_sectors, sizeof(two_sectors));
	buffer_add(&kernel, small.ptr + 3 * 512, small.len - 3 * 512);
	kernel.ptr[OFFSET_SETUP_SECTS] = 0;
	assert_code(try_unpack(&kernel, elf.len), 0);
	kernel.ptr[OFFSET_SETUP_SECTS] = 4;
	assert_code(try_unpack(&kernel, elf.len), 0);
}

static void
bzimage_refuses_a_payload_outside_the_file(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer good = make_bzimage(ZSTD, buffer_bytes(&elf));
	uint32_t all = (uint32_t)good.len;
	const uint32_t rows[][2] = {
	    {all, 100},
	    {UINT32_MAX, 100},
	    {UINT32_MAX, UINT32_MAX},
	    {64, UINT32_MAX},
	    {64, all},
	    {64, all - PAYLOAD_AT + 1},
	    {64, 0},
	    {64, 4},
	    {all - 3 * 512, 0},
	    {all - 3 * 512 + 1, 0},
	};

	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		CLEANUP(buffer_done) struct buffer kernel = {0};
		uint64_t size_bytes = 77;
		struct err err;

		buffer_add(&kernel, good.ptr, good.len);
		put_le32(kernel.ptr + OFFSET_PAYLOAD_OFFSET, rows[i][0]);
		put_le32(kernel.ptr + OFFSET_PAYLOAD_LENGTH, rows[i][1]);
		assert_refused(&kernel, elf.len, DECOMPRESS_FAILED, "payload");
		assert_code(kernel_claimed_elf_size(buffer_bytes(&kernel),
				&size_bytes, &err),
		    DECOMPRESS_FAILED);
		assert_int_equal(size_bytes, 77);
	}
}

static void
bzimage_refuses_protocols_that_do_not_name_the_payload(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer kernel = make_bzimage(GZIP, buffer_bytes(&elf));

	(void)state;
	put_le16(kernel.ptr + OFFSET_VERSION, 0x0208);
	assert_code(try_unpack(&kernel, elf.len), 0);
	put_le16(kernel.ptr + OFFSET_VERSION, 0x0207);
	assert_refused(&kernel, elf.len, KERNEL_FORMAT_UNKNOWN, "2.07");
	put_le16(kernel.ptr + OFFSET_VERSION, 0);
	assert_refused(&kernel, elf.len, KERNEL_FORMAT_UNKNOWN, "0");
}

static void
bzimage_refuses_every_truncation(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer good = make_bzimage(LZ4, buffer_bytes(&elf));

	(void)state;
	for (size_t len = 0; len < good.len - 100; len++) {
		CLEANUP(buffer_done) struct buffer kernel = {0};

		if (len > 2000 && len % 61 != 0)
			continue;
		buffer_add(&kernel, good.ptr, len);
		assert_refused(&kernel, elf.len,
		    len < OFFSET_VERSION + 2 ? KERNEL_FORMAT_UNKNOWN
					     : DECOMPRESS_FAILED,
		    "truncated");
	}
}

static void
kernel_unpack_reports_that_memory_is_short(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	CLEANUP(buffer_done)
	struct buffer kernel = make_bzimage(LZ4, buffer_bytes(&elf));

	(void)state;
	drafts = 0;
	sealing_fails_at = 1;
	assert_refused(&kernel, elf.len, NO_MEMORY, "bzimage");
	drafts = 0;
	sealing_fails_at = 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(kernel_format_of_tells_elf_and_bzimage),
	    cmocka_unit_test(kernel_format_of_refuses_anything_else),
	    cmocka_unit_test(kernel_unpack_gives_the_elf_of_each_compression),
	    cmocka_unit_test(kernel_unpack_passes_an_elf_file_on),
	    cmocka_unit_test(
		kernel_unpack_refuses_a_claim_that_is_not_the_signed_size),
	    cmocka_unit_test(kernel_unpack_refuses_bombs),
	    cmocka_unit_test(kernel_unpack_refuses_a_bomb_by_one_byte),
	    cmocka_unit_test(kernel_unpack_refuses_a_big_bomb),
	    cmocka_unit_test(kernel_unpack_refuses_what_unpacks_to_less),
	    cmocka_unit_test(
		kernel_unpack_refuses_huge_claims_before_it_takes_memory),
	    cmocka_unit_test(kernel_unpack_refuses_a_kernel_over_the_limit),
	    cmocka_unit_test(kernel_unpack_refuses_nothing_as_a_kernel),
	    cmocka_unit_test(kernel_unpack_survives_every_damaged_byte),
	    cmocka_unit_test(decompress_refuses_every_truncated_stream),
	    cmocka_unit_test(kernel_unpack_refuses_bytes_behind_the_stream),
	    cmocka_unit_test(kernel_unpack_refuses_several_streams),
	    cmocka_unit_test(kernel_unpack_refuses_other_compressions),
	    cmocka_unit_test(kernel_unpack_reads_lz4_of_several_blocks),
	    cmocka_unit_test(kernel_unpack_refuses_bad_lz4_block_lengths),
	    cmocka_unit_test(kernel_unpack_refuses_an_lz4_block_over_its_limit),
	    cmocka_unit_test(
		kernel_unpack_refuses_an_xz_dictionary_over_the_limit),
	    cmocka_unit_test(
		kernel_unpack_refuses_a_zstd_window_over_the_limit),
	    cmocka_unit_test(bzimage_without_setup_sectors_has_four),
	    cmocka_unit_test(bzimage_with_four_setup_sectors_may_say_zero),
	    cmocka_unit_test(bzimage_refuses_a_payload_outside_the_file),
	    cmocka_unit_test(
		bzimage_refuses_protocols_that_do_not_name_the_payload),
	    cmocka_unit_test(bzimage_refuses_every_truncation),
	    cmocka_unit_test(kernel_unpack_reports_that_memory_is_short),
	};

	return cmocka_run_group_tests_name("kernel_unpack", tests, NULL, NULL);
}
