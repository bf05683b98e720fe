#include "image-store/ramdisk.h"

int
ramdisk_check(struct bytes ramdisk, struct err *err)
{
	uint32_t claimed_size;

	if (ramdisk.len < sizeof(claimed_size) ||
	    memcmp(ramdisk.ptr, "\x1f\x8b", 2) != 0 ||
	    !bytes_le32(ramdisk, ramdisk.len - sizeof(claimed_size),
		&claimed_size))
		return 0;
	if (claimed_size <= ramdisk.len)
		return err_set(err, RAMDISK_UNPACKABLE,
		    "ramdisk: gzip of %zu bytes that claims to unpack to %u",
		    ramdisk.len, claimed_size);
	return 0;
}
