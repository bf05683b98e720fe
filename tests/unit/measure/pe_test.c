#include "pe_fixture.h"

#include <string.h>

#include "base/scope.h"
#include "measure/predict/authenticode.h"

static void
assert_pe_refused(struct bytes file, int code, const char *complaint)
{
	struct err err = {0};
	struct pe before;
	struct pe pe;

	memset(&pe, 0x5a, sizeof(pe));
	before = pe;
	assert_refused(pe_decode(file, &pe, &err), code);
	assert_has(err.text, complaint);
	assert_memory_equal(&pe, &before, sizeof(pe));
}

static void
pe_decode_finds_headers_and_sections(void **state)
{
	struct pe_image image = pe_good();
	struct err err;
	struct pe pe;

	(void)state;
	assert_refused(pe_decode(pe_bytes(&image), &pe, &err), 0);
	assert_int_equal(pe.coff_offset, AT_COFF);
	assert_int_equal(pe.optional_offset, AT_OPTIONAL);
	assert_int_equal(pe.sections_offset, AT_SECTIONS);
	assert_int_equal(pe.header_bytes, 0x200);
	assert_int_equal(pe.file_alignment, 0x20);
	assert_int_equal(pe.section_alignment, 0x1000);
	assert_int_equal(pe.image_bytes, 0x5000);
	assert_int_equal(pe.directory_count, 16);
	assert_int_equal(pe.section_count, 4);
	assert_int_equal(pe.raw_end, AT_SYMBOLS);
	assert_int_equal(pe.certificates.len, 0);
	assert_string_equal(pe.sections[1].name, ".debug");
	assert_int_equal(pe.sections[1].rva, 0x2000);
	assert_int_equal(pe.sections[1].virtual_bytes, 0x20);
	assert_int_equal(pe.sections[1].raw_offset, 0x240);
	assert_int_equal(pe.sections[1].raw_bytes, 0x20);
	assert_ptr_equal(pe_section(&pe, ".bss"), &pe.sections[2]);
	assert_null(pe_section(&pe, ".bs"));
	assert_int_equal(pe_checksum_offset(&pe), AT_OPTIONAL + 64);
	assert_int_equal(pe_directory_offset(&pe, PE_DIRECTORY_SECURITY),
	    AT_OPTIONAL + 112 + 32);
}

static void
pe_decode_refuses_each_broken_field(void **state)
{
	(void)state;
	for (size_t i = 0; i < pe_case_count; i++) {
		struct pe_image image = pe_good();

		pe_break(&image, &pe_cases[i]);
		assert_pe_refused(pe_bytes(&image), pe_cases[i].code,
		    pe_cases[i].complaint);
	}
}

/* Each length gets a copy of its own, so that a sanitizer sees the end. */
static void
pe_decode_refuses_every_file_that_ends_too_early(void **state)
{
	struct pe_image image = pe_good();

	(void)state;
	for (size_t len = 0; len < AT_SYMBOLS; len++) {
		CLEANUP(freep) uint8_t *copy = malloc(len + 1);

		assert_non_null(copy);
		memcpy(copy, image.bytes, len);
		assert_pe_refused(bytes_of(copy, len), PE_MALFORMED, "");
	}
}

static void
pe_decode_refuses_a_file_over_the_limit(void **state)
{
	struct pe_image image = pe_good();

	(void)state;
	assert_pe_refused(bytes_of(image.bytes, PE_MAX_BYTES + 1),
	    PE_UNSUPPORTED, "limit");
}

static void
pe_decode_finds_certificates_at_the_end(void **state)
{
	struct pe_image image = pe_good();
	struct err err;
	struct pe pe;

	(void)state;
	pe_add_certificates(&image, 16);
	assert_refused(pe_decode(pe_bytes(&image), &pe, &err), 0);
	assert_ptr_equal(pe.certificates.ptr, image.bytes + 0x280);
	assert_int_equal(pe.certificates.len, 16);
}

static void
pe_decode_refuses_certificates_that_do_not_end_the_file(void **state)
{
	struct pe_image image = pe_good();

	(void)state;
	pe_add_certificates(&image, 16);
	image.len++;
	assert_pe_refused(pe_bytes(&image), PE_MALFORMED, "certificate table");
	image.len -= 2;
	assert_pe_refused(pe_bytes(&image), PE_MALFORMED, "certificate table");
}

static void
pe_decode_refuses_certificates_over_a_section_or_not_aligned(void **state)
{
	struct pe_image image = pe_good();

	(void)state;
	image.len = 0x258;
	pe_put(&image, AT_SECTIONS + PE_SECTION_BYTES + 16, 4, 0x18);
	pe_add_certificates(&image, 16);
	pe_put(&image, AT_SECTIONS + PE_SECTION_BYTES + 16, 4, 0x20);
	assert_pe_refused(pe_bytes(&image), PE_MALFORMED, "certificate table");
	image = pe_good();
	pe_add_certificates(&image, 16);
	pe_put(&image, AT_OPTIONAL + 112 + 32, 4, 0x284);
	pe_put(&image, AT_OPTIONAL + 112 + 36, 4, 12);
	assert_pe_refused(pe_bytes(&image), PE_MALFORMED, "certificate table");
	pe_put(&image, AT_OPTIONAL + 112 + 32, 4, 0x288);
	pe_put(&image, AT_OPTIONAL + 112 + 36, 4, 7);
	image.len = 0x28f;
	assert_pe_refused(pe_bytes(&image), PE_MALFORMED, "certificate table");
}

static struct pcr_digest
digest_of_image(const struct pe_image *image)
{
	struct pcr_digests digests;
	struct err err = {0};
	struct pe pe;

	assert_refused(pe_decode(pe_bytes(image), &pe, &err), 0);
	assert_refused(authenticode_digests(&pe, &digests, &err), 0);
	return digests.bank[PCR_SHA384];
}

/* By hand: the file without checksum (4 bytes) and certificate entry (8). */
static void
authenticode_digest_is_over_all_but_checksum_and_certificates(void **state)
{
	struct pe_image image = pe_good();
	size_t checksum = AT_OPTIONAL + 64;
	size_t entry = AT_OPTIONAL + 112 + 32;
	struct pcr_digest expected;
	struct pcr_digest digest = digest_of_image(&image);
	uint8_t bytes[PE_GOOD_BYTES];
	size_t len = 0;
	struct err err;

	(void)state;
	for (size_t i = 0; i < image.len; i++)
		if ((i < checksum || i >= checksum + 4) &&
		    (i < entry || i >= entry + 8))
			bytes[len++] = image.bytes[i];
	assert_int_equal(len, PE_GOOD_BYTES - 12);
	assert_refused(
	    pcr_digest_of(PCR_SHA384, bytes_of(bytes, len), &expected, &err),
	    0);
	assert_true(pcr_digest_equal(PCR_SHA384, &digest, &expected));
}

/* Each byte counts, or is one of those twelve. */
static void
authenticode_digest_depends_on_every_other_byte(void **state)
{
	struct pe_image good = pe_good();
	struct pcr_digest before = digest_of_image(&good);
	size_t same = 0;

	(void)state;
	for (size_t i = AT_TEXT; i < good.len; i++) {
		struct pe_image image = good;
		struct pcr_digest digest;

		image.bytes[i] ^= 1;
		digest = digest_of_image(&image);
		assert_false(pcr_digest_equal(PCR_SHA384, &digest, &before));
	}
	for (size_t i = 0; i < AT_TEXT; i++) {
		struct pe_image image = good;
		struct pcr_digest digest;
		struct err err;
		struct pe pe;

		image.bytes[i] ^= 1;
		if (pe_decode(pe_bytes(&image), &pe, &err) != 0)
			continue;
		assert_refused(
		    authenticode_digest(PCR_SHA384, &pe, &digest, &err), 0);
		same += pcr_digest_equal(PCR_SHA384, &digest, &before);
	}
	assert_int_equal(same, 4); /* the entry may not change alone */
}

/* Sections out of order in the file are hashed in the file's order. */
static void
authenticode_digest_goes_by_the_order_of_the_file(void **state)
{
	struct pe_image image = pe_good();
	struct pe_image swapped = pe_good();
	struct pcr_digest a;
	struct pcr_digest b;

	(void)state;
	/* Two sections of 0x20 bytes, told apart by nothing but the headers. */
	pe_put(&image, AT_SECTIONS + 16, 4, 0x20);
	pe_put(&image, AT_SECTIONS + PE_SECTION_BYTES + 20, 4, 0x220);
	pe_put(&swapped, AT_SECTIONS + 16, 4, 0x20);
	pe_put(&swapped, AT_SECTIONS + 20, 4, 0x220);
	pe_put(&swapped, AT_SECTIONS + PE_SECTION_BYTES + 20, 4, 0x200);
	a = digest_of_image(&image);
	b = digest_of_image(&swapped);
	assert_false(pcr_digest_equal(PCR_SHA384, &a, &b));
	memcpy(swapped.bytes, image.bytes, AT_TEXT);
	b = digest_of_image(&swapped);
	assert_true(pcr_digest_equal(PCR_SHA384, &a, &b));
}

static void
authenticode_digest_stays_when_a_padded_image_is_signed(void **state)
{
	struct pe_image image = pe_good();
	struct pcr_digest before;
	struct pcr_digest after;

	(void)state;
	image.len = 0x280;
	before = digest_of_image(&image);
	pe_add_certificates(&image, 64);
	pe_put(&image, AT_OPTIONAL + 64, 4, 0x87654321);
	after = digest_of_image(&image);
	assert_true(pcr_digest_equal(PCR_SHA384, &before, &after));
}

static void
authenticode_digest_takes_an_image_without_certificate_entry(void **state)
{
	struct pe_image image = pe_good();
	struct pcr_digest before;
	struct pcr_digest after;

	(void)state;
	/* No directories: the section headers follow at once. */
	memmove(image.bytes + AT_OPTIONAL + 112, image.bytes + AT_SECTIONS,
	    4 * PE_SECTION_BYTES);
	pe_put(&image, AT_OPTIONAL + 108, 4, 0);
	pe_put(&image, AT_COFF + 16, 2, 112);
	before = digest_of_image(&image);
	image.bytes[AT_OPTIONAL + 112 + 36] ^= 1; /* .text's flags */
	after = digest_of_image(&image);
	assert_false(pcr_digest_equal(PCR_SHA384, &before, &after));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pe_decode_finds_headers_and_sections),
	    cmocka_unit_test(pe_decode_refuses_each_broken_field),
	    cmocka_unit_test(pe_decode_refuses_every_file_that_ends_too_early),
	    cmocka_unit_test(pe_decode_refuses_a_file_over_the_limit),
	    cmocka_unit_test(pe_decode_finds_certificates_at_the_end),
	    cmocka_unit_test(
		pe_decode_refuses_certificates_that_do_not_end_the_file),
	    cmocka_unit_test(
		pe_decode_refuses_certificates_over_a_section_or_not_aligned),
	    cmocka_unit_test(
		authenticode_digest_is_over_all_but_checksum_and_certificates),
	    cmocka_unit_test(authenticode_digest_depends_on_every_other_byte),
	    cmocka_unit_test(authenticode_digest_goes_by_the_order_of_the_file),
	    cmocka_unit_test(
		authenticode_digest_stays_when_a_padded_image_is_signed),
	    cmocka_unit_test(
		authenticode_digest_takes_an_image_without_certificate_entry),
	};

	return cmocka_run_group_tests_name("pe", tests, NULL, NULL);
}
