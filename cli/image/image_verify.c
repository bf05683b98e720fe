#include <stdio.h>

#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/image/check.h"
#include "cli/command.h"
#include "cli/files.h"
#include "keys/trust_chain.h"
#include "image-store/pack/image_dir.h"
#include "image-store/pack/provenance_dir.h"
#include "image-store/verified_manifest.h"

static int verify(const char *trust_path, const char *updates_path,
    const char *dir, struct verified_manifest **ret_manifest, struct err *err);
static int report(const struct verified_manifest *verified, bool as_json);

static int
run(int argc, char **argv)
{
	const char *trust_path = NULL;
	const char *updates_path = NULL;
	bool as_json = false;
	const struct argument known[] = {
	    {"trust", required_argument, .is_needed = true,
		.text = &trust_path},
	    {"updates", required_argument, .text = &updates_path},
	    {"json", no_argument, .flag = &as_json},
	};
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *manifest = NULL;
	struct err err = {0};
	int status = arguments_read(&command_image_verify, known,
	    countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (verify(trust_path, updates_path, argv[1], &manifest, &err) != 0)
		return command_failed(&err, as_json);
	return report(manifest, as_json);
}

static int
verify(const char *trust_path, const char *updates_path, const char *dir,
    struct verified_manifest **ret_manifest, struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(provenance_list_done)
	struct provenance_list provenance = {.count = 0};
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	CLEANUP(sealed_freep) struct sealed *kernel = NULL;
	CLEANUP(sealed_freep) struct sealed *ramdisk = NULL;
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *manifest = NULL;
	struct verify_budget budget;

	verify_budget_init(&budget);
	TRY(trust_load_chain(trust_path, updates_path, &policy, err));
	TRY(files_of_image(dir, IMAGE_DIR_ENVELOPE, LIMIT_ENVELOPE_BYTES,
	    &envelope, err));
	if (verified_manifest_new(policy, NULL, envelope, &budget, &manifest,
		err) != 0)
		return err_prefix(err, "%s/%s", err_quote_str(dir).text,
		    IMAGE_DIR_ENVELOPE);
	if (verified_manifest_needs_proof(manifest))
		TRY(provenance_dir_read(dir, &provenance, err));
	for (size_t i = 0;
	     i < provenance.count && verified_manifest_needs_proof(manifest);
	     i++)
		TRY(verified_manifest_show(policy, manifest,
		    provenance.envelopes[i], &budget, err));
	TRY(verified_manifest_require_proof(policy, manifest, err));
	TRY(files_of_image(dir, IMAGE_DIR_KERNEL, LIMIT_KERNEL_BYTES, &kernel,
	    err));
	if (verified_manifest_get(manifest)->has_ramdisk)
		TRY(files_of_image(dir, IMAGE_DIR_RAMDISK, LIMIT_RAMDISK_BYTES,
		    &ramdisk, err));
	if (check_image(verified_manifest_get(manifest), take_ptr(&kernel),
		take_ptr(&ramdisk), err) != 0)
		return err_prefix(err, "%s", err_quote_str(dir).text);
	*ret_manifest = take_ptr(&manifest);
	return 0;
}

static int
report(const struct verified_manifest *verified, bool as_json)
{
	const struct manifest *manifest = verified_manifest_get(verified);
	char envelope[DIGEST_TEXT_SIZE];
	char payload[DIGEST_TEXT_SIZE];

	digest_text(verified_manifest_envelope(verified), envelope);
	digest_text(verified_manifest_payload(verified), payload);
	if (as_json)
		return command_print_json(
		    json_pack("{s:s, s:s, s:s, s:b, s:s, s:s}", "name",
			manifest->name, "version", manifest->version, "role",
			verified_manifest_role(verified), "debug",
			(int)manifest->is_debug, "envelope_digest", envelope,
			"payload_digest", payload));
	printf("verified %s%s %s, signed by role %s\nmanifest %s\n",
	    manifest->is_debug ? "the debug image " : "", manifest->name,
	    manifest->version, verified_manifest_role(verified), payload);
	return EXIT_DONE;
}

const struct command command_image_verify = {"image", "verify",
    "--trust FILE [--updates CHAIN] [--json]", "DIR",
    "check signatures, digests and the unpacked kernel", run};
