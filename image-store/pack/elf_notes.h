/*
 * Can this ELF kernel start as a Xen PV guest? Read with libelf, when packing
 * and inspecting.
 *
 * A PV kernel for x86-64 has Xen ELF notes (name "Xen"): XEN_ELFNOTE_ENTRY,
 * XEN_ELFNOTE_XEN_VERSION "xen-3.0" and XEN_ELFNOTE_LOADER "generic". It may
 * have a XEN_ELFNOTE_HYPERCALL_PAGE: Linux has none since XSA-466, and
 * libxenguest then sets none up.
 * Spec: xen/include/public/elfnote.h; Xen 4.17 xen/common/libelf/
 * libelf-dominfo.c, tools/libs/guest/xg_dom_boot.c setup_hypercall_page.
 */
#ifndef ASSAY_IMAGE_STORE_PACK_ELF_NOTES_H
#define ASSAY_IMAGE_STORE_PACK_ELF_NOTES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

/* What the notes say, for `assay image inspect`. */
struct elf_notes {
	char guest_os[32];
	char guest_version[32];
	char xen_version[16];
	char loader[16];
	bool has_entry; /* XEN_ELFNOTE_ENTRY: a PV entry point */
	bool has_hypercall_page;
	bool has_pvh_entry; /* XEN_ELFNOTE_PHYS32_ENTRY */
	uint64_t
	    memory_bytes; /* of what is loaded: no note, but next to them */
};

/* Errors: KERNEL_FORMAT_UNKNOWN if this is not an x86-64 ELF file. */
int elf_notes_read(struct bytes elf, struct elf_notes *ret_notes,
    struct err *err);

/* Errors: KERNEL_NOT_PV, saying which note is missing or wrong. */
int elf_notes_require_pv(const struct elf_notes *notes, struct err *err);

#endif
