/*
 * EFI images: whatever decodes also has a digest, and can be packed or is
 * refused; what was packed decodes again.
 */
#include "base/log.h"
#include "base/scope.h"
#include "measure/predict/authenticode.h"
#include "measure/predict/boot_image.h"
#include "tests/fuzz/fuzz.h"

static const uint8_t kernel[100] = {0x7f, 'E', 'L', 'F', 2, 1,
    1, [16] = 2, [18] = 62, [20] = 1};

static void
pack(struct bytes xen)
{
	CLEANUP(freep) uint8_t *image = NULL;
	const struct boot_image_parts parts = {xen, "a", bytes_of(kernel, 100),
	    "b", bytes_of_str("c")};
	struct err err;
	struct pe pe;
	size_t len;

	if (boot_image_make(&parts, &image, &len, &err) != 0)
		return;
	bug_unless(pe_decode(bytes_of(image, len), &pe, &err) == 0);
	bug_unless(pe_section(&pe, ".ramdisk") != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct pcr_digests digests;
	struct err err;
	struct pe pe;

	if (pe_decode(bytes_of(data, len), &pe, &err) != 0)
		return 0;
	bug_unless(authenticode_digests(&pe, &digests, &err) == 0);
	pack(bytes_of(data, len));
	return 0;
}
