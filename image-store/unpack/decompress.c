#include "image-store/unpack/decompress.h"

#include <stdlib.h>

#include <lz4.h>
#include <lzma.h>
#define ZLIB_CONST /* next_in is const: zlib does not write to it */
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "base/log.h"
#include "base/scope.h"

/* Each block of a legacy LZ4 frame unpacks to at most this. */
#define LZ4_BLOCK_BYTES LIMIT_MIB(8)

/* The others are unpacked through a buffer of this size. */
enum { ROOM_BYTES = 256 << 10 };

typedef int (
    *unpack_fn)(struct bytes stream, struct sealing *sealing, struct err *err);

struct compression {
	const char *name;
	uint8_t magic[6];
	size_t magic_len;
	unpack_fn unpack;
};

static bool has_magic(const struct compression *compression,
    struct bytes stream);
static int unpack_gzip(struct bytes stream, struct sealing *sealing,
    struct err *err);
static void inflate_donep(z_stream *z);
static int unpack_xz(struct bytes stream, struct sealing *sealing,
    struct err *err);
static int unpack_lz4(struct bytes stream, struct sealing *sealing,
    struct err *err);
static int put_first_piece(struct bytes block, uint8_t *block_out, size_t room,
    struct sealing *sealing, size_t *ret_len, struct err *err);
static int next_lz4_block(struct bytes stream, size_t *offset,
    struct bytes *ret_block, struct err *err);
static int refuse_lz4_block(struct bytes block, size_t room, struct err *err);
static int unpack_zstd(struct bytes stream, struct sealing *sealing,
    struct err *err);
static void zstd_freep(ZSTD_DCtx **zstd);
static size_t room_for(size_t missing);
static int put(struct sealing *sealing, struct bytes out, size_t *missing,
    struct err *err);
static int check_end(size_t unread, size_t missing, struct err *err);
static int refuse_bomb(struct err *err);

enum { GZIP, XZ, LZ4, ZSTD };

static const struct compression compressions[] = {
    [GZIP] = {"gzip", {0x1f, 0x8b}, 2, unpack_gzip},
    [XZ] = {"xz", {0xfd, '7', 'z', 'X', 'Z', 0x00}, 6, unpack_xz},
    [LZ4] = {"lz4", {0x02, 0x21, 0x4c, 0x18}, 4, unpack_lz4},
    [ZSTD] = {"zstd", {0x28, 0xb5, 0x2f, 0xfd}, 4, unpack_zstd},
};

bool
decompress_is_gzip(struct bytes stream)
{
	return has_magic(&compressions[GZIP], stream);
}

int
decompress(struct bytes stream, struct sealing *sealing, struct err *err)
{
	/* So that every length fits an int, as lz4 and zlib want it. */
	bug_unless(stream.len <= LIMIT_KERNEL_BYTES);
	bug_unless(sealing_size(sealing) <= LIMIT_KERNEL_BYTES);

	for (size_t i = 0; i < countof(compressions); i++) {
		if (!has_magic(&compressions[i], stream))
			continue;
		if (compressions[i].unpack(stream, sealing, err) != 0)
			return err_prefix(err, "%s", compressions[i].name);
		return 0;
	}
	return err_set(err, DECOMPRESS_FAILED,
	    "payload starts with \"%s\": not gzip, xz, lz4 or zstd",
	    err_quote(stream.ptr, stream.len < 6 ? stream.len : 6).text);
}

static bool
has_magic(const struct compression *compression, struct bytes stream)
{
	return stream.len >= compression->magic_len &&
	       memcmp(stream.ptr, compression->magic, compression->magic_len) ==
	           0;
}

static int
unpack_gzip(struct bytes stream, struct sealing *sealing, struct err *err)
{
	CLEANUP(freep) uint8_t *room = malloc(ROOM_BYTES);
	CLEANUP(inflate_donep)
	z_stream z = {.next_in = stream.ptr, .avail_in = (uInt)stream.len};
	size_t missing = sealing_size(sealing);
	int result = inflateInit2(&z, 16 + MAX_WBITS); /* 16: gzip only */

	if (room == NULL)
		return err_set(err, NO_MEMORY, "%d bytes", ROOM_BYTES);
	/* OK is progress; without any it becomes Z_BUF_ERROR. */
	while (result == Z_OK) {
		size_t len = room_for(missing);

		z.next_out = room;
		z.avail_out = (uInt)len;
		result = inflate(&z, Z_NO_FLUSH);
		TRY(put(sealing, bytes_of(room, len - z.avail_out), &missing,
		    err));
	}
	if (result == Z_MEM_ERROR)
		return err_set(err, NO_MEMORY, "inflate");
	if (result != Z_STREAM_END)
		return err_set(err, DECOMPRESS_FAILED, "damaged: %s",
		    z.msg != NULL ? z.msg : "ends too early");
	return check_end(z.avail_in, missing, err);
}

static void
inflate_donep(z_stream *z)
{
	inflateEnd(z);
}

static int
unpack_xz(struct bytes stream, struct sealing *sealing, struct err *err)
{
	CLEANUP(freep) uint8_t *room = malloc(ROOM_BYTES);
	CLEANUP(lzma_end)
	lzma_stream xz = LZMA_STREAM_INIT;
	size_t missing = sealing_size(sealing);
	lzma_ret result = lzma_stream_decoder(&xz, DECOMPRESS_XZ_MEMORY_BYTES,
	    LZMA_TELL_UNSUPPORTED_CHECK);

	if (room == NULL)
		return err_set(err, NO_MEMORY, "%d bytes", ROOM_BYTES);
	xz.next_in = stream.ptr;
	xz.avail_in = stream.len;
	/* OK is progress; without any it becomes LZMA_BUF_ERROR. */
	while (result == LZMA_OK) {
		size_t len = room_for(missing);

		xz.next_out = room;
		xz.avail_out = len;
		result = lzma_code(&xz, LZMA_FINISH);
		TRY(put(sealing, bytes_of(room, len - xz.avail_out), &missing,
		    err));
	}
	if (result == LZMA_MEM_ERROR)
		return err_set(err, NO_MEMORY, "dictionary");
	if (result == LZMA_MEMLIMIT_ERROR)
		return err_set(err, DECOMPRESS_FAILED,
		    "wants %llu bytes of memory, limit %zu",
		    (unsigned long long)lzma_memusage(&xz),
		    DECOMPRESS_XZ_MEMORY_BYTES);
	if (result != LZMA_STREAM_END)
		return err_set(err, DECOMPRESS_FAILED, "damaged: error %d",
		    (int)result);
	return check_end(xz.avail_in, missing, err);
}

/* Block by block, through a buffer whose pages are faulted in only once. */
static int
unpack_lz4(struct bytes stream, struct sealing *sealing, struct err *err)
{
	CLEANUP(freep) uint8_t *block_out = malloc(LZ4_BLOCK_BYTES);
	size_t offset = compressions[LZ4].magic_len;
	size_t missing = sealing_size(sealing);
	size_t early = 0;

	if (block_out == NULL)
		return err_set(err, NO_MEMORY, "%zu bytes", LZ4_BLOCK_BYTES);
	while (offset < stream.len) {
		size_t room =
		    missing < LZ4_BLOCK_BYTES ? missing : LZ4_BLOCK_BYTES;
		struct bytes block = {0};
		int n;

		TRY(next_lz4_block(stream, &offset, &block, err));
		if (missing == sealing_size(sealing))
			TRY(put_first_piece(block, block_out, room, sealing,
			    &early, err));
		n = LZ4_decompress_safe((const char *)block.ptr,
		    (char *)block_out, (int)block.len, (int)room);
		if (n <= 0 || (size_t)n < early)
			return refuse_lz4_block(block, room, err);
		TRY(sealing_write(sealing,
		    bytes_of(block_out + early, (size_t)n - early), err));
		missing -= (size_t)n;
		early = 0;
	}
	return check_end(0, missing, err);
}

/*
 * The beginning of the first block on its own, so that whoever watches has work
 * while the whole block is unpacked: its first bytes are the same again.
 */
static int
put_first_piece(struct bytes block, uint8_t *block_out, size_t room,
    struct sealing *sealing, size_t *ret_len, struct err *err)
{
	size_t wanted = room < SEALED_PIECE_BYTES ? room : SEALED_PIECE_BYTES;
	int n = LZ4_decompress_safe_partial((const char *)block.ptr,
	    (char *)block_out, (int)block.len, (int)wanted, (int)wanted);

	if (n <= 0)
		return refuse_lz4_block(block, room, err);
	*ret_len = (size_t)n;
	return sealing_write(sealing, bytes_of(block_out, (size_t)n), err);
}

static int
next_lz4_block(struct bytes stream, size_t *offset, struct bytes *ret_block,
    struct err *err)
{
	uint32_t len;

	if (!bytes_le32(stream, *offset, &len))
		return err_set(err, DECOMPRESS_FAILED,
		    "ends inside a block length");
	if (!bytes_part(stream, *offset + sizeof(len), len, ret_block))
		return err_set(err, DECOMPRESS_FAILED,
		    "block of %u bytes at %zu is outside the stream", len,
		    *offset);
	*offset += sizeof(len) + len;
	return 0;
}

/*
 * lz4 does not say whether a block is damaged or longer than the room for it;
 * with room for the longest legal block only damage is left.
 */
static int
refuse_lz4_block(struct bytes block, size_t room, struct err *err)
{
	CLEANUP(freep)
	char *scratch = malloc(LZ4_BLOCK_BYTES);
	int n;

	if (scratch == NULL)
		return err_set(err, NO_MEMORY, "%zu bytes", LZ4_BLOCK_BYTES);
	n = LZ4_decompress_safe((const char *)block.ptr, scratch,
	    (int)block.len, (int)LZ4_BLOCK_BYTES);
	if (n > 0 && (size_t)n > room)
		return refuse_bomb(err);
	return err_set(err, DECOMPRESS_FAILED, "damaged block");
}

static int
unpack_zstd(struct bytes stream, struct sealing *sealing, struct err *err)
{
	CLEANUP(freep) uint8_t *room = malloc(ROOM_BYTES);
	CLEANUP(zstd_freep) ZSTD_DCtx *zstd = ZSTD_createDCtx();
	size_t missing = sealing_size(sealing);
	ZSTD_inBuffer in = {.src = stream.ptr, .size = stream.len};
	size_t result = 1; /* 0: the frame ended */
	bool is_stuck = false;

	if (room == NULL || zstd == NULL)
		return err_set(err, NO_MEMORY, "zstd");
	ZSTD_DCtx_setParameter(zstd, ZSTD_d_windowLogMax,
	    DECOMPRESS_ZSTD_WINDOW_BITS);
	while (result != 0 && !is_stuck) {
		ZSTD_outBuffer out = {.dst = room, .size = room_for(missing)};
		size_t before = in.pos;

		result = ZSTD_decompressStream(zstd, &out, &in);
		if (ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation)
			return err_set(err, NO_MEMORY, "zstd");
		if (ZSTD_isError(result))
			return err_set(err, DECOMPRESS_FAILED, "damaged: %s",
			    ZSTD_getErrorName(result));
		is_stuck = in.pos == before && out.pos == 0;
		TRY(put(sealing, bytes_of(room, out.pos), &missing, err));
	}
	if (result != 0)
		return err_set(err, DECOMPRESS_FAILED,
		    "damaged: ends too early");
	return check_end(stream.len - in.pos, missing, err);
}

static void
zstd_freep(ZSTD_DCtx **zstd)
{
	ZSTD_freeDCtx(*zstd);
}

/* One byte more than is missing: what fills it is a bomb. */
static size_t
room_for(size_t missing)
{
	return missing < ROOM_BYTES ? missing + 1 : ROOM_BYTES;
}

static int
put(struct sealing *sealing, struct bytes out, size_t *missing, struct err *err)
{
	if (out.len > *missing)
		return refuse_bomb(err);
	*missing -= out.len;
	return sealing_write(sealing, out, err);
}

static int
check_end(size_t unread, size_t missing, struct err *err)
{
	if (unread > 0)
		return err_set(err, DECOMPRESS_FAILED,
		    "%zu bytes behind the end of the stream", unread);
	if (missing > 0)
		return err_set(err, DECOMPRESS_FAILED,
		    "unpacks to %zu bytes less than it should", missing);
	return 0;
}

static int
refuse_bomb(struct err *err)
{
	return err_set(err, DECOMPRESS_BOMB, "unpacks to more than it should");
}
