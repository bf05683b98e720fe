/*
 * PE/COFF headers of an EFI image: which bytes are sections, which are
 * signatures, and where the fields are that a signature does not cover.
 *
 * Decodes the PE32+ images that x86-64 firmware starts, and is at least as
 * strict as edk2's loader. Its input is trusted for nothing; every offset in a
 * decoded header lies inside of the file. It looks at no byte of a section.
 *
 * Spec: Microsoft PE Format; edk2 MdePkg/Library/BasePeCoffLib/BasePeCoff.c.
 */
#ifndef ASSAY_MEASURE_PREDICT_PE_H
#define ASSAY_MEASURE_PREDICT_PE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/err.h"

#define PE_MAX_BYTES     ((size_t)INT32_MAX) /* so that no sum overflows */
#define PE_NAME_BYTES    8
#define PE_SECTIONS      96 /* what Windows takes; edk2 takes more */
#define PE_SECTION_BYTES 40 /* of a header */

enum pe_directory {
	PE_DIRECTORY_SECURITY = 4,
	PE_DIRECTORY_DEBUG = 6,
	PE_DIRECTORIES = 16,
};

struct pe_section {
	char name[PE_NAME_BYTES + 1]; /* as it stands there, "/4" included */
	uint32_t virtual_bytes;
	uint32_t rva;
	uint32_t raw_bytes;
	uint32_t raw_offset; /* 0 if there are no raw bytes */
};

struct pe {
	struct bytes file; /* borrowed */
	size_t coff_offset;
	size_t optional_offset;
	size_t sections_offset;
	size_t header_bytes; /* SizeOfHeaders, a prefix of the file */
	uint32_t file_alignment;
	uint32_t section_alignment;
	uint32_t image_bytes; /* in memory */
	uint32_t directory_count;
	size_t section_count;
	struct pe_section sections[PE_SECTIONS]; /* rising in memory */
	size_t raw_end; /* the end of headers and of all sections */
	/* Attribute certificates: the end of the file, or nothing. */
	struct bytes certificates;
};

/* Offsets of fields in the file. */
size_t pe_checksum_offset(const struct pe *pe);
size_t pe_directory_offset(const struct pe *pe, enum pe_directory directory);

/*
 * Errors: PE_MALFORMED; PE_UNSUPPORTED for another processor, PE32, what is no
 * EFI application or driver, and files over PE_MAX_BYTES.
 */
int pe_decode(struct bytes file, struct pe *ret_pe, struct err *err);

/* NULL if there is none of this name. */
const struct pe_section *pe_section(const struct pe *pe, const char *name);

#endif
