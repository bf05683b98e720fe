#include "store_fixture.h"

#include <elf.h>
#include <string.h>

#include "base/scope.h"
#include "image-store/elf_check.h"
#include "image-store/pack/elf_notes.h"

#define SEGMENT(n) (sizeof(Elf64_Ehdr) + (n) * sizeof(Elf64_Phdr))

/* Check the good ELF with a 64-bit little-endian field cut to `width`. */
static int
check_with(size_t offset, size_t width, uint64_t value)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	struct err err;

	memcpy(elf.ptr + offset, &value, width);
	return elf_check(buffer_bytes(&elf), &err);
}

#define check_header(field, value)              \
	check_with(offsetof(Elf64_Ehdr, field), \
	    sizeof(((Elf64_Ehdr *)0)->field), value)
#define check_segment(n, field, value)                       \
	check_with(SEGMENT(n) + offsetof(Elf64_Phdr, field), \
	    sizeof(((Elf64_Phdr *)0)->field), value)

static void
elf_check_accepts_a_kernel(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	struct err err;

	(void)state;
	assert_code(elf_check(buffer_bytes(&elf), &err), 0);
	assert_code(check_header(e_type, ET_DYN), 0);
}

static void
elf_check_refuses_other_kinds_of_files(void **state)
{
	(void)state;
	assert_code(check_with(0, 1, 0x7e), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_with(EI_CLASS, 1, ELFCLASS32), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_with(EI_DATA, 1, ELFDATA2MSB), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_with(EI_VERSION, 1, 0), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_header(e_machine, EM_386), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_header(e_machine, EM_AARCH64), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_header(e_type, ET_REL), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_header(e_type, ET_CORE), KERNEL_FORMAT_UNKNOWN);
}

static void
elf_check_refuses_a_program_header_table_outside_the_file(void **state)
{
	(void)state;
	assert_code(check_header(e_phoff, 1 << 30), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_header(e_phoff, UINT64_MAX), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_header(e_phoff, UINT64_MAX - 111),
	    KERNEL_FORMAT_UNKNOWN);
	assert_code(check_header(e_phentsize, 32), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_header(e_phnum, 0), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_header(e_phnum, ELF_CHECK_PROGRAM_HEADERS + 1),
	    KERNEL_FORMAT_UNKNOWN);
	assert_code(check_header(e_phnum, PN_XNUM), KERNEL_FORMAT_UNKNOWN);
}

/* Each of them is as good as any. */
static void
elf_check_refuses_too_many_program_headers(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	struct err err;

	(void)state;
	memset(elf.ptr + SEGMENT(1), 0, SEGMENT(100) - SEGMENT(1));
	put_le16(elf.ptr + offsetof(Elf64_Ehdr, e_phnum),
	    ELF_CHECK_PROGRAM_HEADERS);
	assert_code(elf_check(buffer_bytes(&elf), &err), 0);
	put_le16(elf.ptr + offsetof(Elf64_Ehdr, e_phnum),
	    ELF_CHECK_PROGRAM_HEADERS + 1);
	assert_code(elf_check(buffer_bytes(&elf), &err), KERNEL_FORMAT_UNKNOWN);
}

static void
elf_check_refuses_a_section_header_table_outside_the_file(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	Elf64_Ehdr header;
	struct err err;

	(void)state;
	assert_code(check_header(e_shoff, 64), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_header(e_shnum, 1), KERNEL_FORMAT_UNKNOWN);
	memcpy(&header, elf.ptr, sizeof(header));
	header.e_shentsize = sizeof(Elf64_Shdr);
	header.e_shnum = 2;
	header.e_shoff = elf.len - 2 * sizeof(Elf64_Shdr);
	memcpy(elf.ptr, &header, sizeof(header));
	assert_code(elf_check(buffer_bytes(&elf), &err), 0);
	header.e_shoff++;
	memcpy(elf.ptr, &header, sizeof(header));
	assert_code(elf_check(buffer_bytes(&elf), &err), KERNEL_FORMAT_UNKNOWN);
}

static void
elf_check_refuses_a_segment_outside_the_file(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		assert_code(check_segment(i, p_offset, UINT64_MAX),
		    KERNEL_FORMAT_UNKNOWN);
		assert_code(check_segment(i, p_offset, 1 << 30),
		    KERNEL_FORMAT_UNKNOWN);
		assert_code(check_segment(i, p_filesz, UINT64_MAX),
		    KERNEL_FORMAT_UNKNOWN);
		assert_code(check_segment(i, p_filesz, 1 << 30),
		    KERNEL_FORMAT_UNKNOWN);
	}
	/* One byte too far. */
	assert_code(check_segment(0, p_offset, 1), KERNEL_FORMAT_UNKNOWN);
}

static void
elf_check_refuses_a_segment_that_does_not_fit_memory(void **state)
{
	(void)state;
	assert_code(check_segment(0, p_memsz, 100), KERNEL_FORMAT_UNKNOWN);
	assert_code(check_segment(0, p_paddr, UINT64_MAX),
	    KERNEL_FORMAT_UNKNOWN);
	assert_code(check_segment(0, p_vaddr, UINT64_MAX - 4096),
	    KERNEL_FORMAT_UNKNOWN);
	assert_code(check_segment(0, p_memsz, UINT64_MAX),
	    KERNEL_FORMAT_UNKNOWN);
}

static void
elf_check_refuses_a_file_with_nothing_to_load(void **state)
{
	(void)state;
	assert_code(check_segment(0, p_type, PT_NULL), KERNEL_FORMAT_UNKNOWN);
}

static void
elf_check_refuses_every_truncation(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	struct err err;

	(void)state;
	for (size_t len = 0; len < elf.len; len++) {
		CLEANUP(buffer_done) struct buffer cut = {0};

		if (len > 600 && len % 97 != 0)
			continue;
		buffer_add(&cut, elf.ptr, len);
		assert_code(elf_check(buffer_bytes(&cut), &err),
		    KERNEL_FORMAT_UNKNOWN);
	}
}

static void
elf_notes_read_tells_what_the_notes_say(void **state)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(&good_elf);
	struct elf_notes notes;
	struct err err;

	(void)state;
	assert_code(elf_notes_read(buffer_bytes(&elf), &notes, &err), 0);
	assert_string_equal(notes.guest_os, "test");
	assert_string_equal(notes.guest_version, "1");
	assert_string_equal(notes.xen_version, "xen-3.0");
	assert_string_equal(notes.loader, "generic");
	assert_true(notes.has_entry);
	assert_true(notes.has_hypercall_page);
	assert_false(notes.has_pvh_entry);
	assert_code(elf_notes_require_pv(&notes, &err), 0);
}

static int
require_pv(const struct elf_recipe *recipe, struct err *err)
{
	CLEANUP(buffer_done) struct buffer elf = make_elf(recipe);
	struct elf_notes notes;

	assert_code(elf_notes_read(buffer_bytes(&elf), &notes, err), 0);
	return elf_notes_require_pv(&notes, err);
}

static void
elf_notes_require_pv_refuses_each_missing_note(void **state)
{
	struct elf_recipe bad[3] = {good_elf, good_elf, good_elf};
	static const char *const names[3] = {"ENTRY", "XEN_VERSION", "LOADER"};
	struct elf_recipe none = {0};
	struct err err;

	(void)state;
	bad[0].has_entry = false;
	bad[1].xen_version = NULL;
	bad[2].loader = NULL;
	for (size_t i = 0; i < 3; i++) {
		assert_code(require_pv(&bad[i], &err), KERNEL_NOT_PV);
		assert_non_null(strstr(err.text, names[i]));
	}
	assert_code(require_pv(&none, &err), KERNEL_NOT_PV);
}

static void
elf_notes_require_pv_refuses_other_values(void **state)
{
	struct elf_recipe bad = good_elf;
	struct err err;

	(void)state;
	bad.xen_version = "xen-2.0";
	assert_code(require_pv(&bad, &err), KERNEL_NOT_PV);
	bad.xen_version = "xen-3.0 and much more than fits there";
	assert_code(require_pv(&bad, &err), KERNEL_NOT_PV);
	bad = good_elf;
	bad.loader = "gen\neric";
	assert_code(require_pv(&bad, &err), KERNEL_NOT_PV);
	assert_non_null(strstr(err.text, "gen?eric"));
}

/* Linux has none any more since XSA-466. */
static void
elf_notes_require_pv_accepts_a_kernel_without_hypercall_page(void **state)
{
	struct elf_recipe recipe = good_elf;
	struct err err;

	(void)state;
	recipe.has_hypercall_page = false;
	assert_code(require_pv(&recipe, &err), 0);
}

static void
elf_notes_read_refuses_what_is_no_elf_file(void **state)
{
	struct elf_notes notes;
	struct elf_notes before;
	struct err err;

	(void)state;
	memset(&before, 0x5a, sizeof(before));
	notes = before;
	assert_code(elf_notes_read(bytes_of_str("#!"), &notes, &err),
	    KERNEL_FORMAT_UNKNOWN);
	assert_memory_equal(&notes, &before, sizeof(notes));
}

/* Any result will do, but none outside of the file. */
static void
elf_notes_read_survives_every_damaged_byte(void **state)
{
	struct elf_recipe recipe = good_elf;
	CLEANUP(buffer_done) struct buffer elf = {0};

	(void)state;
	recipe.content_bytes = 0;
	elf = make_elf(&recipe);
	for (size_t i = 0; i < elf.len * 3; i++) {
		static const uint8_t masks[3] = {0x01, 0x80, 0xff};
		struct elf_notes notes;
		struct err err;

		elf.ptr[i / 3] ^= masks[i % 3];
		if (elf_notes_read(buffer_bytes(&elf), &notes, &err) == 0)
			elf_notes_require_pv(&notes, &err);
		elf.ptr[i / 3] ^= masks[i % 3];
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(elf_check_refuses_too_many_program_headers),
	    cmocka_unit_test(elf_check_accepts_a_kernel),
	    cmocka_unit_test(elf_check_refuses_other_kinds_of_files),
	    cmocka_unit_test(
		elf_check_refuses_a_program_header_table_outside_the_file),
	    cmocka_unit_test(
		elf_check_refuses_a_section_header_table_outside_the_file),
	    cmocka_unit_test(elf_check_refuses_a_segment_outside_the_file),
	    cmocka_unit_test(
		elf_check_refuses_a_segment_that_does_not_fit_memory),
	    cmocka_unit_test(elf_check_refuses_a_file_with_nothing_to_load),
	    cmocka_unit_test(elf_check_refuses_every_truncation),
	    cmocka_unit_test(elf_notes_read_tells_what_the_notes_say),
	    cmocka_unit_test(elf_notes_require_pv_refuses_each_missing_note),
	    cmocka_unit_test(elf_notes_require_pv_refuses_other_values),
	    cmocka_unit_test(
		elf_notes_require_pv_accepts_a_kernel_without_hypercall_page),
	    cmocka_unit_test(elf_notes_read_refuses_what_is_no_elf_file),
	    cmocka_unit_test(elf_notes_read_survives_every_damaged_byte),
	};

	return cmocka_run_group_tests_name("elf", tests, NULL, NULL);
}
