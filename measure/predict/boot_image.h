/*
 * A unified boot image: Xen's EFI binary with its configuration, the kernel of
 * the first domain and a ramdisk as sections of their own, one file that
 * firmware measures and Secure Boot verifies as a whole.
 *
 * The same inputs give the same bytes; there is no time, path, name or random
 * number in it. Against the input only the headers change: three sections, the
 * sums of sizes, and offsets where the headers needed more room. The new
 * sections follow the last one in memory, at the image's section alignment
 * (Xen wants modules at page boundaries), and .config is writable, because Xen
 * splits it in place. The whole is padded to 8 bytes, so that signing it adds
 * nothing but the signature: see measure/predict/authenticode.h.
 *
 * Not done: signing (sbsign(1) does that), and checking that the parts work
 * together.
 * Spec: Xen docs/misc/efi.pandoc, "Unified Xen kernel image"; how Xen reads
 * them: xen/common/efi/boot.c read_section(), pre_parse(), get_value().
 */
#ifndef ASSAY_MEASURE_PREDICT_BOOT_IMAGE_H
#define ASSAY_MEASURE_PREDICT_BOOT_IMAGE_H

#include "base/bytes.h"
#include "base/err.h"

struct boot_image_parts {
	struct bytes xen;           /* xen.efi, not signed */
	const char *xen_options;    /* "" for none */
	struct bytes kernel;        /* bzImage or ELF */
	const char *kernel_options; /* "" for none */
	struct bytes ramdisk;       /* as it goes to the kernel */
};

/*
 * The configuration section's text. Returns owned.
 * Errors: BOOT_OPTIONS_BAD for what Xen would read as something else: what is
 * not printable ASCII, '#' (a comment, anywhere in a line), spaces at an end,
 * over LIMIT_BOOT_OPTIONS_BYTES; NO_MEMORY.
 */
int boot_image_config(const char *xen_options, const char *kernel_options,
    char **ret_config, struct err *err);

/*
 * Returns owned.
 * Errors: PE_MALFORMED, PE_UNSUPPORTED; BOOT_IMAGE_UNFIT if the Xen binary is
 * signed, does not look for such sections, has one of them already, has bytes
 * between its sections, or would grow over 2 GiB; BOOT_OPTIONS_BAD;
 * KERNEL_FORMAT_UNKNOWN; NO_MEMORY.
 */
int boot_image_make(const struct boot_image_parts *parts, uint8_t **ret_image,
    size_t *ret_len, struct err *err);

#endif
