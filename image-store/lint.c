#include "image-store/lint.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/log.h"

struct linter {
	const struct lint_image *image;
	struct lint_report *report;
};

static void check_kernel(const struct linter *linter);
static void check_cmdline(const struct linter *linter);
static void check_console(const struct linter *linter);
static void check_disk(const struct linter *linter);
static void check_verity(const struct linter *linter);
static void check_lockdown(const struct linter *linter);
static void check_memory(const struct linter *linter);
static void check_class(const struct linter *linter);
static bool wants_verity(const char *cmdline);
static bool wants_disk(const char *cmdline);
static const char *last_console(const char *cmdline);
static bool has_word(const char *cmdline, const char *word);
static const char *find_key(const char *cmdline, const char *key);
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
	const char *last = last_console(linter->image->cmdline);

	check_option(linter, "HVC_XEN", true, "no-xen-console",
	    "build the kernel with CONFIG_HVC_XEN=y");
	if (last != NULL && strncmp(last, "hvc0", 4) != 0)
		warn(linter, "console-unread", "cmdline",
		    "put console=hvc0 last: it is the console that xenconsoled "
		    "reads",
		    "the last console= is %s, which nobody reads",
		    err_quote(last, strcspn(last, " ,")).text);
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
	const char *create = find_key(image->cmdline, "dm-mod.create");

	if (wants_verity(image->cmdline))
		check_option(linter, "DM_VERITY", true, "no-dm-verity",
		    "build the kernel with CONFIG_DM_VERITY");
	else if (wants_disk(image->cmdline))
		warn(linter, "root-unverified", "cmdline",
		    "name the root hash with assay.verity=: see "
		    "assay-image(1), "
		    "or keep everything in the initramfs",
		    "it mounts a disk without dm-verity, so whoever serves the "
		    "disk decides what runs");
	if (create != NULL && image->config != NULL &&
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
	bool is_asked = has_word(image->cmdline, "lockdown=integrity") ||
	                has_word(image->cmdline, "lockdown=confidentiality");

	if (image->config != NULL &&
	    (kernel_config_get(image->config,
		 "LOCK_DOWN_KERNEL_FORCE_INTEGRITY") == 'y' ||
		kernel_config_get(image->config,
		    "LOCK_DOWN_KERNEL_FORCE_CONFIDENTIALITY") == 'y'))
		return;
	if (!is_asked)
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
	const char *create = find_key(cmdline, "dm-mod.create");

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (find_key(cmdline, keys[i]) != NULL)
			return true;
	}
	return create != NULL && strstr(create, " verity ") != NULL;
}

static bool
wants_disk(const char *cmdline)
{
	const char *root = find_key(cmdline, "root");

	return wants_verity(cmdline) ||
	       find_key(cmdline, "dm-mod.create") != NULL ||
	       (root != NULL && (strncmp(root, "/dev/", 5) == 0 ||
				    strncmp(root, "UUID=", 5) == 0 ||
				    strncmp(root, "LABEL=", 6) == 0 ||
				    strncmp(root, "PARTUUID=", 9) == 0));
}

static const char *
last_console(const char *cmdline)
{
	const char *last = NULL;

	while ((cmdline = find_key(cmdline, "console")) != NULL)
		last = cmdline;
	return last;
}

static bool
has_word(const char *cmdline, const char *word)
{
	size_t len = strlen(word);
	const char *at = cmdline;

	while ((at = strstr(at, word)) != NULL) {
		if ((at == cmdline || at[-1] == ' ') &&
		    (at[len] == ' ' || at[len] == '\0'))
			return true;
		at += len;
	}
	return false;
}

/* What stands behind "key=" at the beginning of a word; NULL if nothing. */
static const char *
find_key(const char *cmdline, const char *key)
{
	size_t len = strlen(key);
	const char *at = cmdline;

	while ((at = strstr(at, key)) != NULL) {
		if ((at == cmdline || at[-1] == ' ') && at[len] == '=')
			return at + len + 1;
		at += len;
	}
	return NULL;
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
