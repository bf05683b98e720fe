#include "pe_fixture.h"

#include <string.h>

#include "base/scope.h"

#define SECTION(n) (AT_SECTIONS + (n)*PE_SECTION_BYTES)

const struct pe_case pe_cases[] = {
    {"no-mz", 0, 2, 0x5a4e, PE_MALFORMED, "begin with MZ"},
    {"lfanew-in-dos-header", 0x3c, 4, 0x20, PE_MALFORMED, "e_lfanew"},
    {"lfanew-odd", 0x3c, 4, 0x42, PE_MALFORMED, "e_lfanew"},
    {"lfanew-at-the-end", 0x3c, 4, 0x268, PE_MALFORMED, "e_lfanew"},
    {"lfanew-outside", 0x3c, 4, 0xfffffff0, PE_MALFORMED, "e_lfanew"},
    {"no-pe-signature", 0x40, 4, 0x00004551, PE_MALFORMED, "PE signature"},
    {"for-32-bit", AT_COFF, 2, 0x014c, PE_UNSUPPORTED, "machine 0x014c"},
    {"for-arm", AT_COFF, 2, 0xaa64, PE_UNSUPPORTED, "machine 0xaa64"},
    {"no-section", AT_COFF + 2, 2, 0, PE_MALFORMED, "NumberOfSections"},
    {"sections-beyond-headers", AT_COFF + 2, 2, 5, PE_MALFORMED,
	"NumberOfSections"},
    {"sections-65535", AT_COFF + 2, 2, 0xffff, PE_MALFORMED,
	"NumberOfSections"},
    {"optional-header-short", AT_COFF + 16, 2, 111, PE_MALFORMED,
	"SizeOfOptionalHeader"},
    {"optional-header-outside", AT_COFF + 16, 2, 0xffff, PE_MALFORMED,
	"SizeOfOptionalHeader"},
    {"optional-header-one-directory-less", AT_COFF + 16, 2, 232, PE_MALFORMED,
	"NumberOfRvaAndSizes"},
    {"pe32", AT_OPTIONAL, 2, 0x10b, PE_UNSUPPORTED, "PE32"},
    {"magic-unknown", AT_OPTIONAL, 2, 0x107, PE_MALFORMED, "magic"},
    {"directories-17", AT_OPTIONAL + 108, 4, 17, PE_MALFORMED,
	"NumberOfRvaAndSizes"},
    {"directories-that-wrap", AT_OPTIONAL + 108, 4, 0x20000010, PE_MALFORMED,
	"NumberOfRvaAndSizes"},
    {"directories-2-32", AT_OPTIONAL + 108, 4, 0xffffffff, PE_MALFORMED,
	"NumberOfRvaAndSizes"},
    {"subsystem-console", AT_OPTIONAL + 68, 2, 3, PE_UNSUPPORTED,
	"subsystem 3"},
    {"subsystem-rom", AT_OPTIONAL + 68, 2, 13, PE_UNSUPPORTED, "subsystem 13"},
    {"file-alignment-zero", AT_OPTIONAL + 36, 4, 0, PE_MALFORMED,
	"FileAlignment 0"},
    {"file-alignment-no-power", AT_OPTIONAL + 36, 4, 0x30, PE_MALFORMED,
	"FileAlignment 48"},
    {"section-alignment-no-power", AT_OPTIONAL + 32, 4, 0x1001, PE_MALFORMED,
	"SectionAlignment 4097"},
    {"section-alignment-below-file", AT_OPTIONAL + 32, 4, 0x10, PE_MALFORMED,
	"SectionAlignment 16"},
    {"headers-beyond-file", AT_OPTIONAL + 60, 4, 0x280, PE_MALFORMED,
	"SizeOfHeaders"},
    {"headers-without-sections", AT_OPTIONAL + 60, 4, 0x140, PE_MALFORMED,
	"SizeOfHeaders"},
    {"headers-beyond-image", AT_OPTIONAL + 56, 4, 0x200, PE_MALFORMED,
	"SizeOfHeaders"},
    {"section-in-headers-in-memory", SECTION(0) + 12, 4, 0x1ff, PE_MALFORMED,
	"section 0 (.text)"},
    {"section-over-another-in-memory", SECTION(1) + 12, 4, 0x103f, PE_MALFORMED,
	"section 1 (.debug)"},
    {"section-beyond-image", SECTION(3) + 8, 4, 0x1001, PE_MALFORMED,
	"section 3 (.pad)"},
    {"section-wraps-in-memory", SECTION(3) + 8, 4, 0xffffffff, PE_MALFORMED,
	"section 3 (.pad)"},
    {"section-in-headers-in-file", SECTION(0) + 20, 4, 0x1ff, PE_MALFORMED,
	"section 0 (.text)"},
    {"section-beyond-file", SECTION(1) + 16, 4, 0x3b, PE_MALFORMED,
	"section 1 (.debug)"},
    {"section-wraps-in-file", SECTION(1) + 20, 4, 0xffffffff, PE_MALFORMED,
	"section 1 (.debug)"},
    {"sections-share-bytes", SECTION(1) + 20, 4, 0x23f, PE_MALFORMED,
	"share bytes"},
    {"certificates-without-offset", AT_OPTIONAL + 112 + 36, 4, 8, PE_MALFORMED,
	"certificate table"},
    {"certificates-without-length", AT_OPTIONAL + 112 + 32, 4, 0x260,
	PE_MALFORMED, "certificate table"},
};
const size_t pe_case_count = countof(pe_cases);

static void put_section(struct pe_image *image, size_t index, const char *name,
    const uint32_t fields[static 4]);

struct pe_image
pe_good(void)
{
	struct pe_image image = {.len = PE_GOOD_BYTES};

	memcpy(image.bytes, "MZ", 2);
	pe_put(&image, 0x3c, 4, 0x40);
	memcpy(image.bytes + 0x40, "PE\0\0", 4);
	pe_put(&image, AT_COFF, 2, 0x8664);
	pe_put(&image, AT_COFF + 2, 2, 4);
	pe_put(&image, AT_COFF + 8, 4, AT_SYMBOLS);
	pe_put(&image, AT_COFF + 12, 4, 1);
	pe_put(&image, AT_COFF + 16, 2, 240);
	pe_put(&image, AT_OPTIONAL, 2, 0x20b);
	pe_put(&image, AT_OPTIONAL + 8, 4, 0x20);    /* initialised data */
	pe_put(&image, AT_OPTIONAL + 32, 4, 0x1000); /* SectionAlignment */
	pe_put(&image, AT_OPTIONAL + 36, 4, 0x20);   /* FileAlignment */
	pe_put(&image, AT_OPTIONAL + 56, 4, 0x5000); /* SizeOfImage */
	pe_put(&image, AT_OPTIONAL + 60, 4, 0x200);  /* SizeOfHeaders */
	pe_put(&image, AT_OPTIONAL + 64, 4, 0x12345678);
	pe_put(&image, AT_OPTIONAL + 68, 2, 10);
	pe_put(&image, AT_OPTIONAL + 108, 4, 16);
	pe_put(&image, AT_OPTIONAL + 112 + 48, 4, 0x2000); /* debug */
	pe_put(&image, AT_OPTIONAL + 112 + 52, 4, 28);
	put_section(&image, 0, ".text",
	    (uint32_t[]){0x40, 0x1000, 0x40, 0x200});
	put_section(&image, 1, ".debug",
	    (uint32_t[]){0x20, 0x2000, 0x20, 0x240});
	put_section(&image, 2, ".bss", (uint32_t[]){0x800, 0x3000, 0, 0});
	put_section(&image, 3, ".pad", (uint32_t[]){0x1000, 0x4000, 0, 0});
	memcpy(image.bytes + AT_TEXT, "r\0a\0m\0d\0i\0s\0k\0\0", 16);
	memset(image.bytes + AT_TEXT + 16, 0x90, 0x30);
	pe_put(&image, AT_DEBUG + 24, 4, 0x25c);
	/* A symbol of 18 bytes, then strings of 8 with their length. */
	memcpy(image.bytes + AT_SYMBOLS, "a symbol", 8);
	pe_put(&image, AT_SYMBOLS + 12, 2, 1);
	pe_put(&image, AT_SYMBOLS + 16, 1, 3);
	pe_put(&image, AT_SYMBOLS + 18, 4, 8);
	memcpy(image.bytes + AT_SYMBOLS + 22, "str", 4);
	return image;
}

void
pe_put(struct pe_image *image, size_t offset, size_t bytes, uint32_t value)
{
	assert_true(offset + bytes <= PE_ROOM_BYTES);
	for (size_t i = 0; i < bytes; i++)
		image->bytes[offset + i] = (uint8_t)(value >> 8 * i);
}

struct bytes
pe_bytes(const struct pe_image *image)
{
	return bytes_of(image->bytes, image->len);
}

void
pe_break(struct pe_image *image, const struct pe_case *broken)
{
	pe_put(image, broken->offset, broken->bytes, broken->value);
}

void
pe_add_certificates(struct pe_image *image, uint32_t len)
{
	size_t offset = (image->len + 7) & ~(size_t)7;

	pe_put(image, AT_OPTIONAL + 112 + 32, 4, (uint32_t)offset);
	pe_put(image, AT_OPTIONAL + 112 + 36, 4, len);
	assert_true(offset + len <= PE_ROOM_BYTES);
	memset(image->bytes + offset, 0xc5, len);
	pe_put(image, offset, 4, len);
	image->len = offset + len;
}

/* Virtual size, address, raw size, offset. */
static void
put_section(struct pe_image *image, size_t index, const char *name,
    const uint32_t fields[static 4])
{
	size_t at = AT_SECTIONS + index * PE_SECTION_BYTES;

	memcpy(image->bytes + at, name, strlen(name));
	for (size_t i = 0; i < 4; i++)
		pe_put(image, at + 8 + 4 * i, 4, fields[i]);
}
