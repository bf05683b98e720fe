#include "measure/predict/cpio.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "base/scope.h"

enum {
	HEADER_BYTES = 110,
	MAGIC_BYTES = 6,
	FIELD_BYTES = 8, /* hex digits, 13 of them */
	ALIGNMENT = 4,
	BLOCK_BYTES = 512,
	FIELD_FILE_BYTES = 6,
	FIELD_NAME_BYTES = 11,
};

static const char magic[] = "070701";
static const char trailer[] = "TRAILER!!!";

static int append(struct cpio *cpio, struct bytes data, size_t alignment,
    struct err *err);
static int make_room(struct cpio *cpio, size_t len, struct err *err);
static int check_entry(struct bytes archive, size_t *offset, bool *ret_is_last,
    struct err *err);
static int read_field(struct bytes archive, size_t header, size_t index,
    uint32_t *ret_value, struct err *err);
static size_t skip_zeros(struct bytes archive, size_t offset);
static size_t align(size_t value, size_t alignment);

int
cpio_add(struct cpio *cpio, const char *name, mode_t mode, struct bytes data,
    struct err *err)
{
	char header[HEADER_BYTES + CPIO_NAME_BYTES + 2];
	bool is_directory = S_ISDIR(mode);
	int len;

	bug_unless(strlen(name) <= CPIO_NAME_BYTES);
	if (data.len > UINT32_MAX)
		return err_set(err, IMAGE_TOO_LARGE, "%s: %zu bytes",
		    err_quote_str(name).text, data.len);
	/* ino, mode, uid, gid, nlink, mtime, size, four device numbers, length
	 * of the name, checksum; the name with its NUL. */
	len = snprintf(header, sizeof(header),
	    "%s%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s", magic,
	    ++cpio->entries, mode, 0, 0, is_directory ? 2 : 1, cpio->mtime,
	    (unsigned int)data.len, 0, 0, 0, 0, (unsigned int)strlen(name) + 1,
	    0, name);
	TRY(append(cpio, bytes_of(header, (size_t)len + 1), ALIGNMENT, err));
	return append(cpio, data, ALIGNMENT, err);
}

int
cpio_add_archive(struct cpio *cpio, struct bytes archive, struct err *err)
{
	return append(cpio, archive, ALIGNMENT, err);
}

int
cpio_end(struct cpio *cpio, struct err *err)
{
	uint32_t mtime = cpio->mtime;
	int code;

	cpio->mtime = 0;
	code = cpio_add(cpio, trailer, 0, bytes_of(NULL, 0), err);
	cpio->mtime = mtime;
	TRY(code);
	return append(cpio, bytes_of(NULL, 0), BLOCK_BYTES, err);
}

void
cpio_done(struct cpio *cpio)
{
	free(cpio->data);
	*cpio = (struct cpio){.data = NULL};
}

int
cpio_check(struct bytes archive, struct err *err)
{
	size_t offset = 0;
	bool is_last;

	do {
		do {
			TRY(check_entry(archive, &offset, &is_last, err));
		} while (!is_last);
		offset = skip_zeros(archive, offset);
	} while (offset < archive.len);
	return 0;
}

/* And zeros up to the alignment. */
static int
append(struct cpio *cpio, struct bytes data, size_t alignment, struct err *err)
{
	size_t end;

	if (cpio->len > cpio->max_bytes ||
	    data.len > cpio->max_bytes - cpio->len)
		return err_set(err, IMAGE_TOO_LARGE,
		    "ramdisk: over the limit of %zu bytes", cpio->max_bytes);
	end = align(cpio->len + data.len, alignment);
	TRY(make_room(cpio, end, err));
	if (data.len > 0)
		memcpy(cpio->data + cpio->len, data.ptr, data.len);
	memset(cpio->data + cpio->len + data.len, 0,
	    end - cpio->len - data.len);
	cpio->len = end;
	return 0;
}

static int
make_room(struct cpio *cpio, size_t len, struct err *err)
{
	size_t room = cpio->room < BLOCK_BYTES ? BLOCK_BYTES : cpio->room;
	uint8_t *data;

	if (len <= cpio->room)
		return 0;
	while (room < len)
		room *= 2;
	data = realloc(cpio->data, room);
	if (data == NULL)
		return err_set(err, NO_MEMORY, "ramdisk: %zu bytes", room);
	cpio->data = data;
	cpio->room = room;
	return 0;
}

/* Moves `offset` behind it. */
static int
check_entry(struct bytes archive, size_t *offset, bool *ret_is_last,
    struct err *err)
{
	size_t header = *offset;
	struct bytes part;
	uint32_t file_bytes = 0;
	uint32_t name_bytes = 0;

	if (header % ALIGNMENT != 0 ||
	    !bytes_part(archive, header, HEADER_BYTES, &part) ||
	    memcmp(part.ptr, magic, MAGIC_BYTES) != 0)
		return err_set(err, CPIO_MALFORMED,
		    "offset %zu: no newc header", header);
	for (size_t i = 0; i < 13; i++)
		TRY(read_field(archive, header, i, &file_bytes, err));
	TRY(read_field(archive, header, FIELD_FILE_BYTES, &file_bytes, err));
	TRY(read_field(archive, header, FIELD_NAME_BYTES, &name_bytes, err));
	if (name_bytes == 0 ||
	    !bytes_part(archive, header + HEADER_BYTES, name_bytes, &part) ||
	    memchr(part.ptr, '\0', name_bytes) != part.ptr + name_bytes - 1)
		return err_set(err, CPIO_MALFORMED,
		    "offset %zu: a name of %u bytes is not there", header,
		    name_bytes);
	*ret_is_last = name_bytes == sizeof(trailer) &&
	               memcmp(part.ptr, trailer, sizeof(trailer)) == 0;
	header = align(header + HEADER_BYTES + name_bytes, ALIGNMENT);
	if (!bytes_part(archive, header, file_bytes, &part))
		return err_set(err, CPIO_MALFORMED,
		    "offset %zu: a file of %u bytes is not there", *offset,
		    file_bytes);
	*offset = align(header + file_bytes, ALIGNMENT);
	return 0;
}

static int
read_field(struct bytes archive, size_t header, size_t index,
    uint32_t *ret_value, struct err *err)
{
	const uint8_t *digits =
	    archive.ptr + header + MAGIC_BYTES + index * FIELD_BYTES;
	uint32_t value = 0;

	for (size_t i = 0; i < FIELD_BYTES; i++) {
		int digit = hex_value((char)tolower(digits[i]));

		if (digit < 0)
			return err_set(err, CPIO_MALFORMED,
			    "offset %zu: field %zu is not 8 hex digits", header,
			    index);
		value = value << 4 | (uint32_t)digit;
	}
	*ret_value = value;
	return 0;
}

static size_t
skip_zeros(struct bytes archive, size_t offset)
{
	while (offset < archive.len && archive.ptr[offset] == 0)
		offset++;
	return offset;
}

static size_t
align(size_t value, size_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}
