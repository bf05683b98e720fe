#include "image-store/elf_check.h"

#include <elf.h>

#include "base/scope.h"

static int check_ident(const Elf64_Ehdr *header, struct err *err);
static int check_tables(struct bytes file, const Elf64_Ehdr *header,
    struct err *err);
static int check_segments(struct bytes file, const Elf64_Ehdr *header,
    struct err *err);
static int check_segment(struct bytes file, const Elf64_Phdr *segment,
    struct err *err);
static bool is_inside(struct bytes file, uint64_t offset, uint64_t len);
static bool wraps(uint64_t start, uint64_t len);

int
elf_check(struct bytes file, struct err *err)
{
	Elf64_Ehdr header;

	if (file.len < sizeof(header))
		return err_set(err, KERNEL_FORMAT_UNKNOWN,
		    "elf: %zu bytes are no header", file.len);
	memcpy(&header, file.ptr, sizeof(header));
	TRY(check_ident(&header, err));
	TRY(check_tables(file, &header, err));
	TRY(check_segments(file, &header, err));
	return 0;
}

static int
check_ident(const Elf64_Ehdr *header, struct err *err)
{
	if (memcmp(header->e_ident, ELFMAG, SELFMAG) != 0)
		return err_set(err, KERNEL_FORMAT_UNKNOWN,
		    "elf: starts with \"%s\"",
		    err_quote(header->e_ident, SELFMAG).text);
	if (header->e_ident[EI_CLASS] != ELFCLASS64 ||
	    header->e_ident[EI_DATA] != ELFDATA2LSB ||
	    header->e_ident[EI_VERSION] != EV_CURRENT)
		return err_set(err, KERNEL_FORMAT_UNKNOWN,
		    "elf: not 64 bits, little-endian, version 1");
	if (header->e_machine != EM_X86_64)
		return err_set(err, KERNEL_FORMAT_UNKNOWN,
		    "elf: machine %u is not x86-64", header->e_machine);
	if (header->e_type != ET_EXEC && header->e_type != ET_DYN)
		return err_set(err, KERNEL_FORMAT_UNKNOWN,
		    "elf: type %u is not an executable", header->e_type);
	return 0;
}

static int
check_tables(struct bytes file, const Elf64_Ehdr *header, struct err *err)
{
	if (header->e_phentsize != sizeof(Elf64_Phdr) ||
	    header->e_phnum > ELF_CHECK_PROGRAM_HEADERS ||
	    !is_inside(file, header->e_phoff,
		header->e_phnum * sizeof(Elf64_Phdr)))
		return err_set(err, KERNEL_FORMAT_UNKNOWN,
		    "elf: bad program header table, %u entries of %u bytes",
		    header->e_phnum, header->e_phentsize);
	/* With no count but an offset, the count would be in section 0. */
	if (header->e_shnum == 0 && header->e_shoff == 0)
		return 0;
	if (header->e_shnum == 0 || header->e_shentsize != sizeof(Elf64_Shdr) ||
	    !is_inside(file, header->e_shoff,
		header->e_shnum * sizeof(Elf64_Shdr)))
		return err_set(err, KERNEL_FORMAT_UNKNOWN,
		    "elf: bad section header table, %u entries of %u bytes",
		    header->e_shnum, header->e_shentsize);
	return 0;
}

static int
check_segments(struct bytes file, const Elf64_Ehdr *header, struct err *err)
{
	unsigned int loads = 0;

	for (unsigned int i = 0; i < header->e_phnum; i++) {
		Elf64_Phdr segment;

		memcpy(&segment,
		    file.ptr + header->e_phoff + i * sizeof(segment),
		    sizeof(segment));
		if (check_segment(file, &segment, err) != 0)
			return err_prefix(err, "elf: program header %u", i);
		loads += segment.p_type == PT_LOAD;
	}
	if (loads == 0)
		return err_set(err, KERNEL_FORMAT_UNKNOWN,
		    "elf: nothing to load");
	return 0;
}

static int
check_segment(struct bytes file, const Elf64_Phdr *segment, struct err *err)
{
	if (!is_inside(file, segment->p_offset, segment->p_filesz))
		return err_set(err, KERNEL_FORMAT_UNKNOWN, "outside the file");
	if (segment->p_type != PT_LOAD)
		return 0;
	if (segment->p_filesz > segment->p_memsz)
		return err_set(err, KERNEL_FORMAT_UNKNOWN,
		    "more bytes in the file than in memory");
	if (wraps(segment->p_paddr, segment->p_memsz) ||
	    wraps(segment->p_vaddr, segment->p_memsz))
		return err_set(err, KERNEL_FORMAT_UNKNOWN, "address wraps");
	return 0;
}

static bool
is_inside(struct bytes file, uint64_t offset, uint64_t len)
{
	struct bytes part;

	return bytes_part(file, offset, len, &part);
}

static bool
wraps(uint64_t start, uint64_t len)
{
	return start + len < start;
}
