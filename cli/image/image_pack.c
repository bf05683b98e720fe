#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "base/utc.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "image-store/image_name.h"
#include "image-store/pack/image_dir.h"

struct options {
	struct pack_request request;
	const char *name;
	const char *version;
	const char *cmdline;
	const char *rollback_location;
	const char *not_before;
	const char *not_after;
	const char *out;
	bool as_json;
};

static int read_options(int argc, char **argv, struct options *options);
static int check_names(const struct options *options);
static int read_dates(struct options *options);
static int pack(struct options *options, struct err *err);
static void copy(char *to, size_t size, const char *from);
static int report(const struct options *options);

static int
run(int argc, char **argv)
{
	struct options options = {
	    .request.manifest = {.memory_mib = {64, 4096}, .vcpus = {1, 4}},
	    .cmdline = "",
	};
	struct err err = {0};
	int status = read_options(argc, argv, &options);

	if (status == ARGUMENTS_READ)
		status = check_names(&options);
	if (status == ARGUMENTS_READ)
		status = read_dates(&options);
	if (status != ARGUMENTS_READ)
		return status;
	if (pack(&options, &err) != 0)
		return command_failed(&err, options.as_json);
	return report(&options);
}

static int
read_options(int argc, char **argv, struct options *options)
{
	struct pack_request *request = &options->request;
	struct manifest *manifest = &request->manifest;
	const struct argument known[] = {
	    {"name", required_argument, .is_needed = true,
		.text = &options->name},
	    {"version", required_argument, .is_needed = true,
		.text = &options->version},
	    {"kernel", required_argument, .is_needed = true,
		.text = &request->kernel_path},
	    {"ramdisk", required_argument, .text = &request->ramdisk_path},
	    {"cmdline", required_argument, .may_be_empty = true,
		.text = &options->cmdline},
	    {"memory-mib", required_argument, .range = &manifest->memory_mib,
		.min = 1, .max = LIMIT_MEMORY_MIB},
	    {"vcpus", required_argument, .range = &manifest->vcpus, .min = 1,
		.max = LIMIT_VCPUS},
	    {"rollback-location", required_argument,
		.text = &options->rollback_location},
	    {"rollback-index", required_argument, .is_needed = true,
		.number = &manifest->rollback_index, .max = INT64_MAX},
	    {"not-before", required_argument, .text = &options->not_before},
	    {"not-after", required_argument, .text = &options->not_after},
	    {"debug", no_argument, .flag = &manifest->is_debug},
	    {"out", required_argument, .is_needed = true,
		.text = &options->out},
	    {"json", no_argument, .flag = &options->as_json},
	};
	int status = arguments_read(&command_image_pack, known, countof(known),
	    &argc, argv);

	if (options->rollback_location == NULL)
		options->rollback_location = options->name;
	return status;
}

/* They fit into the manifest if they are valid. */
static int
check_names(const struct options *options)
{
	const struct command *self = &command_image_pack;

	if (!image_name_is_valid(options->name))
		return command_usage(self,
		    "--name: %s is not 1 to %d of a-z 0-9 . _ - with a letter "
		    "or digit first",
		    err_quote_str(options->name).text, LIMIT_NAME_BYTES);
	if (!image_name_is_valid(options->rollback_location))
		return command_usage(self,
		    "--rollback-location: %s is not 1 to %d of a-z 0-9 . _ - "
		    "with a letter or digit first",
		    err_quote_str(options->rollback_location).text,
		    LIMIT_NAME_BYTES);
	if (!image_version_is_valid(options->version))
		return command_usage(self,
		    "--version: %s is not 1 to %d of A-Z a-z 0-9 . _ + - with "
		    "a letter or digit first",
		    err_quote_str(options->version).text, LIMIT_VERSION_BYTES);
	return ARGUMENTS_READ;
}

static int
read_dates(struct options *options)
{
	const struct command *self = &command_image_pack;
	struct manifest *manifest = &options->request.manifest;
	static const char rule[] = "is not a time like 2026-11-23T16:00:00Z";

	if (options->not_before != NULL &&
	    !utc_from_text(options->not_before, &manifest->not_before))
		return command_usage(self, "--not-before: %s %s",
		    err_quote_str(options->not_before).text, rule);
	if (options->not_after != NULL &&
	    !utc_from_text(options->not_after, &manifest->not_after))
		return command_usage(self, "--not-after: %s %s",
		    err_quote_str(options->not_after).text, rule);
	return ARGUMENTS_READ;
}

static int
pack(struct options *options, struct err *err)
{
	struct manifest *manifest = &options->request.manifest;

	if (strlen(options->cmdline) > LIMIT_CMDLINE_BYTES)
		return err_set_field(err, CMDLINE_TOO_LONG, "cmdline",
		    "cmdline: %zu bytes, limit %d", strlen(options->cmdline),
		    LIMIT_CMDLINE_BYTES);
	copy(manifest->name, sizeof(manifest->name), options->name);
	copy(manifest->version, sizeof(manifest->version), options->version);
	copy(manifest->cmdline, sizeof(manifest->cmdline), options->cmdline);
	copy(manifest->rollback_location, sizeof(manifest->rollback_location),
	    options->rollback_location);
	return image_dir_pack(&options->request, options->out, manifest, err);
}

static void
copy(char *to, size_t size, const char *from)
{
	snprintf(to, size, "%s", from);
}

static int
report(const struct options *options)
{
	const struct manifest *manifest = &options->request.manifest;
	char elf[DIGEST_TEXT_SIZE];

	digest_text(&manifest->elf.digest, elf);
	if (options->as_json)
		return command_print_json(json_pack("{s:s, s:s, s:s, s:s}",
		    "image", options->out, "name", manifest->name, "version",
		    manifest->version, "kernel_elf", elf));
	printf("packed %s %s into %s\nkernel ELF %s\n", manifest->name,
	    manifest->version, options->out, elf);
	return EXIT_DONE;
}

const struct command command_image_pack = {"image", "pack",
    "--name NAME --version VERSION --rollback-index N --kernel FILE "
    "[--ramdisk FILE] [--cmdline TEXT] [--memory-mib MIN:MAX] "
    "[--vcpus MIN:MAX] [--rollback-location NAME] [--not-before TIME] "
    "[--not-after TIME] [--debug] [--json] "
    "--out DIR",
    "", "make an image of a kernel, an initramfs and limits", run};
