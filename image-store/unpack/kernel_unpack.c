#include "image-store/unpack/kernel_unpack.h"

#include <elf.h>

#include "base/limits.h"
#include "base/scope.h"
#include "image-store/unpack/bzimage.h"
#include "image-store/unpack/decompress.h"

static int check_size(const char *what, uint64_t size_bytes, struct err *err);
static int find_payload(struct bytes kernel, enum kernel_format format,
    uint64_t elf_size_bytes, struct bytes *ret_payload, struct err *err);
static int check_claim(uint32_t claimed_size_bytes, uint64_t elf_size_bytes,
    struct err *err);

int
kernel_format_of(struct bytes kernel, enum kernel_format *ret_format,
    struct err *err)
{
	if (kernel.len >= SELFMAG && memcmp(kernel.ptr, ELFMAG, SELFMAG) == 0)
		*ret_format = KERNEL_ELF;
	else if (bzimage_is(kernel))
		*ret_format = KERNEL_BZIMAGE;
	else
		return err_set(err, KERNEL_FORMAT_UNKNOWN,
		    "kernel starts with \"%s\": not a bzImage or ELF file",
		    err_quote(kernel.ptr, kernel.len < 4 ? kernel.len : 4)
			.text);
	return 0;
}

int
kernel_claimed_elf_size(struct bytes bzimage, uint64_t *ret_size_bytes,
    struct err *err)
{
	struct bzimage_payload payload;

	TRY(bzimage_payload(bzimage, &payload, err));
	TRY(check_size("unpacked kernel", payload.claimed_size_bytes, err));
	*ret_size_bytes = payload.claimed_size_bytes;
	return 0;
}

int
kernel_unpack(struct bytes kernel, uint64_t elf_size_bytes,
    const struct piece_watcher *watcher, struct sealed **ret_elf,
    struct err *err)
{
	CLEANUP(sealing_freep) struct sealing *elf = NULL;
	enum kernel_format format;
	struct bytes payload;

	TRY(kernel_format_of(kernel, &format, err));
	TRY(check_size("kernel", kernel.len, err));
	TRY(check_size("unpacked kernel", elf_size_bytes, err));
	TRY(find_payload(kernel, format, elf_size_bytes, &payload, err));
	TRY(sealing_new("kernel", elf_size_bytes, &elf, err));
	sealing_watch(elf, watcher);
	if (format == KERNEL_ELF)
		TRY(sealing_write(elf, payload, err));
	else
		TRY(decompress(payload, elf, err));
	return sealing_seal(take_ptr(&elf), ret_elf, err);
}

static int
check_size(const char *what, uint64_t size_bytes, struct err *err)
{
	if (size_bytes > LIMIT_KERNEL_BYTES)
		return err_set(err, IMAGE_TOO_LARGE,
		    "%s: %llu bytes, limit %zu", what,
		    (unsigned long long)size_bytes, LIMIT_KERNEL_BYTES);
	return 0;
}

/* Which bytes are to be copied or decompressed; refused if their result will
 * not have the signed size. */
static int
find_payload(struct bytes kernel, enum kernel_format format,
    uint64_t elf_size_bytes, struct bytes *ret_payload, struct err *err)
{
	struct bzimage_payload payload = {.body = kernel};

	if (format == KERNEL_ELF && kernel.len != elf_size_bytes)
		return err_set(err, IMAGE_SIZE_MISMATCH,
		    "kernel: %zu bytes instead of %llu", kernel.len,
		    (unsigned long long)elf_size_bytes);
	if (format == KERNEL_BZIMAGE) {
		TRY(bzimage_payload(kernel, &payload, err));
		TRY(check_claim(payload.claimed_size_bytes, elf_size_bytes,
		    err));
	}
	*ret_payload = payload.body;
	return 0;
}

/* Before any memory is taken. That the claim is true is seen by unpacking. */
static int
check_claim(uint32_t claimed_size_bytes, uint64_t elf_size_bytes,
    struct err *err)
{
	if (claimed_size_bytes > elf_size_bytes)
		return err_set(err, DECOMPRESS_BOMB,
		    "kernel claims to unpack to %u bytes instead of %llu",
		    claimed_size_bytes, (unsigned long long)elf_size_bytes);
	if (claimed_size_bytes < elf_size_bytes || claimed_size_bytes == 0)
		return err_set(err, DECOMPRESS_FAILED,
		    "kernel claims to unpack to %u bytes instead of %llu",
		    claimed_size_bytes, (unsigned long long)elf_size_bytes);
	return 0;
}
