#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/scope.h"
#include "cli/command.h"
#include "image-store/image_dir.h"

struct options {
	struct pack_request request;
	const char *rollback_location;
	const char *out;
	bool as_json;
};

static int parse(int argc, char **argv, struct options *ret_options);
static int take_option(int option, struct options *ret_options);
static bool copy_text(char *to, size_t size, const char *from);
static int complete(struct options *options);

static int
run(int argc, char **argv)
{
	struct options options = {
	    .request.manifest = {
	        .memory_mib = {64, 4096},
	        .vcpus = {1, 4},
	    },
	};
	struct manifest manifest;
	struct err err = {0};
	char elf[DIGEST_TEXT_SIZE];
	int code = parse(argc, argv, &options);

	if (code == EXIT_DONE)
		code = complete(&options);
	if (code != EXIT_DONE)
		return code;
	if (image_dir_pack(&options.request, options.out, &manifest, &err) != 0)
		return command_failed(&err, options.as_json);
	digest_text(&manifest.elf.digest, elf);
	if (options.as_json)
		return command_print_json(json_pack("{s:s, s:s, s:s, s:s}",
		    "image", options.out, "name", manifest.name, "version",
		    manifest.version, "kernel_elf", elf));
	printf("packed %s %s into %s\nkernel ELF %s\n", manifest.name,
	    manifest.version, options.out, elf);
	return EXIT_DONE;
}

static int
parse(int argc, char **argv, struct options *ret_options)
{
	static const struct option known[] = {
	    {"name", required_argument, NULL, 'n'},
	    {"version", required_argument, NULL, 'v'},
	    {"kernel", required_argument, NULL, 'k'},
	    {"ramdisk", required_argument, NULL, 'r'},
	    {"cmdline", required_argument, NULL, 'c'},
	    {"memory-mib", required_argument, NULL, 'm'},
	    {"vcpus", required_argument, NULL, 'p'},
	    {"rollback-location", required_argument, NULL, 'L'},
	    {"rollback-index", required_argument, NULL, 'I'},
	    {"debug", no_argument, NULL, 'd'},
	    {"out", required_argument, NULL, 'o'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "n:v:k:r:c:m:p:L:I:do:j",
	            known, NULL)) != -1) {
		int code = take_option(option, ret_options);

		if (code != EXIT_DONE)
			return code;
	}
	if (optind != argc)
		return command_usage(&command_image_pack,
		    "what is %s?", argv[optind]);
	return EXIT_DONE;
}

static int
take_option(int option, struct options *ret_options)
{
	struct manifest *manifest = &ret_options->request.manifest;
	bool is_good = true;

	switch (option) {
	case 'n':
		is_good = copy_text(manifest->name, sizeof(manifest->name),
		    optarg);
		break;
	case 'v':
		is_good = copy_text(manifest->version,
		    sizeof(manifest->version), optarg);
		break;
	case 'c':
		is_good = copy_text(manifest->cmdline,
		    sizeof(manifest->cmdline), optarg);
		if (!is_good) {
			struct err err;

			err_set_field(&err, CMDLINE_TOO_LONG, "cmdline",
			    "cmdline: %zu bytes, limit %d", strlen(optarg),
			    LIMIT_CMDLINE_BYTES);
			return command_failed(&err, ret_options->as_json);
		}
		break;
	case 'L':
		is_good = copy_text(manifest->rollback_location,
		    sizeof(manifest->rollback_location), optarg);
		break;
	case 'I':
		is_good = command_parse_number(optarg, INT64_MAX,
		    &manifest->rollback_index);
		break;
	case 'm':
		is_good = command_parse_range(optarg, &manifest->memory_mib);
		break;
	case 'p':
		is_good = command_parse_range(optarg, &manifest->vcpus);
		break;
	case 'k':
		ret_options->request.kernel_path = optarg;
		break;
	case 'r':
		ret_options->request.ramdisk_path = optarg;
		break;
	case 'd':
		manifest->is_debug = true;
		break;
	case 'o':
		ret_options->out = optarg;
		break;
	case 'j':
		ret_options->as_json = true;
		break;
	default:
		return command_usage(&command_image_pack, "bad option");
	}
	if (!is_good)
		return command_usage(&command_image_pack, "bad value: %s",
		    optarg);
	return EXIT_DONE;
}

static int
complete(struct options *options)
{
	struct manifest *manifest = &options->request.manifest;

	if (manifest->name[0] == '\0' || manifest->version[0] == '\0' ||
	    options->request.kernel_path == NULL || options->out == NULL)
		return command_usage(&command_image_pack,
		    "--name, --version, --kernel and --out are needed");
	if (manifest->rollback_location[0] == '\0')
		memcpy(manifest->rollback_location, manifest->name,
		    sizeof(manifest->name));
	return EXIT_DONE;
}

static bool
copy_text(char *to, size_t size, const char *from)
{
	if (strlen(from) >= size)
		return false;
	memcpy(to, from, strlen(from) + 1);
	return true;
}

const struct command command_image_pack = {
    "image", "pack",
    "--name NAME --version VERSION --kernel FILE [--ramdisk FILE] [--cmdline "
    "TEXT] [--memory-mib MIN:MAX] [--vcpus MIN:MAX] [--rollback-location NAME] "
    "[--rollback-index N] [--debug] [--json] --out DIR",
    "make an image of a kernel, an initramfs and limits", run};
