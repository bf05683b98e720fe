/*
 * Kernels: bzImages of every compression and ELF files, as packing reads them
 * and as assayd does. Whatever unpacks has the size that was asked for.
 */
#include "base/log.h"
#include "base/scope.h"
#include "base/sealed.h"
#include "image-store/elf_check.h"
#include "image-store/pack/elf_notes.h"
#include "image-store/unpack/kernel_unpack.h"
#include "image-store/ramdisk.h"
#include "tests/fuzz/fuzz.h"

/* So that one input does not take seconds; the limit itself has a test. */
#define MOST_BYTES LIMIT_MIB(16)

static void
read_elf(struct bytes elf)
{
	struct elf_notes notes;
	struct err err;

	(void)elf_check(elf, &err);
	if (elf_notes_read(elf, &notes, &err) == 0)
		(void)elf_notes_require_pv(&notes, &err);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	CLEANUP(sealed_freep) struct sealed *elf = NULL;
	struct bytes kernel = bytes_of(data, len);
	enum kernel_format format;
	uint64_t size_bytes = len;
	struct err err;

	(void)ramdisk_check(kernel, &err);
	read_elf(kernel);
	if (kernel_format_of(kernel, &format, &err) != 0 ||
	    (format == KERNEL_BZIMAGE &&
		kernel_claimed_elf_size(kernel, &size_bytes, &err) != 0) ||
	    size_bytes > MOST_BYTES)
		return 0;
	if (kernel_unpack(kernel, size_bytes, NULL, &elf, &err) != 0)
		return 0;
	bug_unless(sealed_bytes(elf).len == size_bytes);
	read_elf(sealed_bytes(elf));
	return 0;
}
