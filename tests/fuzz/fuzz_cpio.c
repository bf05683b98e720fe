/*
 * Archives that a ramdisk begins with.
 */
#include "measure/predict/cpio.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct err err;

	(void)cpio_check(bytes_of(data, len), &err);
	return 0;
}
