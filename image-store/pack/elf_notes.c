#include "image-store/pack/elf_notes.h"

#include <string.h>

#include <gelf.h>
#include <libelf.h>
#include <xen/elfnote.h>

#include "base/limits.h"
#include "base/scope.h"
#include "image-store/elf_check.h"

static void elf_endp(Elf **elf);
static void read_segment(Elf *elf, size_t index, struct elf_notes *notes);
static void read_note(const GElf_Nhdr *header, struct bytes name,
    struct bytes value, struct elf_notes *notes);
static void copy_text(struct bytes value, char *ret_text, size_t text_size);
static int missing(const char *note, struct err *err);
static int wrong(const char *note, const char *value, const char *expected,
    struct err *err);

int
elf_notes_read(struct bytes file, struct elf_notes *ret_notes, struct err *err)
{
	CLEANUP(elf_endp) Elf *elf = NULL;
	struct elf_notes notes;
	size_t count;

	TRY(elf_check(file, err));
	elf_version(EV_CURRENT);
	/* libelf wants char *, but does not write to what is only read. */
	elf = elf_memory((char *)(uintptr_t)file.ptr, file.len);
	if (elf == NULL || elf_getphdrnum(elf, &count) != 0)
		return err_set(err, KERNEL_FORMAT_UNKNOWN, "elf: %s",
		    elf_errmsg(-1));
	memset(&notes, 0, sizeof(notes));
	for (size_t i = 0; i < count; i++)
		read_segment(elf, i, &notes);
	*ret_notes = notes;
	return 0;
}

int
elf_notes_require_pv(const struct elf_notes *notes, struct err *err)
{
	if (!notes->has_entry)
		return missing("ENTRY", err);
	if (strcmp(notes->xen_version, "xen-3.0") != 0)
		return wrong("XEN_VERSION", notes->xen_version, "xen-3.0", err);
	if (strcmp(notes->loader, "generic") != 0)
		return wrong("LOADER", notes->loader, "generic", err);
	return 0;
}

static void
elf_endp(Elf **elf)
{
	elf_end(*elf);
}

/* A segment that libelf cannot read has no notes, and so no PV entry. */
static void
read_segment(Elf *elf, size_t index, struct elf_notes *notes)
{
	GElf_Phdr segment;
	GElf_Nhdr header;
	Elf_Data *data;
	size_t offset = 0;
	size_t name_at;
	size_t value_at;

	if (gelf_getphdr(elf, (int)index, &segment) == NULL)
		return;
	if (segment.p_type == PT_LOAD && segment.p_memsz <= LIMIT_KERNEL_BYTES)
		notes->memory_bytes += segment.p_memsz;
	if (segment.p_type != PT_NOTE)
		return;
	data = elf_getdata_rawchunk(elf, (int64_t)segment.p_offset,
	    segment.p_filesz, ELF_T_NHDR);
	if (data == NULL)
		return;
	while ((offset = gelf_getnote(data, offset, &header, &name_at,
		    &value_at)) > 0) {
		const uint8_t *buf = data->d_buf;

		read_note(&header, bytes_of(buf + name_at, header.n_namesz),
		    bytes_of(buf + value_at, header.n_descsz), notes);
	}
}

static void
read_note(const GElf_Nhdr *header, struct bytes name, struct bytes value,
    struct elf_notes *notes)
{
	if (!bytes_equal(name, bytes_of("Xen", sizeof("Xen"))))
		return;
	switch (header->n_type) {
	case XEN_ELFNOTE_ENTRY:
		notes->has_entry = true;
		break;
	case XEN_ELFNOTE_HYPERCALL_PAGE:
		notes->has_hypercall_page = true;
		break;
	case XEN_ELFNOTE_PHYS32_ENTRY:
		notes->has_pvh_entry = true;
		break;
	case XEN_ELFNOTE_GUEST_OS:
		copy_text(value, notes->guest_os, sizeof(notes->guest_os));
		break;
	case XEN_ELFNOTE_GUEST_VERSION:
		copy_text(value, notes->guest_version,
		    sizeof(notes->guest_version));
		break;
	case XEN_ELFNOTE_XEN_VERSION:
		copy_text(value, notes->xen_version,
		    sizeof(notes->xen_version));
		break;
	case XEN_ELFNOTE_LOADER:
		copy_text(value, notes->loader, sizeof(notes->loader));
		break;
	default:
		break;
	}
}

/* Up to the first NUL, cut to fit; anything unprintable becomes '?'. */
static void
copy_text(struct bytes value, char *ret_text, size_t text_size)
{
	size_t len = 0;

	while (
	    len < value.len && len < text_size - 1 && value.ptr[len] != '\0') {
		uint8_t c = value.ptr[len];

		ret_text[len++] = c >= 0x20 && c < 0x7f ? (char)c : '?';
	}
	ret_text[len] = '\0';
}

static int
missing(const char *note, struct err *err)
{
	return err_set(err, KERNEL_NOT_PV, "no ELF note XEN_ELFNOTE_%s", note);
}

static int
wrong(const char *note, const char *value, const char *expected,
    struct err *err)
{
	if (value[0] == '\0')
		return missing(note, err);
	return err_set(err, KERNEL_NOT_PV,
	    "ELF note XEN_ELFNOTE_%s is \"%s\" instead of \"%s\"", note, value,
	    expected);
}
