#include "image-store/ramdisk.h"

int
ramdisk_check(struct bytes ramdisk, struct err *err)
{
	return ramdisk_check_ends(ramdisk, ramdisk, ramdisk.len, err);
}

int
ramdisk_check_ends(struct bytes head, struct bytes tail, size_t size_bytes,
    struct err *err)
{
	uint32_t claimed_size;

	if (size_bytes < sizeof(claimed_size) ||
	    memcmp(head.ptr, "\x1f\x8b", 2) != 0 ||
	    !bytes_le32(tail, tail.len - sizeof(claimed_size), &claimed_size))
		return 0;
	if (claimed_size <= size_bytes)
		return err_set(err, RAMDISK_UNPACKABLE,
		    "ramdisk: gzip of %zu bytes that claims to unpack to %u",
		    size_bytes, claimed_size);
	return 0;
}
