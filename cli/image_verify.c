#include <getopt.h>
#include <stdio.h>

#include "base/limits.h"
#include "base/scope.h"
#include "cli/check.h"
#include "cli/command.h"
#include "cli/files.h"
#include "image-store/image_dir.h"

static int verify(const char *trust_path, const char *dir,
    struct verified_image **ret_image, struct err *err);
static int read_part(const char *dir, const char *name, size_t max_bytes,
    struct sealed **ret_part, struct err *err);
static int report(const struct verified_image *image, bool as_json);

static int
run(int argc, char **argv)
{
	static const struct option known[] = {
	    {"trust", required_argument, NULL, 't'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	CLEANUP(verified_image_freep) struct verified_image *image = NULL;
	const char *trust_path = NULL;
	struct err err = {0};
	bool as_json = false;
	int option;

	while ((option = getopt_long(argc, argv, "t:j", known, NULL)) != -1) {
		if (option == 't')
			trust_path = optarg;
		else if (option == 'j')
			as_json = true;
		else
			return command_usage(&command_image_verify,
			    "bad option");
	}
	if (optind + 1 != argc || trust_path == NULL)
		return command_usage(&command_image_verify,
		    "--trust and one image directory are needed");
	if (verify(trust_path, argv[optind], &image, &err) != 0)
		return command_failed(&err, as_json);
	return report(image, as_json);
}

static int
verify(const char *trust_path, const char *dir,
    struct verified_image **ret_image, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	CLEANUP(sealed_freep) struct sealed *kernel = NULL;
	CLEANUP(sealed_freep) struct sealed *ramdisk = NULL;
	CLEANUP(verified_manifest_freep) struct verified_manifest *manifest =
	    NULL;

	TRY(files_trust(trust_path, &policy, err));
	TRY(read_part(dir, IMAGE_DIR_ENVELOPE, LIMIT_ENVELOPE_BYTES, &envelope,
	    err));
	TRY(verified_manifest_new(policy, NULL, envelope, &manifest, err));
	TRY(read_part(dir, IMAGE_DIR_KERNEL, LIMIT_KERNEL_BYTES, &kernel, err));
	if (verified_manifest_get(manifest)->has_ramdisk)
		TRY(read_part(dir, IMAGE_DIR_RAMDISK, LIMIT_RAMDISK_BYTES,
		    &ramdisk, err));
	return check_image(take_ptr(&manifest), take_ptr(&kernel),
	    take_ptr(&ramdisk), ret_image, err);
}

static int
read_part(const char *dir, const char *name, size_t max_bytes,
    struct sealed **ret_part, struct err *err)
{
	char path[FILES_PATH_SIZE];

	TRY(files_join(dir, name, path, err));
	return files_sealed(path, max_bytes, ret_part, err);
}

static int
report(const struct verified_image *image, bool as_json)
{
	const struct verified_manifest *verified =
	    verified_image_manifest(image);
	const struct manifest *manifest = verified_manifest_get(verified);
	char envelope[DIGEST_TEXT_SIZE];

	digest_text(verified_manifest_envelope(verified), envelope);
	if (as_json)
		return command_print_json(json_pack("{s:s, s:s, s:s, s:s}",
		    "name", manifest->name, "version", manifest->version,
		    "role", verified_manifest_role(verified),
		    "manifest_digest", envelope));
	printf("verified %s %s, signed by role %s\nmanifest %s\n",
	    manifest->name, manifest->version, verified_manifest_role(verified),
	    envelope);
	return EXIT_DONE;
}

const struct command command_image_verify = {"image", "verify",
    "--trust FILE [--json] DIR",
    "check signatures, digests and the unpacked kernel", run};
