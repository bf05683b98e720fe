/*
 * A view of bytes that somebody else owns. Passed by value.
 */
#ifndef ASSAY_BASE_BYTES_H
#define ASSAY_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct bytes {
	const uint8_t *ptr;
	size_t len;
};

static inline struct bytes
bytes_of(const void *ptr, size_t len)
{
	return (struct bytes){.ptr = ptr, .len = len};
}

static inline struct bytes
bytes_of_str(const char *str)
{
	return bytes_of(str, strlen(str));
}

static inline bool
bytes_equal(struct bytes a, struct bytes b)
{
	return a.len == b.len &&
	       (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* A bounded part; false, and *ret_part untouched, if it is not inside. */
static inline bool
bytes_part(struct bytes all, size_t offset, size_t len, struct bytes *ret_part)
{
	if (offset > all.len || len > all.len - offset)
		return false;
	*ret_part = bytes_of(all.ptr + offset, len);
	return true;
}

/* Little-endian integers at an offset; false if they are not inside. */
static inline bool
bytes_u8(struct bytes all, size_t offset, uint8_t *ret_value)
{
	if (offset >= all.len)
		return false;
	*ret_value = all.ptr[offset];
	return true;
}

static inline bool
bytes_le16(struct bytes all, size_t offset, uint16_t *ret_value)
{
	struct bytes part;

	if (!bytes_part(all, offset, 2, &part))
		return false;
	*ret_value = (uint16_t)(part.ptr[0] | part.ptr[1] << 8);
	return true;
}

static inline bool
bytes_le32(struct bytes all, size_t offset, uint32_t *ret_value)
{
	struct bytes part;

	if (!bytes_part(all, offset, 4, &part))
		return false;
	*ret_value = (uint32_t)part.ptr[0] | (uint32_t)part.ptr[1] << 8 |
	             (uint32_t)part.ptr[2] << 16 | (uint32_t)part.ptr[3] << 24;
	return true;
}

/* And their writer: the lowest `len` bytes of `value`. */
static inline void
bytes_put_le(uint8_t *out, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(value >> 8 * i);
}

#endif
