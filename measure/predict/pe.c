#include "measure/predict/pe.h"

#include <string.h>

#include "base/log.h"
#include "base/scope.h"

enum {
	DOS_BYTES = 64,
	DOS_PE_OFFSET = 0x3c,
	SIGNATURE_BYTES = 4,
	COFF_BYTES = 20,
	OPTIONAL_BYTES = 112, /* PE32+, without its directories */
	DIRECTORY_BYTES = 8,

	MACHINE_X86_64 = 0x8664,
	MAGIC_PE32 = 0x10b,
	MAGIC_PE32_PLUS = 0x20b,
	SUBSYSTEM_APPLICATION = 10,
	SUBSYSTEM_RUNTIME_DRIVER = 12,

	CERTIFICATE_BYTES = 8, /* of its header */
	CERTIFICATE_ALIGNMENT = 8,
};

/* Fields of the optional header. */
enum {
	AT_SECTION_ALIGNMENT = 32,
	AT_FILE_ALIGNMENT = 36,
	AT_IMAGE_BYTES = 56,
	AT_HEADER_BYTES = 60,
	AT_CHECKSUM = 64,
	AT_SUBSYSTEM = 68,
	AT_DIRECTORY_COUNT = 108,
};

static int find_headers(struct pe *pe, struct err *err);
static int check_machine(const struct pe *pe, struct err *err);
static int read_optional(struct pe *pe, struct err *err);
static int check_sizes(const struct pe *pe, struct err *err);
static int read_sections(struct pe *pe, struct err *err);
static int read_section(struct pe *pe, size_t index, struct err *err);
static int check_in_memory(const struct pe *pe, size_t index, struct err *err);
static int check_in_file(const struct pe *pe, size_t index, struct err *err);
static int find_certificates(struct pe *pe, struct err *err);
static bool is_power_of_2(uint32_t number);
static uint16_t u16_at(const struct pe *pe, size_t offset);
static uint32_t u32_at(const struct pe *pe, size_t offset);

size_t
pe_checksum_offset(const struct pe *pe)
{
	return pe->optional_offset + AT_CHECKSUM;
}

size_t
pe_directory_offset(const struct pe *pe, enum pe_directory directory)
{
	return pe->optional_offset + OPTIONAL_BYTES +
	       (size_t)directory * DIRECTORY_BYTES;
}

int
pe_decode(struct bytes file, struct pe *ret_pe, struct err *err)
{
	struct pe pe = {.file = file};

	if (file.len > PE_MAX_BYTES)
		return err_set(err, PE_UNSUPPORTED, "%zu bytes, limit %zu",
		    file.len, PE_MAX_BYTES);
	TRY(find_headers(&pe, err));
	TRY(check_machine(&pe, err));
	TRY(read_optional(&pe, err));
	TRY(check_sizes(&pe, err));
	TRY(read_sections(&pe, err));
	TRY(find_certificates(&pe, err));
	*ret_pe = pe;
	return 0;
}

const struct pe_section *
pe_section(const struct pe *pe, const char *name)
{
	for (size_t i = 0; i < pe->section_count; i++)
		if (strcmp(pe->sections[i].name, name) == 0)
			return &pe->sections[i];
	return NULL;
}

/* DOS header, then anywhere behind it "PE\0\0" and the COFF header. */
static int
find_headers(struct pe *pe, struct err *err)
{
	struct bytes part;
	uint32_t offset;

	if (!bytes_part(pe->file, 0, DOS_BYTES, &part))
		return err_set(err, PE_MALFORMED, "%zu bytes: no DOS header",
		    pe->file.len);
	if (memcmp(part.ptr, "MZ", 2) != 0)
		return err_set(err, PE_MALFORMED, "it does not begin with MZ");
	offset = u32_at(pe, DOS_PE_OFFSET);
	if (offset < DOS_BYTES || offset % 4 != 0 ||
	    !bytes_part(pe->file, offset, SIGNATURE_BYTES + COFF_BYTES, &part))
		return err_set(err, PE_MALFORMED,
		    "e_lfanew: offset %u is no place for a PE header", offset);
	if (memcmp(part.ptr, "PE\0\0", SIGNATURE_BYTES) != 0)
		return err_set(err, PE_MALFORMED,
		    "no PE signature at offset %u", offset);
	pe->coff_offset = (size_t)offset + SIGNATURE_BYTES;
	pe->optional_offset = pe->coff_offset + COFF_BYTES;
	return 0;
}

static int
check_machine(const struct pe *pe, struct err *err)
{
	uint16_t machine = u16_at(pe, pe->coff_offset);

	if (machine != MACHINE_X86_64)
		return err_set(err, PE_UNSUPPORTED,
		    "machine 0x%04x: not x86-64 (0x8664)", machine);
	return 0;
}

/* edk2 wants the optional header to end with its last directory. */
static int
read_optional(struct pe *pe, struct err *err)
{
	size_t start = pe->optional_offset;
	uint16_t bytes = u16_at(pe, pe->coff_offset + 16);
	struct bytes part;
	uint16_t magic;

	if (bytes < OPTIONAL_BYTES ||
	    !bytes_part(pe->file, start, bytes, &part))
		return err_set(err, PE_MALFORMED,
		    "SizeOfOptionalHeader: %u bytes at offset %zu", bytes,
		    start);
	magic = u16_at(pe, start);
	if (magic == MAGIC_PE32)
		return err_set(err, PE_UNSUPPORTED, "PE32: not PE32+");
	if (magic != MAGIC_PE32_PLUS)
		return err_set(err, PE_MALFORMED,
		    "optional header: magic 0x%04x", magic);
	pe->directory_count = u32_at(pe, start + AT_DIRECTORY_COUNT);
	if (pe->directory_count > PE_DIRECTORIES ||
	    bytes != OPTIONAL_BYTES + pe->directory_count * DIRECTORY_BYTES)
		return err_set(err, PE_MALFORMED,
		    "NumberOfRvaAndSizes: %u directories in an optional header "
		    "of %u bytes",
		    pe->directory_count, bytes);
	pe->sections_offset = start + bytes;
	pe->section_alignment = u32_at(pe, start + AT_SECTION_ALIGNMENT);
	pe->file_alignment = u32_at(pe, start + AT_FILE_ALIGNMENT);
	pe->image_bytes = u32_at(pe, start + AT_IMAGE_BYTES);
	pe->header_bytes = u32_at(pe, start + AT_HEADER_BYTES);
	return 0;
}

static int
check_sizes(const struct pe *pe, struct err *err)
{
	uint16_t subsystem = u16_at(pe, pe->optional_offset + AT_SUBSYSTEM);

	if (subsystem < SUBSYSTEM_APPLICATION ||
	    subsystem > SUBSYSTEM_RUNTIME_DRIVER)
		return err_set(err, PE_UNSUPPORTED,
		    "subsystem %u: no EFI application or driver", subsystem);
	if (!is_power_of_2(pe->file_alignment) ||
	    !is_power_of_2(pe->section_alignment) ||
	    pe->section_alignment < pe->file_alignment)
		return err_set(err, PE_MALFORMED,
		    "FileAlignment %u, SectionAlignment %u", pe->file_alignment,
		    pe->section_alignment);
	if (pe->header_bytes > pe->file.len ||
	    pe->header_bytes < pe->sections_offset ||
	    pe->header_bytes >= pe->image_bytes)
		return err_set(err, PE_MALFORMED,
		    "SizeOfHeaders %zu: the file has %zu bytes, the image %u",
		    pe->header_bytes, pe->file.len, pe->image_bytes);
	return 0;
}

static int
read_sections(struct pe *pe, struct err *err)
{
	size_t room = pe->header_bytes - pe->sections_offset;

	pe->section_count = u16_at(pe, pe->coff_offset + 2);
	if (pe->section_count == 0 || pe->section_count > PE_SECTIONS ||
	    pe->section_count > room / PE_SECTION_BYTES)
		return err_set(err, PE_MALFORMED,
		    "NumberOfSections: %zu, with %zu bytes for their headers",
		    pe->section_count, room);
	pe->raw_end = pe->header_bytes;
	for (size_t i = 0; i < pe->section_count; i++)
		TRY(read_section(pe, i, err));
	return 0;
}

static int
read_section(struct pe *pe, size_t index, struct err *err)
{
	size_t at = pe->sections_offset + index * PE_SECTION_BYTES;
	struct pe_section *section = &pe->sections[index];

	memcpy(section->name, pe->file.ptr + at, PE_NAME_BYTES);
	section->virtual_bytes = u32_at(pe, at + 8);
	section->rva = u32_at(pe, at + 12);
	section->raw_bytes = u32_at(pe, at + 16);
	if (section->raw_bytes > 0)
		section->raw_offset = u32_at(pe, at + 20);
	TRY(check_in_memory(pe, index, err));
	TRY(check_in_file(pe, index, err));
	if (section->raw_offset + section->raw_bytes > pe->raw_end)
		pe->raw_end = section->raw_offset + section->raw_bytes;
	return 0;
}

/* Rising, and none over another: so says the format. */
static int
check_in_memory(const struct pe *pe, size_t index, struct err *err)
{
	const struct pe_section *section = &pe->sections[index];
	const struct pe_section *before = section - 1;
	uint64_t free_from = pe->header_bytes;

	if (index > 0)
		free_from = (uint64_t)before->rva + before->virtual_bytes;
	if (section->rva < free_from ||
	    (uint64_t)section->rva + section->virtual_bytes > pe->image_bytes)
		return err_set(err, PE_MALFORMED,
		    "section %zu (%s): %u bytes at address %u, outside %llu to "
		    "%u",
		    index, err_quote_str(section->name).text,
		    section->virtual_bytes, section->rva,
		    (unsigned long long)free_from, pe->image_bytes);
	return 0;
}

static int
check_in_file(const struct pe *pe, size_t index, struct err *err)
{
	const struct pe_section *section = &pe->sections[index];
	uint64_t end = (uint64_t)section->raw_offset + section->raw_bytes;

	if (section->raw_bytes == 0)
		return 0;
	if (section->raw_offset < pe->header_bytes || end > pe->file.len)
		return err_set(err, PE_MALFORMED,
		    "section %zu (%s): %u bytes at offset %u, outside %zu to "
		    "%zu",
		    index, err_quote_str(section->name).text,
		    section->raw_bytes, section->raw_offset, pe->header_bytes,
		    pe->file.len);
	for (size_t i = 0; i < index; i++) {
		const struct pe_section *other = &pe->sections[i];

		if (section->raw_offset <
			other->raw_offset + other->raw_bytes &&
		    other->raw_offset < end)
			return err_set(err, PE_MALFORMED,
			    "sections %zu and %zu (%s) share bytes of the file",
			    i, index, err_quote_str(section->name).text);
	}
	return 0;
}

/* Attribute certificates end the file; else what is behind them would be
 * counted among them by one program, and not by another. */
static int
find_certificates(struct pe *pe, struct err *err)
{
	size_t at = pe_directory_offset(pe, PE_DIRECTORY_SECURITY);
	uint32_t offset;
	uint32_t len;

	if (pe->directory_count <= PE_DIRECTORY_SECURITY)
		return 0;
	offset = u32_at(pe, at);
	len = u32_at(pe, at + 4);
	if (offset == 0 && len == 0)
		return 0;
	if (offset < pe->raw_end || offset % CERTIFICATE_ALIGNMENT != 0 ||
	    len < CERTIFICATE_BYTES || (uint64_t)offset + len != pe->file.len)
		return err_set(err, PE_MALFORMED,
		    "certificate table: %u bytes at offset %u, in a file of "
		    "%zu with sections up to %zu",
		    len, offset, pe->file.len, pe->raw_end);
	pe->certificates = bytes_of(pe->file.ptr + offset, len);
	return 0;
}

static bool
is_power_of_2(uint32_t number)
{
	return number != 0 && (number & (number - 1)) == 0;
}

/* For what is inside, because the header that holds it was found inside. */
static uint16_t
u16_at(const struct pe *pe, size_t offset)
{
	uint16_t value = 0;

	bug_unless(bytes_le16(pe->file, offset, &value));
	return value;
}

static uint32_t
u32_at(const struct pe *pe, size_t offset)
{
	uint32_t value = 0;

	bug_unless(bytes_le32(pe->file, offset, &value));
	return value;
}
