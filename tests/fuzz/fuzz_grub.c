/*
 * Minimal grub.cfg files; the files that they name are not there.
 */
#include "measure/predict/predict_grub.h"
#include "tests/fuzz/fuzz.h"

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct prediction prediction = {0};
	struct err err;

	(void)predict_grub(bytes_of(data, len), "/nonexistent", &prediction,
	    &err);
	return 0;
}
