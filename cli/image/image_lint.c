#include <stdio.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/image/check.h"
#include "cli/files.h"
#include "image-store/pack/image_dir.h"
#include "image-store/unpack/kernel_unpack.h"
#include "image-store/pack/lint.h"

struct options {
	const char *config;
	const char *ramdisk;
	const char *cmdline; /* NULL: not given */
	struct range memory_mib;
	bool as_json;
};

/* What a report needs, read out of files. */
struct subject {
	struct sealed *elf;
	struct elf_notes notes;
	struct kernel_config *config;
	struct manifest manifest; /* of a directory */
	struct lint_image image;
};

static int read_options(int argc, char **argv, struct options *options,
    bool *ret_is_dir);
static int read_subject(const char *path, bool is_dir,
    const struct options *options, struct subject *subject, struct err *err);
static int read_dir(const char *dir, struct subject *subject, struct err *err);
static int read_ramdisk(const char *path, struct subject *subject,
    struct err *err);
static int read_kernel(const char *path, struct subject *subject,
    struct err *err);
static int unpack_kernel(struct bytes raw, struct subject *subject,
    struct err *err);
static int read_config(const char *path, struct subject *subject,
    struct err *err);
static int print(const struct lint_report *report);
static int print_json(const struct lint_report *report);
static void subject_done(struct subject *subject);

static int
run(int argc, char **argv)
{
	CLEANUP(subject_done) struct subject subject = {.elf = NULL};
	struct options options = {.cmdline = NULL};
	struct lint_report report;
	struct err err = {0};
	bool is_dir;
	int status = read_options(argc, argv, &options, &is_dir);
	int printed;

	if (status != ARGUMENTS_READ)
		return status;
	if (read_subject(argv[1], is_dir, &options, &subject, &err) != 0)
		return command_failed(&err, options.as_json);
	lint_check(&subject.image, &report);
	printed = options.as_json ? print_json(&report) : print(&report);
	if (printed != EXIT_DONE)
		return printed;
	return report.error_count > 0 ? EXIT_REFUSED : EXIT_DONE;
}

static int
read_options(int argc, char **argv, struct options *options, bool *ret_is_dir)
{
	const struct argument known[] = {
	    {"config", required_argument, .text = &options->config},
	    {"ramdisk", required_argument, .text = &options->ramdisk},
	    {"cmdline", required_argument, .may_be_empty = true,
		.text = &options->cmdline},
	    {"memory-mib", required_argument, .range = &options->memory_mib,
		.min = 1, .max = LIMIT_MEMORY_MIB},
	    {"json", no_argument, .flag = &options->as_json},
	};
	int status = arguments_read(&command_image_lint, known, countof(known),
	    &argc, argv);
	struct stat st;

	if (status != ARGUMENTS_READ)
		return status;
	*ret_is_dir = stat(argv[1], &st) == 0 && S_ISDIR(st.st_mode);
	if (*ret_is_dir &&
	    (options->ramdisk != NULL || options->cmdline != NULL ||
		options->memory_mib.min != 0))
		return command_usage(&command_image_lint,
		    "--ramdisk, --cmdline and --memory-mib are for a kernel: "
		    "an image directory has its own");
	return ARGUMENTS_READ;
}

static int
read_subject(const char *path, bool is_dir, const struct options *options,
    struct subject *subject, struct err *err)
{
	struct lint_image *image = &subject->image;

	image->notes = &subject->notes;
	image->cmdline = options->cmdline != NULL ? options->cmdline : "";
	image->memory_min_mib = options->memory_mib.min;
	if (options->ramdisk != NULL)
		TRY(read_ramdisk(options->ramdisk, subject, err));
	if (is_dir)
		TRY(read_dir(path, subject, err));
	else
		TRY(read_kernel(path, subject, err));
	if (options->config != NULL)
		TRY(read_config(options->config, subject, err));
	else
		TRY(kernel_config_extract(sealed_bytes(subject->elf),
		    &subject->config, err));
	image->config = subject->config;
	return 0;
}

static int
read_dir(const char *dir, struct subject *subject, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;
	struct manifest *manifest = &subject->manifest;
	char path[FILES_PATH_SIZE];

	TRY(files_of_image(dir, IMAGE_DIR_MANIFEST, LIMIT_ENVELOPE_BYTES, &text,
	    err));
	if (manifest_decode(sealed_bytes(text), manifest, err) != 0)
		return err_prefix(err, "%s/%s", err_quote_str(dir).text,
		    IMAGE_DIR_MANIFEST);
	TRY(check_files(dir, manifest, err));
	TRY(files_join(dir, IMAGE_DIR_KERNEL, path, err));
	subject->image.cmdline = manifest->cmdline;
	subject->image.memory_min_mib = manifest->memory_mib.min;
	subject->image.is_debug = manifest->is_debug;
	if (manifest->has_ramdisk)
		subject->image.ramdisk_bytes = manifest->ramdisk.size_bytes;
	return read_kernel(path, subject, err);
}

static int
read_ramdisk(const char *path, struct subject *subject, struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_set_errno(err, STORE_IO, "ramdisk %s",
		    err_quote_str(path).text);
	subject->image.ramdisk_bytes = (uint64_t)st.st_size;
	return 0;
}

static int
read_kernel(const char *path, struct subject *subject, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;

	TRY(files_sealed(path, LIMIT_KERNEL_BYTES, &raw, err));
	if (unpack_kernel(sealed_bytes(raw), subject, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

static int
unpack_kernel(struct bytes raw, struct subject *subject, struct err *err)
{
	enum kernel_format format;
	uint64_t size_bytes = raw.len;

	TRY(kernel_format_of(raw, &format, err));
	if (format == KERNEL_BZIMAGE)
		TRY(kernel_claimed_elf_size(raw, &size_bytes, err));
	TRY(kernel_unpack(raw, size_bytes, NULL, &subject->elf, err));
	return elf_notes_read(sealed_bytes(subject->elf), &subject->notes, err);
}

static int
read_config(const char *path, struct subject *subject, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;
	int code = file_read(path, LIMIT_KERNEL_CONFIG_BYTES, &text, &len, err);

	if (code == IMAGE_TOO_LARGE)
		err->code = KERNEL_CONFIG_BAD;
	if (code != 0)
		return (int)err->code;
	if (kernel_config_read(bytes_of(text, len), &subject->config, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

static int
print(const struct lint_report *report)
{
	for (size_t i = 0; i < report->count; i++) {
		const struct lint_finding *finding = &report->findings[i];

		printf("%s: %s: %s: %s\n  %s\n",
		    finding->is_error ? "error" : "warning", finding->id,
		    finding->where, finding->what, finding->remedy);
	}
	printf("%zu error(s), %zu warning(s)\n", report->error_count,
	    report->count - report->error_count);
	return EXIT_DONE;
}

static int
print_json(const struct lint_report *report)
{
	json_t *findings = json_array();

	for (size_t i = 0; i < report->count; i++) {
		const struct lint_finding *finding = &report->findings[i];

		json_array_append_new(findings,
		    json_pack("{s:s, s:s, s:s, s:s, s:s}", "id", finding->id,
			"severity", finding->is_error ? "error" : "warning",
			"where", finding->where, "what", finding->what,
			"remedy", finding->remedy));
	}
	return command_print_json(json_pack("{s:I, s:I, s:o}", "errors",
	    (json_int_t)report->error_count, "warnings",
	    (json_int_t)(report->count - report->error_count), "findings",
	    findings));
}

static void
subject_done(struct subject *subject)
{
	sealed_freep(&subject->elf);
	kernel_config_freep(&subject->config);
}

const struct command command_image_lint = {"image", "lint",
    "[--config FILE] [--ramdisk FILE] [--cmdline TEXT] [--memory-mib MIN:MAX] "
    "[--json]",
    "DIR|KERNEL", "say before signing what will fail or weaken the guest", run};
