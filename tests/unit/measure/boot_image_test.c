#include "pe_fixture.h"

#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "measure/predict/boot_image.h"

/* At least 64 bytes of an ELF header. */
static uint8_t kernel[100] = {0x7f, 'E', 'L', 'F', 2, 1,
    1, [16] = 2, [18] = 62, [20] = 1};

static struct boot_image_parts
parts_of(const struct pe_image *xen)
{
	return (struct boot_image_parts){
	    .xen = pe_bytes(xen),
	    .xen_options = "console=com1 dom0_mem=1G",
	    .kernel = bytes_of(kernel, sizeof(kernel)),
	    .kernel_options = "console=hvc0",
	    .ramdisk = bytes_of_str("the ramdisk"),
	};
}

static struct pe
make(const struct boot_image_parts *parts, uint8_t **ret_image)
{
	struct err err = {0};
	struct pe pe;
	size_t len;

	if (boot_image_make(parts, ret_image, &len, &err) != 0)
		fail_msg("%s: %s", err_name(err.code), err.text);
	assert_refused(pe_decode(bytes_of(*ret_image, len), &pe, &err), 0);
	return pe;
}

static void
assert_not_made(const struct boot_image_parts *parts, int code,
    const char *complaint)
{
	uint8_t *image = NULL;
	size_t len = 7;
	struct err err = {0};

	assert_refused(boot_image_make(parts, &image, &len, &err), code);
	assert_has(err.text, complaint);
	assert_null(image);
	assert_int_equal(len, 7);
}

static void
assert_section(const struct pe *pe, const char *name, struct bytes data)
{
	const struct pe_section *section = pe_section(pe, name);

	assert_non_null(section);
	assert_int_equal(section->virtual_bytes, data.len);
	assert_int_equal(section->rva % pe->section_alignment, 0);
	assert_int_equal(section->raw_offset % pe->file_alignment, 0);
	assert_memory_equal(pe->file.ptr + section->raw_offset, data.ptr,
	    data.len);
}

static uint32_t
u32(const struct pe *pe, size_t offset)
{
	uint32_t value = 0;

	assert_true(bytes_le32(pe->file, offset, &value));
	return value;
}

static const char good_config[] = "[global]\ndefault=assay\n[assay]\n"
				  "options=console=com1 dom0_mem=1G\n"
				  "kernel=kernel console=hvc0\n"
				  "ramdisk=ramdisk\n";

static void
boot_image_holds_configuration_kernel_and_ramdisk(void **state)
{
	CLEANUP(freep) uint8_t *image = NULL;
	struct pe_image xen = pe_good();
	struct boot_image_parts parts = parts_of(&xen);
	struct pe pe = make(&parts, &image);

	(void)state;
	assert_int_equal(pe.section_count, 7);
	assert_section(&pe, ".config", bytes_of_str(good_config));
	assert_section(&pe, ".kernel", parts.kernel);
	assert_section(&pe, ".ramdisk", parts.ramdisk);
	assert_true(pe_section(&pe, ".config")->rva >= 0x5000);
	assert_int_equal(pe.image_bytes % 0x1000, 0);
	assert_int_equal(pe.file.len % 8, 0);
}

/* The headers need room, so everything behind them moves. */
static void
boot_image_moves_what_is_behind_the_headers(void **state)
{
	CLEANUP(freep) uint8_t *image = NULL;
	struct pe_image xen = pe_good();
	struct boot_image_parts parts = parts_of(&xen);
	struct pe pe = make(&parts, &image);
	uint32_t symbols = u32(&pe, AT_COFF + 8);

	(void)state;
	assert_int_equal(pe.header_bytes, 0x260);
	assert_int_equal(pe.sections[0].raw_offset, 0x260);
	assert_memory_equal(image + 0x260, xen.bytes + AT_TEXT, 0x40);
	assert_int_equal(pe.sections[1].raw_offset, 0x2a0);
	assert_int_equal(u32(&pe, 0x2a0 + 24), 0x25c + 0x60);
	assert_int_equal(pe.sections[2].raw_bytes, 0);
	assert_true(symbols >= pe.raw_end);
	assert_memory_equal(image + symbols, xen.bytes + AT_SYMBOLS,
	    PE_GOOD_BYTES - AT_SYMBOLS);
	assert_true(pe.file.len - symbols < PE_GOOD_BYTES - AT_SYMBOLS + 8);
	assert_int_equal(u32(&pe, AT_OPTIONAL + 8),
	    0x20 + pe.sections[4].raw_bytes + pe.sections[5].raw_bytes +
		pe.sections[6].raw_bytes);
}

static void
boot_image_leaves_everything_in_place_if_there_is_room(void **state)
{
	CLEANUP(freep) uint8_t *image = NULL;
	struct pe_image xen = pe_good();
	struct boot_image_parts parts;
	struct pe pe;

	(void)state;
	/* A .text that begins later makes 0x280 bytes of headers. */
	memmove(xen.bytes + 0x280, xen.bytes + 0x200, PE_GOOD_BYTES - 0x200);
	memset(xen.bytes + 0x200, 0, 0x80);
	xen.len += 0x80;
	pe_put(&xen, AT_OPTIONAL + 60, 4, 0x280);
	pe_put(&xen, AT_SECTIONS + 20, 4, 0x280);
	pe_put(&xen, AT_SECTIONS + PE_SECTION_BYTES + 20, 4, 0x2c0);
	pe_put(&xen, AT_COFF + 8, 4, 0x2e0);
	parts = parts_of(&xen);
	pe = make(&parts, &image);
	assert_int_equal(pe.header_bytes, 0x280);
	assert_int_equal(pe.sections[0].raw_offset, 0x280);
	assert_int_equal(pe.sections[1].raw_offset, 0x2c0);
}

static void
boot_image_has_the_same_bytes_each_time(void **state)
{
	CLEANUP(freep) uint8_t *a = NULL;
	CLEANUP(freep) uint8_t *b = NULL;
	struct pe_image xen = pe_good();
	struct boot_image_parts parts = parts_of(&xen);
	struct pe first = make(&parts, &a);
	struct pe second = make(&parts, &b);

	(void)state;
	assert_true(bytes_equal(first.file, second.file));
}

/* Another way to the sum: the format's own words, one carry at a time. */
static void
boot_image_has_a_right_checksum(void **state)
{
	CLEANUP(freep) uint8_t *image = NULL;
	struct pe_image xen = pe_good();
	struct boot_image_parts parts = parts_of(&xen);
	struct pe pe = make(&parts, &image);
	size_t at = pe_checksum_offset(&pe);
	uint32_t found = u32(&pe, at);
	uint32_t sum = 0;

	(void)state;
	for (size_t i = 0; i < pe.file.len; i += 2) {
		if (i == at || i == at + 2)
			continue;
		sum += (uint32_t)image[i] | (uint32_t)image[i + 1] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	assert_int_equal(found, sum + pe.file.len);
	assert_int_not_equal(found, 0x12345678);
}

static void
boot_image_config_is_writable_and_the_rest_is_not(void **state)
{
	CLEANUP(freep) uint8_t *image = NULL;
	struct pe_image xen = pe_good();
	struct boot_image_parts parts = parts_of(&xen);
	struct pe pe = make(&parts, &image);

	(void)state;
	assert_int_equal(u32(&pe, AT_SECTIONS + 4 * PE_SECTION_BYTES + 36),
	    0xc0000040);
	assert_int_equal(u32(&pe, AT_SECTIONS + 5 * PE_SECTION_BYTES + 36),
	    0x40000040);
	assert_int_equal(u32(&pe, AT_SECTIONS + 6 * PE_SECTION_BYTES + 36),
	    0x40000040);
}

static void
boot_image_refuses_a_signed_xen(void **state)
{
	struct pe_image xen = pe_good();
	struct boot_image_parts parts;

	(void)state;
	pe_add_certificates(&xen, 16);
	parts = parts_of(&xen);
	assert_not_made(&parts, BOOT_IMAGE_UNFIT, "it is signed");
}

static void
boot_image_refuses_what_does_not_look_for_its_sections(void **state)
{
	struct pe_image xen = pe_good();
	struct boot_image_parts parts;

	(void)state;
	xen.bytes[AT_TEXT] ^= 1;
	parts = parts_of(&xen);
	assert_not_made(&parts, BOOT_IMAGE_UNFIT, "does not look for");
}

static void
boot_image_refuses_an_image_that_was_packed_already(void **state)
{
	CLEANUP(freep) uint8_t *image = NULL;
	struct pe_image xen = pe_good();
	struct boot_image_parts parts = parts_of(&xen);
	struct pe pe = make(&parts, &image);

	(void)state;
	parts.xen = pe.file;
	assert_not_made(&parts, BOOT_IMAGE_UNFIT, "section .config already");
	memcpy(xen.bytes + AT_SECTIONS, ".ucode\0\0", 8);
	parts = parts_of(&xen);
	assert_not_made(&parts, BOOT_IMAGE_UNFIT, "section .ucode already");
}

static void
boot_image_refuses_a_layout_that_it_cannot_extend(void **state)
{
	struct pe_image xen = pe_good();
	struct boot_image_parts parts = parts_of(&xen);

	(void)state;
	pe_put(&xen, AT_SECTIONS + 16, 4, 0x20);
	assert_not_made(&parts, BOOT_IMAGE_UNFIT, "32 bytes between");
	xen = pe_good();
	xen.bytes[0x1f0] = 1;
	assert_not_made(&parts, BOOT_IMAGE_UNFIT, "at offset 496");
	xen = pe_good();
	pe_put(&xen, AT_SECTIONS + 12, 4, 0x200);
	assert_not_made(&parts, BOOT_IMAGE_UNFIT, "no room for 3");
	xen = pe_good();
	pe_put(&xen, AT_OPTIONAL + 36, 4, 0x400);
	assert_not_made(&parts, BOOT_IMAGE_UNFIT, "not aligned to 1024");
	xen = pe_good();
	pe_put(&xen, AT_OPTIONAL + 56, 4, 0x7fffe000);
	assert_not_made(&parts, BOOT_IMAGE_UNFIT, ".ramdisk: 11 bytes");
}

static void
boot_image_refuses_empty_and_unknown_parts(void **state)
{
	struct pe_image xen = pe_good();
	struct boot_image_parts parts = parts_of(&xen);

	(void)state;
	parts.ramdisk.len = 0;
	assert_not_made(&parts, BOOT_IMAGE_UNFIT, ".ramdisk: 0 bytes");
	parts = parts_of(&xen);
	parts.kernel = bytes_of_str("no kernel at all, but a text");
	assert_not_made(&parts, KERNEL_FORMAT_UNKNOWN, "");
	parts = parts_of(&xen);
	parts.xen = bytes_of_str("no image");
	assert_not_made(&parts, PE_MALFORMED, "");
}

static const struct {
	const char *options;
	const char *complaint;
} bad_options[] = {
    {"a\nkernel=x", "character 2"},
    {"a#b", "character 2: #"},
    {"\tconsole", "character 1"},
    {"na\xc3\xafve", "character 3"},
    {"\x7f", "character 1"},
    {" a", "space at an end"},
    {"a ", "space at an end"},
};

static void
boot_image_refuses_options_that_xen_reads_otherwise(void **state)
{
	char long_options[LIMIT_BOOT_OPTIONS_BYTES + 2];
	struct pe_image xen = pe_good();
	struct boot_image_parts parts;

	(void)state;
	for (size_t i = 0; i < countof(bad_options); i++) {
		parts = parts_of(&xen);
		parts.xen_options = bad_options[i].options;
		assert_not_made(&parts, BOOT_OPTIONS_BAD,
		    bad_options[i].complaint);
		parts = parts_of(&xen);
		parts.kernel_options = bad_options[i].options;
		assert_not_made(&parts, BOOT_OPTIONS_BAD,
		    bad_options[i].complaint);
	}
	memset(long_options, 'a', sizeof(long_options));
	long_options[sizeof(long_options) - 1] = '\0';
	parts = parts_of(&xen);
	parts.kernel_options = long_options;
	assert_not_made(&parts, BOOT_OPTIONS_BAD, "limit 2000");
}

static void
boot_image_config_without_options_names_the_files_alone(void **state)
{
	CLEANUP(freep) char *config = NULL;
	struct err err;

	(void)state;
	assert_refused(boot_image_config("", "", &config, &err), 0);
	assert_string_equal(config,
	    "[global]\ndefault=assay\n[assay]\noptions=\nkernel=kernel\n"
	    "ramdisk=ramdisk\n");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(boot_image_holds_configuration_kernel_and_ramdisk),
	    cmocka_unit_test(boot_image_moves_what_is_behind_the_headers),
	    cmocka_unit_test(
		boot_image_leaves_everything_in_place_if_there_is_room),
	    cmocka_unit_test(boot_image_has_the_same_bytes_each_time),
	    cmocka_unit_test(boot_image_has_a_right_checksum),
	    cmocka_unit_test(boot_image_config_is_writable_and_the_rest_is_not),
	    cmocka_unit_test(boot_image_refuses_a_signed_xen),
	    cmocka_unit_test(
		boot_image_refuses_what_does_not_look_for_its_sections),
	    cmocka_unit_test(
		boot_image_refuses_an_image_that_was_packed_already),
	    cmocka_unit_test(boot_image_refuses_a_layout_that_it_cannot_extend),
	    cmocka_unit_test(boot_image_refuses_empty_and_unknown_parts),
	    cmocka_unit_test(
		boot_image_refuses_options_that_xen_reads_otherwise),
	    cmocka_unit_test(
		boot_image_config_without_options_names_the_files_alone),
	};

	return cmocka_run_group_tests_name("boot_image", tests, NULL, NULL);
}
