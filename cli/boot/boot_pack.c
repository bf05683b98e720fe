#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/files.h"
#include "measure/predict/authenticode.h"
#include "measure/predict/boot_image.h"

struct options {
	const char *xen;
	const char *xen_options;
	const char *kernel;
	const char *kernel_options;
	const char *ramdisk;
	const char *out;
	bool replace;
	bool as_json;
};

static int read_options(int argc, char **argv, struct options *options);
static int pack(const struct options *options, struct pcr_digests *ret_digests,
    struct err *err);
static int report(const struct options *options,
    const struct pcr_digests *digests);

static int
run(int argc, char **argv)
{
	struct options options = {.xen_options = "", .kernel_options = ""};
	struct pcr_digests digests;
	struct err err = {0};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	if (pack(&options, &digests, &err) != 0)
		return command_failed(&err, options.as_json);
	return report(&options, &digests);
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    {"xen", required_argument, .is_needed = true,
		.text = &options->xen},
	    {"xen-options", required_argument, .may_be_empty = true,
		.text = &options->xen_options},
	    {"kernel", required_argument, .is_needed = true,
		.text = &options->kernel},
	    {"kernel-options", required_argument, .may_be_empty = true,
		.text = &options->kernel_options},
	    {"ramdisk", required_argument, .is_needed = true,
		.text = &options->ramdisk},
	    {"out", required_argument, .is_needed = true,
		.text = &options->out},
	    {"replace", no_argument, .flag = &options->replace},
	    {"json", no_argument, .flag = &options->as_json},
	};

	return arguments_read(&command_boot_pack, known, countof(known), &argc,
	    argv);
}

static int
pack(const struct options *options, struct pcr_digests *ret_digests,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *xen = NULL;
	CLEANUP(sealed_freep) struct sealed *kernel = NULL;
	CLEANUP(sealed_freep) struct sealed *ramdisk = NULL;
	CLEANUP(freep) uint8_t *image = NULL;
	struct boot_image_parts parts = {
	    .xen_options = options->xen_options,
	    .kernel_options = options->kernel_options,
	};
	struct pe pe;
	size_t len;

	TRY(files_sealed(options->xen, LIMIT_XEN_BYTES, &xen, err));
	TRY(files_sealed(options->kernel, LIMIT_KERNEL_BYTES, &kernel, err));
	TRY(files_sealed(options->ramdisk, LIMIT_RAMDISK_BYTES, &ramdisk, err));
	parts.xen = sealed_bytes(xen);
	parts.kernel = sealed_bytes(kernel);
	parts.ramdisk = sealed_bytes(ramdisk);
	TRY(boot_image_make(&parts, &image, &len, err));
	TRY(pe_decode(bytes_of(image, len), &pe, err));
	TRY(authenticode_digests(&pe, ret_digests, err));
	return file_write(options->out, bytes_of(image, len), 0644,
	    options->replace ? FILE_REPLACE : FILE_REFUSE, err);
}

static int
report(const struct options *options, const struct pcr_digests *digests)
{
	json_t *document = json_pack("{s:s}", "image", options->out);

	if (!options->as_json)
		printf("packed %s\n", options->out);
	for (enum pcr_bank bank = 0; bank < PCR_BANKS; bank++) {
		char hex[PCR_HEX_SIZE];

		pcr_digest_hex(bank, &digests->bank[bank], hex);
		json_object_set_new(document, pcr_bank_name(bank),
		    json_string(hex));
		if (!options->as_json)
			printf("%s %s\n", pcr_bank_name(bank), hex);
	}
	if (options->as_json)
		return command_print_json(document);
	json_decref(document);
	return EXIT_DONE;
}

const struct command command_boot_pack = {"boot", "pack",
    "--xen FILE [--xen-options TEXT] --kernel FILE [--kernel-options TEXT] "
    "--ramdisk FILE [--replace] [--json] --out FILE",
    "", "make one boot image of Xen, kernel and ramdisk", run};
