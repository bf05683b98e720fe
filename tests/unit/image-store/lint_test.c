#include "store_fixture.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "image-store/pack/lint.h"

#define GOOD_CONFIG                      \
	"# Linux\nCONFIG_XEN_PV=y\n"     \
	"CONFIG_HVC_XEN=y\n"             \
	"CONFIG_XEN_BLKDEV_FRONTEND=m\n" \
	"CONFIG_DM_VERITY=m\n"           \
	"# CONFIG_DM_INIT is not set\n"  \
	"CONFIG_SECURITY_LOCKDOWN_LSM=y\n"
#define GOOD_CMDLINE \
	"console=hvc0 lockdown=integrity assay.verity=root:xvda:xvda"

static const struct elf_notes good_notes = {
    .xen_version = "xen-3.0",
    .loader = "generic",
    .has_entry = true,
    .memory_bytes = LIMIT_MIB(40),
};

static struct kernel_config *
config_of(const char *text)
{
	struct kernel_config *config = NULL;
	struct err err;

	assert_code(kernel_config_read(bytes_of_str(text), &config, &err), 0);
	return config;
}

static struct lint_image
good_image(const struct kernel_config *config)
{
	return (struct lint_image){
	    .notes = &good_notes,
	    .config = config,
	    .cmdline = GOOD_CMDLINE,
	    .ramdisk_bytes = LIMIT_MIB(10),
	    .memory_min_mib = 128,
	};
}

/* Exactly these, as "error:id" or "warning:id", with a space behind each. */
static void
expect(const struct lint_image *image, const char *expected)
{
	struct lint_report report;
	char found[1024] = "";

	lint_check(image, &report);
	for (size_t i = 0; i < report.count; i++) {
		const struct lint_finding *finding = &report.findings[i];

		strcat(found, finding->is_error ? "error:" : "warning:");
		strcat(found, finding->id);
		strcat(found, " ");
		assert_true(finding->what[0] != '\0');
		assert_true(finding->remedy[0] != '\0');
	}
	assert_string_equal(found, expected);
}

static void
expect_of_cmdline(const char *cmdline, const char *expected)
{
	CLEANUP(kernel_config_freep)
	struct kernel_config *config = config_of(GOOD_CONFIG);
	struct lint_image image = good_image(config);

	image.cmdline = cmdline;
	expect(&image, expected);
}

/* The good configuration, in which one line is another. */
static void
expect_of_config(const char *from, const char *to, uint64_t ramdisk_bytes,
    const char *expected)
{
	CLEANUP(kernel_config_freep) struct kernel_config *config = NULL;
	struct lint_image image;
	const char *at = strstr(GOOD_CONFIG, from);
	char text[1024];

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - GOOD_CONFIG),
	    GOOD_CONFIG, to, at + strlen(from));
	config = config_of(text);
	image = good_image(config);
	image.ramdisk_bytes = ramdisk_bytes;
	expect(&image, expected);
}

static void
lint_finds_nothing_in_a_good_image(void **state)
{
	(void)state;
	expect_of_cmdline(GOOD_CMDLINE, "");
	expect_of_cmdline("lockdown=confidentiality", "");
}

static void
lint_finds_a_kernel_that_is_not_pv(void **state)
{
	CLEANUP(kernel_config_freep)
	struct kernel_config *config = config_of(GOOD_CONFIG);
	struct lint_image image = good_image(config);
	struct elf_notes notes = good_notes;

	(void)state;
	notes.has_entry = false;
	image.notes = &notes;
	expect(&image, "error:no-pv-entry ");
}

static void
lint_says_that_it_does_not_know_the_configuration(void **state)
{
	struct lint_image image = good_image(NULL);

	(void)state;
	expect(&image, "warning:config-unknown ");
}

static void
lint_finds_a_command_line_over_the_limit(void **state)
{
	char cmdline[LIMIT_CMDLINE_BYTES + 2] = "lockdown=integrity ";

	(void)state;
	memset(cmdline + strlen(cmdline), 'a', sizeof(cmdline) - 1 - 19);
	expect_of_cmdline(cmdline + 1, "warning:lockdown-off "); /* ockdown= */
	expect_of_cmdline(cmdline, "error:cmdline-too-long ");
}

static void
lint_finds_a_console_that_nobody_reads(void **state)
{
	(void)state;
	expect_of_cmdline("lockdown=integrity console=ttyS0",
	    "warning:console-unread ");
	expect_of_cmdline("lockdown=integrity console=hvc0 console=tty0",
	    "warning:console-unread ");
	expect_of_cmdline("lockdown=integrity console=tty0 console=hvc0,115200",
	    "");
	expect_of_cmdline("lockdown=integrity netconsole=x", "");
}

static void
lint_finds_drivers_that_are_missing(void **state)
{
	(void)state;
	expect_of_config("CONFIG_HVC_XEN=y", "", 1, "error:no-xen-console ");
	expect_of_config("CONFIG_XEN_BLKDEV_FRONTEND=m", "", 1,
	    "error:no-block-frontend ");
	expect_of_config("CONFIG_DM_VERITY=m", "# CONFIG_DM_VERITY=y", 1,
	    "error:no-dm-verity ");
	expect_of_config("CONFIG_SECURITY_LOCKDOWN_LSM=y", "", 1,
	    "warning:no-lockdown ");
}

static void
lint_knows_that_modules_need_an_initramfs(void **state)
{
	(void)state;
	expect_of_config("# Linux", "", 0,
	    "error:no-block-frontend error:no-dm-verity ");
	expect_of_config("CONFIG_XEN_BLKDEV_FRONTEND=m",
	    "CONFIG_XEN_BLKDEV_FRONTEND=y", 0, "error:no-dm-verity ");
}

static void
lint_wants_a_block_front_end_only_for_a_disk(void **state)
{
	CLEANUP(kernel_config_freep)
	struct kernel_config *config = config_of("CONFIG_HVC_XEN=y\n");
	struct lint_image image = good_image(config);

	(void)state;
	image.cmdline = "";
	expect(&image, "warning:no-block-frontend warning:lockdown-off ");
	image.cmdline = "root=/dev/xvda1";
	expect(&image, "error:no-block-frontend warning:root-unverified "
		       "warning:lockdown-off ");
}

static void
lint_finds_a_root_that_is_not_verified(void **state)
{
	(void)state;
	expect_of_cmdline("lockdown=integrity root=/dev/xvda1",
	    "warning:root-unverified ");
	expect_of_cmdline("lockdown=integrity root=UUID=12",
	    "warning:root-unverified ");
	expect_of_cmdline(
	    "lockdown=integrity root=/dev/mapper/root roothash=12", "");
}

static void
lint_finds_dm_tables_that_the_kernel_ignores(void **state)
{
	static const char cmdline[] =
	    "lockdown=integrity dm-mod.create=\"root,,,ro, 0 8 verity 1\"";

	(void)state;
	expect_of_cmdline(cmdline, "error:no-dm-init ");
}

static void
lint_finds_lockdown_off_unless_the_kernel_forces_it(void **state)
{
	(void)state;
	expect_of_cmdline("", "warning:lockdown-off ");
	expect_of_cmdline("xlockdown=integrity lockdown=none",
	    "warning:lockdown-off ");
	expect_of_config("# Linux", "CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY=y",
	    1, "");
}

/* A text in quotes, or for init, had silenced it. */
static void
lint_reads_the_command_line_as_linux_does(void **state)
{
	(void)state;
	expect_of_cmdline("x=\"a lockdown=integrity b\"",
	    "warning:lockdown-off ");
	expect_of_cmdline("-- lockdown=integrity", "warning:lockdown-off ");
	expect_of_cmdline("lockdown=\"integrity\"", "");
	expect_of_cmdline("lockdown=integrity lockdown=none", "");
	expect_of_cmdline(
	    "lockdown=integrity root=/dev/xvda x=\"a assay.verity=0 b\"",
	    "warning:root-unverified ");
	expect_of_cmdline("lockdown=integrity root=/dev/xvda root=none", "");
	expect_of_cmdline("lockdown=integrity dm_mod.create=\"a 0 verity 1\"",
	    "error:no-dm-init ");
}

static void
lint_finds_a_shell_for_init(void **state)
{
	(void)state;
	expect_of_cmdline("lockdown=integrity init=/bin/sh",
	    "warning:init-is-a-shell ");
	expect_of_cmdline(
	    "lockdown=integrity rdinit=bash init=\"/bin/busybox\"",
	    "warning:init-is-a-shell warning:init-is-a-shell ");
	expect_of_cmdline("lockdown=integrity init=/bin/sh init=/sbin/init",
	    "");
	expect_of_cmdline("lockdown=integrity init=/sbin/shd -- init=/bin/sh",
	    "");
}

static void
lint_finds_too_little_memory(void **state)
{
	CLEANUP(kernel_config_freep)
	struct kernel_config *config = config_of(GOOD_CONFIG);
	struct lint_image image = good_image(config);

	(void)state;
	image.memory_min_mib = 50;
	expect(&image, "error:memory-too-small ");
	image.memory_min_mib = 51;
	expect(&image, "warning:memory-tight ");
	image.memory_min_mib = 92;
	expect(&image, "warning:memory-tight ");
	image.memory_min_mib = 93;
	expect(&image, "");
	image.memory_min_mib = 0;
	expect(&image, "");
}

static void
lint_finds_a_debug_image(void **state)
{
	CLEANUP(kernel_config_freep)
	struct kernel_config *config = config_of(GOOD_CONFIG);
	struct lint_image image = good_image(config);

	(void)state;
	image.is_debug = true;
	expect(&image, "warning:debug-image ");
}

/* --- configurations --- */

static void
kernel_config_tells_what_a_line_says(void **state)
{
	CLEANUP(kernel_config_freep)
	struct kernel_config *config = config_of("CONFIG_A=y\nCONFIG_B=m\n"
						 "CONFIG_C=\"y\"\n"
						 "#CONFIG_D=y\nCONFIG_E=yes\n"
						 "CONFIG_F=y");

	(void)state;
	assert_int_equal(kernel_config_get(config, "A"), 'y');
	assert_int_equal(kernel_config_get(config, "B"), 'm');
	assert_int_equal(kernel_config_get(config, "C"), 'n');
	assert_int_equal(kernel_config_get(config, "D"), 'n');
	assert_int_equal(kernel_config_get(config, "E"), 'n');
	assert_int_equal(kernel_config_get(config, "F"), 'y');
	assert_int_equal(kernel_config_get(config, "G"), 'n');
}

static int
extract(struct bytes middle, struct kernel_config **ret_config)
{
	CLEANUP(buffer_done) struct buffer elf = {0};
	struct err err;

	buffer_add(&elf, "IKCFG_ST but no gzip, IKCFG_ST", 22);
	buffer_add(&elf, "IKCFG_ST", 8);
	buffer_add(&elf, middle.ptr, middle.len);
	buffer_add(&elf, "IKCFG_ED rest", 13);
	return kernel_config_extract(buffer_bytes(&elf), ret_config, &err);
}

static void
kernel_config_comes_out_of_a_kernel(void **state)
{
	CLEANUP(buffer_done)
	struct buffer gzip = compress_bytes(GZIP, bytes_of_str(GOOD_CONFIG));
	CLEANUP(kernel_config_freep) struct kernel_config *config = NULL;
	struct kernel_config *none = UNTOUCHED;
	struct err err;

	(void)state;
	assert_code(extract(buffer_bytes(&gzip), &config), 0);
	assert_int_equal(kernel_config_get(config, "DM_VERITY"), 'm');
	assert_code(
	    kernel_config_extract(bytes_of_str("IKCFG_ST"), &none, &err), 0);
	assert_null(none);
}

static void
kernel_config_refuses_what_is_none(void **state)
{
	CLEANUP(buffer_done)
	struct buffer gzip = compress_bytes(GZIP, bytes_of_str(GOOD_CONFIG));
	CLEANUP(buffer_done)
	struct buffer text = compress_bytes(GZIP, bytes_of_str("hello"));
	CLEANUP(freep)
	char *large = calloc(1, LIMIT_KERNEL_CONFIG_BYTES + 1);
	struct kernel_config *config = UNTOUCHED;
	struct err err;

	(void)state;
	assert_code(extract(buffer_bytes(&text), &config), KERNEL_CONFIG_BAD);
	gzip.ptr[gzip.len - 4] ^= 1; /* the size */
	assert_code(extract(buffer_bytes(&gzip), &config), KERNEL_CONFIG_BAD);
	gzip.ptr[gzip.len - 1] = 0xff;
	assert_code(extract(buffer_bytes(&gzip), &config), KERNEL_CONFIG_BAD);
	assert_code(extract(bytes_of("\x1f\x8b", 2), &config),
	    KERNEL_CONFIG_BAD);
	assert_code(kernel_config_read(bytes_of_str(""), &config, &err),
	    KERNEL_CONFIG_BAD);
	assert_code(
	    kernel_config_read(bytes_of("CONFIG_A=y\0", 11), &config, &err),
	    KERNEL_CONFIG_BAD);
	assert_code(
	    kernel_config_read(bytes_of(large, LIMIT_KERNEL_CONFIG_BYTES + 1),
		&config, &err),
	    KERNEL_CONFIG_BAD);
	assert_ptr_equal(config, UNTOUCHED);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(lint_finds_nothing_in_a_good_image),
	    cmocka_unit_test(lint_finds_a_kernel_that_is_not_pv),
	    cmocka_unit_test(lint_says_that_it_does_not_know_the_configuration),
	    cmocka_unit_test(lint_finds_a_command_line_over_the_limit),
	    cmocka_unit_test(lint_finds_a_console_that_nobody_reads),
	    cmocka_unit_test(lint_finds_drivers_that_are_missing),
	    cmocka_unit_test(lint_knows_that_modules_need_an_initramfs),
	    cmocka_unit_test(lint_wants_a_block_front_end_only_for_a_disk),
	    cmocka_unit_test(lint_finds_a_root_that_is_not_verified),
	    cmocka_unit_test(lint_finds_dm_tables_that_the_kernel_ignores),
	    cmocka_unit_test(
		lint_finds_lockdown_off_unless_the_kernel_forces_it),
	    cmocka_unit_test(lint_reads_the_command_line_as_linux_does),
	    cmocka_unit_test(lint_finds_a_shell_for_init),
	    cmocka_unit_test(lint_finds_too_little_memory),
	    cmocka_unit_test(lint_finds_a_debug_image),
	    cmocka_unit_test(kernel_config_tells_what_a_line_says),
	    cmocka_unit_test(kernel_config_comes_out_of_a_kernel),
	    cmocka_unit_test(kernel_config_refuses_what_is_none),
	};

	return cmocka_run_group_tests_name("lint", tests, NULL, NULL);
}
