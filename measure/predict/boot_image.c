#include "measure/predict/boot_image.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"
#include "image-store/unpack/kernel_unpack.h"
#include "measure/predict/pe.h"

enum {
	NEW_SECTIONS = 3,
	SIGNING_ALIGNMENT = 8, /* of attribute certificates */
	DEBUG_ENTRY_BYTES = 28,
	DEBUG_ENTRY_OFFSET = 24, /* PointerToRawData */
};

/* Initialised data, readable; the configuration is writable too. */
#define FLAGS_READ_ONLY  0x40000040u
#define FLAGS_READ_WRITE 0xc0000040u

struct part {
	const char *name;
	struct bytes data;
	uint32_t flags;
	uint32_t rva;
	size_t offset;
};

/* The input, and where everything goes. */
struct plan {
	struct pe pe;
	struct part parts[NEW_SECTIONS];
	size_t header_bytes;
	size_t shift;       /* of everything behind the headers */
	size_t tail_offset; /* symbols, if any, go last */
	size_t image_bytes; /* in memory */
	size_t len;
};

static int check_options(const char *what, const char *options,
    struct err *err);
static int check_xen(const struct pe *pe, struct err *err);
static bool looks_for_sections(struct bytes xen);
static int check_layout(const struct pe *pe, struct err *err);
static int place_headers(struct plan *plan, struct err *err);
static int place_parts(struct plan *plan, struct err *err);
static void write_image(const struct plan *plan, uint8_t *image);
static void write_section_header(const struct part *part, size_t raw_bytes,
    uint8_t *out);
static void write_header_fields(const struct plan *plan, uint8_t *image);
static void shift_offsets(const struct plan *plan, uint8_t *image);
static void shift_debug(const struct plan *plan, uint8_t *image);
static void shift_debug_entries(const struct plan *plan, uint8_t *entries,
    size_t len);
static void shift_field(const struct plan *plan, uint8_t *field);
static size_t raw_bytes_of(const struct plan *plan, const struct part *part);
static uint32_t checksum_of(const uint8_t *image, size_t len);
static uint64_t align(uint64_t value, uint64_t alignment);
static uint32_t get_le32(const uint8_t *in);

int
boot_image_config(const char *xen_options, const char *kernel_options,
    char **ret_config, struct err *err)
{
	CLEANUP(freep) char *config = NULL;

	TRY(check_options("xen options", xen_options, err));
	TRY(check_options("kernel options", kernel_options, err));
	if (asprintf(&config,
		"[global]\ndefault=assay\n[assay]\noptions=%s\n"
		"kernel=kernel%s%s\nramdisk=ramdisk\n",
		xen_options, kernel_options[0] != '\0' ? " " : "",
		kernel_options) < 0)
		return err_set(err, NO_MEMORY, "the configuration section");
	*ret_config = take_ptr(&config);
	return 0;
}

int
boot_image_make(const struct boot_image_parts *parts, uint8_t **ret_image,
    size_t *ret_len, struct err *err)
{
	CLEANUP(freep) char *config = NULL;
	CLEANUP(freep) uint8_t *image = NULL;
	enum kernel_format format;
	struct plan plan = {.len = 0};

	TRY(boot_image_config(parts->xen_options, parts->kernel_options,
	    &config, err));
	TRY(kernel_format_of(parts->kernel, &format, err));
	TRY(pe_decode(parts->xen, &plan.pe, err));
	TRY(check_xen(&plan.pe, err));
	plan.parts[0] = (struct part){".config", bytes_of_str(config),
	    FLAGS_READ_WRITE, 0, 0};
	plan.parts[1] =
	    (struct part){".kernel", parts->kernel, FLAGS_READ_ONLY, 0, 0};
	plan.parts[2] =
	    (struct part){".ramdisk", parts->ramdisk, FLAGS_READ_ONLY, 0, 0};
	TRY(place_headers(&plan, err));
	TRY(place_parts(&plan, err));
	image = calloc(1, plan.len);
	if (image == NULL)
		return err_set(err, NO_MEMORY, "%zu bytes", plan.len);
	write_image(&plan, image);
	*ret_image = take_ptr(&image);
	*ret_len = plan.len;
	return 0;
}

static int
check_options(const char *what, const char *options, struct err *err)
{
	size_t len = strlen(options);

	if (len > LIMIT_BOOT_OPTIONS_BYTES)
		return err_set(err, BOOT_OPTIONS_BAD, "%s: %zu bytes, limit %d",
		    what, len, LIMIT_BOOT_OPTIONS_BYTES);
	if (len > 0 && (options[0] == ' ' || options[len - 1] == ' '))
		return err_set(err, BOOT_OPTIONS_BAD,
		    "%s: a space at an end: %s", what,
		    err_quote_str(options).text);
	for (size_t i = 0; i < len; i++)
		if (options[i] < ' ' || options[i] > '~' || options[i] == '#')
			return err_set(err, BOOT_OPTIONS_BAD,
			    "%s: character %zu: %s", what, i + 1,
			    err_quote(options + i, 1).text);
	return 0;
}

static int
check_xen(const struct pe *pe, struct err *err)
{
	static const char *const taken[] = {".config", ".kernel", ".ramdisk",
	    ".ucode", ".xsm"};

	if (pe->certificates.len > 0)
		return err_set(err, BOOT_IMAGE_UNFIT,
		    "xen: it is signed; adding sections would break that");
	if (!looks_for_sections(pe->file))
		return err_set(err, BOOT_IMAGE_UNFIT,
		    "xen: it does not look for a section named ramdisk");
	for (size_t i = 0; i < countof(taken); i++)
		if (pe_section(pe, taken[i]) != NULL)
			return err_set(err, BOOT_IMAGE_UNFIT,
			    "xen: it has a section %s already", taken[i]);
	return check_layout(pe, err);
}

/* Xen names them in UTF-16. */
static bool
looks_for_sections(struct bytes xen)
{
	static const uint8_t name[] = "r\0a\0m\0d\0i\0s\0k\0";

	return memmem(xen.ptr, xen.len, name, sizeof(name)) != NULL;
}

/* Sections without gaps, so that every byte is hashed once; nothing but zeros
 * behind the section headers, because others go there. */
static int
check_layout(const struct pe *pe, struct err *err)
{
	size_t headers_end =
	    pe->sections_offset + pe->section_count * PE_SECTION_BYTES;
	size_t sum = pe->header_bytes;

	for (size_t i = 0; i < pe->section_count; i++)
		sum += pe->sections[i].raw_bytes;
	if (sum != pe->raw_end)
		return err_set(err, BOOT_IMAGE_UNFIT,
		    "xen: %zu bytes between its sections", pe->raw_end - sum);
	if (pe->header_bytes % pe->file_alignment != 0)
		return err_set(err, BOOT_IMAGE_UNFIT,
		    "xen: SizeOfHeaders %zu is not aligned to %u",
		    pe->header_bytes, pe->file_alignment);
	for (size_t i = headers_end; i < pe->header_bytes; i++)
		if (pe->file.ptr[i] != 0)
			return err_set(err, BOOT_IMAGE_UNFIT,
			    "xen: something lies behind the section headers, "
			    "at offset %zu",
			    i);
	return 0;
}

/* More section headers may need more room, before the first section. */
static int
place_headers(struct plan *plan, struct err *err)
{
	const struct pe *pe = &plan->pe;
	size_t count = pe->section_count + NEW_SECTIONS;
	size_t end = pe->sections_offset + count * PE_SECTION_BYTES;

	plan->header_bytes = pe->header_bytes;
	if (end > pe->header_bytes)
		plan->header_bytes = align(end, pe->file_alignment);
	plan->shift = plan->header_bytes - pe->header_bytes;
	if (count > PE_SECTIONS || plan->header_bytes > pe->sections[0].rva)
		return err_set(err, BOOT_IMAGE_UNFIT,
		    "xen: no room for %d more section headers", NEW_SECTIONS);
	return 0;
}

static int
place_parts(struct plan *plan, struct err *err)
{
	const struct pe *pe = &plan->pe;
	uint64_t rva = pe->image_bytes;
	uint64_t offset = align(pe->raw_end + plan->shift, pe->file_alignment);

	for (size_t i = 0; i < NEW_SECTIONS; i++) {
		struct part *part = &plan->parts[i];

		rva = align(rva, pe->section_alignment);
		if (part->data.len == 0 || rva + part->data.len > PE_MAX_BYTES)
			return err_set(err, BOOT_IMAGE_UNFIT,
			    "%s: %zu bytes at address %llu", part->name,
			    part->data.len, (unsigned long long)rva);
		part->rva = (uint32_t)rva;
		part->offset = offset;
		rva += part->data.len;
		offset += raw_bytes_of(plan, part);
	}
	plan->image_bytes = align(rva, pe->section_alignment);
	plan->tail_offset = offset;
	plan->len =
	    align(offset + (pe->file.len - pe->raw_end), SIGNING_ALIGNMENT);
	if (plan->image_bytes > PE_MAX_BYTES || plan->len > PE_MAX_BYTES)
		return err_set(err, BOOT_IMAGE_UNFIT, "%zu bytes, limit %zu",
		    plan->len, PE_MAX_BYTES);
	return 0;
}

/* `image` is all zero. */
static void
write_image(const struct plan *plan, uint8_t *image)
{
	const struct pe *pe = &plan->pe;
	uint8_t *header =
	    image + pe->sections_offset + pe->section_count * PE_SECTION_BYTES;

	memcpy(image, pe->file.ptr, pe->header_bytes);
	memcpy(image + plan->header_bytes, pe->file.ptr + pe->header_bytes,
	    pe->raw_end - pe->header_bytes);
	memcpy(image + plan->tail_offset, pe->file.ptr + pe->raw_end,
	    pe->file.len - pe->raw_end);
	shift_offsets(plan, image);
	for (size_t i = 0; i < NEW_SECTIONS; i++) {
		const struct part *part = &plan->parts[i];

		memcpy(image + part->offset, part->data.ptr, part->data.len);
		write_section_header(part, raw_bytes_of(plan, part),
		    header + i * PE_SECTION_BYTES);
	}
	write_header_fields(plan, image);
	bytes_put_le(image + pe_checksum_offset(pe), 0, 4);
	bytes_put_le(image + pe_checksum_offset(pe),
	    checksum_of(image, plan->len), 4);
}

static void
write_section_header(const struct part *part, size_t raw_bytes, uint8_t *out)
{
	memcpy(out, part->name, strlen(part->name));
	bytes_put_le(out + 8, part->data.len, 4);
	bytes_put_le(out + 12, part->rva, 4);
	bytes_put_le(out + 16, raw_bytes, 4);
	bytes_put_le(out + 20, part->offset, 4);
	bytes_put_le(out + 36, part->flags, 4);
}

static void
write_header_fields(const struct plan *plan, uint8_t *image)
{
	const struct pe *pe = &plan->pe;
	uint8_t *coff = image + pe->coff_offset;
	uint8_t *optional = image + pe->optional_offset;
	uint32_t data_bytes = get_le32(optional + 8);

	for (size_t i = 0; i < NEW_SECTIONS; i++)
		data_bytes += (uint32_t)raw_bytes_of(plan, &plan->parts[i]);
	bytes_put_le(coff + 2, pe->section_count + NEW_SECTIONS, 2);
	bytes_put_le(optional + 8, data_bytes, 4); /* SizeOfInitializedData */
	bytes_put_le(optional + 56, plan->image_bytes, 4);
	bytes_put_le(optional + 60, plan->header_bytes, 4);
}

/* Every offset in the file that the format has. */
static void
shift_offsets(const struct plan *plan, uint8_t *image)
{
	const struct pe *pe = &plan->pe;
	uint8_t *symbols = image + pe->coff_offset + 8;

	for (size_t i = 0; i < pe->section_count; i++) {
		uint8_t *header =
		    image + pe->sections_offset + i * PE_SECTION_BYTES;

		shift_field(plan, header + 20); /* PointerToRawData */
		shift_field(plan, header + 24); /* PointerToRelocations */
		shift_field(plan, header + 28); /* PointerToLinenumbers */
	}
	shift_field(plan, symbols);
	shift_debug(plan, image);
}

/* The debug directory has offsets too, in a section. */
static void
shift_debug(const struct plan *plan, uint8_t *image)
{
	const struct pe *pe = &plan->pe;
	const uint8_t *entry =
	    pe->file.ptr + pe_directory_offset(pe, PE_DIRECTORY_DEBUG);
	uint32_t rva;
	uint32_t len;

	if (pe->directory_count <= PE_DIRECTORY_DEBUG)
		return;
	rva = get_le32(entry);
	len = get_le32(entry + 4);
	for (size_t i = 0; i < pe->section_count; i++) {
		const struct pe_section *section = &pe->sections[i];

		if (rva >= section->rva && len <= section->raw_bytes &&
		    rva - section->rva <= section->raw_bytes - len)
			shift_debug_entries(plan,
			    image + plan->shift + section->raw_offset +
				(rva - section->rva),
			    len);
	}
}

static void
shift_debug_entries(const struct plan *plan, uint8_t *entries, size_t len)
{
	for (size_t at = 0; at + DEBUG_ENTRY_BYTES <= len;
	     at += DEBUG_ENTRY_BYTES)
		shift_field(plan, entries + at + DEBUG_ENTRY_OFFSET);
}

/* Symbols, and whatever else is behind the sections, go behind the new ones. */
static void
shift_field(const struct plan *plan, uint8_t *field)
{
	const struct pe *pe = &plan->pe;
	uint32_t offset = get_le32(field);

	if (offset >= pe->raw_end && offset < pe->file.len)
		bytes_put_le(field, plan->tail_offset + (offset - pe->raw_end),
		    4);
	else if (offset >= pe->header_bytes && offset < pe->raw_end)
		bytes_put_le(field, offset + plan->shift, 4);
}

static size_t
raw_bytes_of(const struct plan *plan, const struct part *part)
{
	return align(part->data.len, plan->pe.file_alignment);
}

/* The sum of 16-bit words with its carries, and the length. The field itself
 * is zero. */
static uint32_t
checksum_of(const uint8_t *image, size_t len)
{
	uint64_t sum = 0;

	bug_unless(len % 2 == 0);
	for (size_t i = 0; i < len; i += 2)
		sum += (uint64_t)image[i] | (uint64_t)image[i + 1] << 8;
	while (sum > 0xffff)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint32_t)(sum + len);
}

static uint64_t
align(uint64_t value, uint64_t alignment)
{
	return (value + alignment - 1) & ~(alignment - 1);
}

static uint32_t
get_le32(const uint8_t *in)
{
	return (uint32_t)in[0] | (uint32_t)in[1] << 8 | (uint32_t)in[2] << 16 |
	       (uint32_t)in[3] << 24;
}
