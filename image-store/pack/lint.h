/*
 * What will fail, or weaken the guest, of an image that is about to be signed.
 *
 * Advice for release engineers: nothing here decides what may run. An error
 * means that the guest cannot work as its command line says; a warning that it
 * is weaker than it could be.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_LINT_H
#define ASSAY_IMAGE_STORE_PACK_LINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "image-store/pack/elf_notes.h"
#include "image-store/pack/kernel_config.h"

#define LINT_FINDINGS 32

/* All borrowed. */
struct lint_image {
	const struct elf_notes *notes;
	const struct kernel_config *config; /* NULL: not known */
	const char *cmdline;                /* of any length */
	uint64_t ramdisk_bytes;             /* 0: there is none */
	uint32_t memory_min_mib;            /* 0: not known */
	bool is_debug;
};

struct lint_finding {
	const char *id; /* stable: "no-dm-verity" */
	bool is_error;
	const char
	    *where; /* "kernel", "config", "cmdline", "limits", "class" */
	char what[200];
	const char *remedy;
};

struct lint_report {
	struct lint_finding findings[LINT_FINDINGS];
	size_t count;
	size_t error_count;
};

/* Always the same findings, in the same order, for the same image. */
void lint_check(const struct lint_image *image, struct lint_report *ret_report);

#endif
