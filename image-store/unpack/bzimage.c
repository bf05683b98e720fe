#include "image-store/unpack/bzimage.h"

#include "base/scope.h"
#include "image-store/unpack/decompress.h"

/* boot.rst, "The Real-Mode Kernel Header": offsets in the file. */
#define OFFSET_SETUP_SECTS    0x1f1
#define OFFSET_BOOT_FLAG      0x1fe
#define OFFSET_HEADER         0x202
#define OFFSET_VERSION        0x206
#define OFFSET_PAYLOAD_OFFSET 0x248
#define OFFSET_PAYLOAD_LENGTH 0x24c

#define BOOT_FLAG            0xaa55
#define HEADER_MAGIC         0x53726448 /* "HdrS" */
#define VERSION_WITH_PAYLOAD 0x0208
#define SECTOR_BYTES         512
#define SETUP_SECTS_IF_ZERO  4
#define SIZE_BYTES           4

static int find_payload(struct bytes file, struct bytes *ret_payload,
    struct err *err);

bool
bzimage_is(struct bytes file)
{
	uint16_t boot_flag;
	uint32_t header;

	return bytes_le16(file, OFFSET_BOOT_FLAG, &boot_flag) &&
	       bytes_le32(file, OFFSET_HEADER, &header) &&
	       boot_flag == BOOT_FLAG && header == HEADER_MAGIC;
}

int
bzimage_payload(struct bytes file, struct bzimage_payload *ret_payload,
    struct err *err)
{
	struct bzimage_payload payload;
	uint16_t version;

	if (!bzimage_is(file) || !bytes_le16(file, OFFSET_VERSION, &version))
		return err_set(err, KERNEL_FORMAT_UNKNOWN, "not a bzImage");
	if (version < VERSION_WITH_PAYLOAD)
		return err_set(err, KERNEL_FORMAT_UNKNOWN,
		    "bzImage of boot protocol %u.%02u; 2.08 is the first that "
		    "names its payload",
		    version >> 8, version & 0xff);
	TRY(find_payload(file, &payload.body, err));
	if (payload.body.len <= SIZE_BYTES ||
	    !bytes_le32(payload.body, payload.body.len - SIZE_BYTES,
		&payload.claimed_size_bytes))
		return err_set(err, DECOMPRESS_FAILED,
		    "bzImage: payload of %zu bytes", payload.body.len);
	if (!decompress_is_gzip(payload.body))
		payload.body.len -= SIZE_BYTES;
	*ret_payload = payload;
	return 0;
}

static int
find_payload(struct bytes file, struct bytes *ret_payload, struct err *err)
{
	uint8_t setup_sects;
	uint32_t payload_offset;
	uint32_t payload_length;
	uint64_t start;

	if (!bytes_u8(file, OFFSET_SETUP_SECTS, &setup_sects) ||
	    !bytes_le32(file, OFFSET_PAYLOAD_OFFSET, &payload_offset) ||
	    !bytes_le32(file, OFFSET_PAYLOAD_LENGTH, &payload_length))
		return err_set(err, DECOMPRESS_FAILED,
		    "bzImage: header ends after %zu bytes", file.len);
	if (setup_sects == 0)
		setup_sects = SETUP_SECTS_IF_ZERO;
	/* Protected-mode code follows the boot sector and the setup sectors. */
	start = (1 + (uint64_t)setup_sects) * SECTOR_BYTES + payload_offset;
	if (!bytes_part(file, start, payload_length, ret_payload))
		return err_set(err, DECOMPRESS_FAILED,
		    "bzImage: payload of %u bytes at %llu is outside the file",
		    payload_length, (unsigned long long)start);
	return 0;
}
