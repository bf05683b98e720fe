/*
 * A small EFI image that passes for Xen's, and what breaks it.
 *
 *	0x000 DOS header          0x200 .text    0x40 bytes
 *	0x040 PE and COFF         0x240 .debug   0x20 bytes, one debug entry
 *	0x058 optional header           .bss     none
 *	0x148 4 section headers   0x260 symbols  0x1a bytes
 *	0x1e8 zeros to 0x200      0x27a the end
 */
#ifndef ASSAY_TESTS_PE_FIXTURE_H
#define ASSAY_TESTS_PE_FIXTURE_H

#include "base_fixture.h"

#include "measure/predict/pe.h"

#define PE_GOOD_BYTES 0x27a
#define PE_ROOM_BYTES 0x400

enum {
	AT_COFF = 0x44,
	AT_OPTIONAL = 0x58,
	AT_SECTIONS = 0x148,
	AT_TEXT = 0x200,
	AT_DEBUG = 0x240,
	AT_SYMBOLS = 0x260,
};

struct pe_image {
	uint8_t bytes[PE_ROOM_BYTES];
	size_t len;
};

/* One change that makes it bad. */
struct pe_case {
	const char *what; /* also the name of the golden file */
	size_t offset;
	size_t bytes; /* 2 or 4 */
	uint32_t value;
	int code;
	const char *complaint;
};
extern const struct pe_case pe_cases[];
extern const size_t pe_case_count;

struct pe_image pe_good(void);
void pe_put(struct pe_image *image, size_t offset, size_t bytes,
    uint32_t value);
struct bytes pe_bytes(const struct pe_image *image);
void pe_break(struct pe_image *image, const struct pe_case *broken);

/* `len` bytes of certificates behind it, at the next multiple of 8. */
void pe_add_certificates(struct pe_image *image, uint32_t len);

#endif
