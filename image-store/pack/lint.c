#include "image-store/pack/lint.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/scope.h"
#include "image-store/pack/kernel_cmdline.h"

struct linter {
	const struct lint_image *image;
	struct lint_report *report;
};

static void check_kernel(const struct linter *linter);
static void check_cmdline(const struct linter *linter);
static void check_console(const struct linter *linter);
static void check_init(const struct linter *linter);
static void check_disk(const struct linter *linter);
static void check_verity(const struct linter *linter);
static void check_lockdown(const struct linter *linter);
static void check_memory(const struct linter *linter);
static void check_class(const struct linter *linter);
static bool wants_verity(const char *cmdline);
static bool wants_disk(const char *cmdline);
static bool wants_lockdown(const char *cmdline);
static bool is_shell(struct bytes path);
static bool starts_with(struct bytes value, const char *text);
static bool is_text(struct bytes value, const char *text);
static void check_option(const struct linter *linter, const char *name,
    bool is_error, const char *id, const char *remedy);
static void error(const struct linter *linter, const char *id,
    const char *where, const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static void warn(const struct linter *linter, const char *id, const char *where,
    const char *remedy, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
static void add(const struct linter *linter, bool is_error, const char *id,
    const char *where, const char *remedy, const char *fmt, va_list args)
    __attribute__((format(printf, 6, 0)));

void
lint_check(const struct lint_image *image, struct lint_report *ret_report)
{
	struct lint_report report = {.count = 0};
	struct linter linter = {image, &report};

	check_kernel(&linter);
	check_cmdline(&linter);
	check_console(&linter);
	check_init(&linter);
	check_disk(&linter);
	check_verity(&linter);
	check_lockdown(&linter);
	check_memory(&linter);
	check_class(&linter);
	*ret_report = report;
}

static void
check_kernel(const struct linter *linter)
{
	struct err why;

	if (elf_notes_require_pv(linter->image->notes, &why) != 0)
		error(linter, "no-pv-entry", "kernel",
		    "use a kernel built with CONFIG_XEN_PV", "%s", why.text);
	if (linter->image->config == NULL)
		warn(linter, "config-unknown", "kernel",
		    "name its /boot/config-* with --config, or build it with "
		    "CONFIG_IKCONFIG",
		    "the kernel does not hold its configuration, so drivers "
		    "and lockdown are not checked");
}

static void
check_cmdline(const struct linter *linter)
{
	size_t len = strlen(linter->image->cmdline);

	if (len > LIMIT_CMDLINE_BYTES)
		error(linter, "cmdline-too-long", "cmdline",
		    "shorten the command line",
		    "%zu bytes, and the guest takes %d", len,
		    LIMIT_CMDLINE_BYTES);
}

/*
 * xenconsoled reads one console, which is hvc0. Linux writes /dev/console to
 * the last one that the command line names, and to hvc0 in a domU if none is.
 */
static void
check_console(const struct linter *linter)
{
	struct bytes last;

	check_option(linter, "HVC_XEN", true, "no-xen-console",
	    "build the kernel with CONFIG_HVC_XEN=y");
	if (kernel_cmdline_last(linter->image->cmdline, "console", &last) &&
	    !starts_with(last, "hvc0"))
		warn(linter, "console-unread", "cmdline",
		    "put console=hvc0 last: it is the console that xenconsoled "
		    "reads",
		    "the last console= is %s, which nobody reads",
		    err_quote((const char *)last.ptr, last.len).text);
}

/* The programs that the kernel starts first, by what it was told last. */
static void
check_init(const struct linter *linter)
{
	static const char *const keys[] = {"rdinit", "init"};
	struct bytes program;

	for (size_t i = 0; i < countof(keys); i++) {
		if (kernel_cmdline_last(linter->image->cmdline, keys[i],
			&program) &&
		    is_shell(program))
			warn(linter, "init-is-a-shell", "cmdline",
			    "name the program that the guest is for, or leave "
			    "the parameter out",
			    "%s=%s: whoever reads the console is root in the "
			    "guest",
			    keys[i],
			    err_quote((const char *)program.ptr, program.len)
				.text);
	}
}

static void
check_disk(const struct linter *linter)
{
	check_option(linter, "XEN_BLKDEV_FRONTEND",
	    wants_disk(linter->image->cmdline), "no-block-frontend",
	    "build the kernel with CONFIG_XEN_BLKDEV_FRONTEND");
}

static void
check_verity(const struct linter *linter)
{
	const struct lint_image *image = linter->image;
	struct bytes create;

	if (wants_verity(image->cmdline))
		check_option(linter, "DM_VERITY", true, "no-dm-verity",
		    "build the kernel with CONFIG_DM_VERITY");
	else if (wants_disk(image->cmdline))
		warn(linter, "root-unverified", "cmdline",
		    "name the root hash with roothash= or dm-mod.create=: see "
		    "assay-image(1), or keep everything in the initramfs",
		    "it mounts a disk without dm-verity, so whoever serves the "
		    "disk decides what runs");
	if (kernel_cmdline_last(image->cmdline, "dm-mod.create", &create) &&
	    image->config != NULL &&
	    kernel_config_get(image->config, "DM_INIT") != 'y')
		error(linter, "no-dm-init", "config",
		    "build the kernel with CONFIG_DM_INIT=y, or set the device "
		    "up in the initramfs",
		    "dm-mod.create= needs CONFIG_DM_INIT, and this kernel "
		    "ignores it");
}

static void
check_lockdown(const struct linter *linter)
{
	static const char remedy[] =
	    "add lockdown=integrity (or confidentiality) to the command line";
	const struct lint_image *image = linter->image;

	if (image->config != NULL &&
	    (kernel_config_get(image->config,
		 "LOCK_DOWN_KERNEL_FORCE_INTEGRITY") == 'y' ||
		kernel_config_get(image->config,
		    "LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY") == 'y'))
		return;
	if (!wants_lockdown(image->cmdline))
		warn(linter, "lockdown-off", "cmdline", remedy,
		    "root in the guest can replace the kernel that was signed");
	else
		check_option(linter, "SECURITY_LOCKDOWN_LSM", false,
		    "no-lockdown",
		    "build the kernel with CONFIG_SECURITY_LOCKDOWN_LSM");
}

/*
 * Kernel and initramfs lie in the guest's memory together, and then the
 * unpacked initramfs too; what that takes is not known, but not less than the
 * file. 32 MiB are for page tables, the struct page array and the rest.
 */
static void
check_memory(const struct linter *linter)
{
	const struct lint_image *image = linter->image;
	uint64_t files = image->notes->memory_bytes + image->ramdisk_bytes;
	uint64_t needed_mib =
	    (files + image->ramdisk_bytes) / LIMIT_MIB(1) + 1 + 32;

	if (image->memory_min_mib == 0)
		return;
	if (image->memory_min_mib < files / LIMIT_MIB(1) + 1)
		error(linter, "memory-too-small", "limits",
		    "raise the minimum of --memory-mib",
		    "min is %" PRIu32 " MiB, and kernel and initramfs alone "
		    "take %" PRIu64,
		    image->memory_min_mib, files / LIMIT_MIB(1) + 1);
	else if (image->memory_min_mib < needed_mib)
		warn(linter, "memory-tight", "limits",
		    "raise the minimum of --memory-mib, or try it",
		    "min is %" PRIu32 " MiB; kernel, initramfs, the same "
		    "unpacked and 32 MiB are %" PRIu64,
		    image->memory_min_mib, needed_mib);
}

static void
check_class(const struct linter *linter)
{
	if (linter->image->is_debug)
		warn(linter, "debug-image", "class",
		    "pack without --debug what is to run in production",
		    "a debug image, which only a debug role may sign");
}

static bool
wants_verity(const char *cmdline)
{
	static const char *const keys[] = {"assay.verity", "roothash",
	    "systemd.verity_root_data", "systemd.verity_root_hash"};
	static const char target[] = " verity ";
	struct bytes value;

	for (size_t i = 0; i < countof(keys); i++) {
		if (kernel_cmdline_last(cmdline, keys[i], &value))
			return true;
	}
	return kernel_cmdline_last(cmdline, "dm-mod.create", &value) &&
	       memmem(value.ptr, value.len, target, sizeof(target) - 1) != NULL;
}

static bool
wants_disk(const char *cmdline)
{
	static const char *const disks[] = {"/dev/",
	    "UUID=", "LABEL=", "PARTUUID=", "PARTLABEL="};
	struct bytes root;

	if (wants_verity(cmdline) ||
	    kernel_cmdline_last(cmdline, "dm-mod.create", &root))
		return true;
	if (!kernel_cmdline_last(cmdline, "root", &root))
		return false;
	for (size_t i = 0; i < countof(disks); i++) {
		if (starts_with(root, disks[i]))
			return true;
	}
	return false;
}

/* Each that is asked for holds: a later, weaker one takes nothing back. */
static bool
wants_lockdown(const char *cmdline)
{
	struct kernel_parameter parameter;

	while (kernel_cmdline_next(&cmdline, &parameter)) {
		if (kernel_parameter_is(&parameter, "lockdown") &&
		    (is_text(parameter.value, "integrity") ||
			is_text(parameter.value, "confidentiality")))
			return true;
	}
	return false;
}

static bool
is_shell(struct bytes path)
{
	static const char *const shells[] = {"sh", "bash", "dash", "ash",
	    "busybox", "ksh", "mksh", "zsh"};
	const uint8_t *slash = memrchr(path.ptr, '/', path.len);

	if (slash != NULL)
		path = bytes_of(slash + 1,
		    path.len - (size_t)(slash + 1 - path.ptr));
	for (size_t i = 0; i < countof(shells); i++) {
		if (is_text(path, shells[i]))
			return true;
	}
	return false;
}

static bool
starts_with(struct bytes value, const char *text)
{
	size_t len = strlen(text);

	return value.len >= len && memcmp(value.ptr, text, len) == 0;
}

static bool
is_text(struct bytes value, const char *text)
{
	return value.len == strlen(text) && starts_with(value, text);
}

/* Built in, or a module that an initramfs can bring. */
static void
check_option(const struct linter *linter, const char *name, bool is_error,
    const char *id, const char *remedy)
{
	const struct lint_image *image = linter->image;
	char value;

	if (image->config == NULL)
		return;
	value = kernel_config_get(image->config, name);
	if (value == 'y' || (value == 'm' && image->ramdisk_bytes > 0))
		return;
	(is_error ? error : warn)(linter, id, "config", remedy,
	    value == 'm' ? "CONFIG_%s is a module, and there is no initramfs "
			   "to bring it"
			 : "CONFIG_%s is off",
	    name);
}

static void
error(const struct linter *linter, const char *id, const char *where,
    const char *remedy, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(linter, true, id, where, remedy, fmt, args);
	va_end(args);
}

static void
warn(const struct linter *linter, const char *id, const char *where,
    const char *remedy, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	add(linter, false, id, where, remedy, fmt, args);
	va_end(args);
}

static void
add(const struct linter *linter, bool is_error, const char *id,
    const char *where, const char *remedy, const char *fmt, va_list args)
{
	struct lint_report *report = linter->report;
	struct lint_finding *finding;

	bug_unless(report->count < LINT_FINDINGS);
	finding = &report->findings[report->count++];
	report->error_count += is_error;
	*finding = (struct lint_finding){id, is_error, where, "", remedy};
	vsnprintf(finding->what, sizeof(finding->what), fmt, args);
}
