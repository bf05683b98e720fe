#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/check.h"
#include "cli/command.h"
#include "cli/files.h"
#include "keys/trust_chain.h"
#include "image-store/layout.h"

struct options {
	const char *trust_path;
	const char *store_path;
	bool as_json;
};

static int verify_store(const struct options *options, struct err *ret_worst,
    struct err *err);
static int verify_entry(const struct trust_policy *policy, int store_fd,
    const struct layout_entry *entry, struct err *err);
static json_t *describe(const struct layout_entry *entry,
    const struct err *why);
static int copy_blob(int store_fd, const struct blob *blob, const char *what,
    struct sealed **ret_blob, struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.as_json = false};
	const struct argument known[] = {
	    {"trust", required_argument, .is_needed = true,
		.text = &options.trust_path},
	    {"json", no_argument, .flag = &options.as_json},
	};
	struct err worst = {0};
	struct err err = {0};
	int status = arguments_read(&command_store_verify, known,
	    countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	options.store_path = argv[1];
	if (verify_store(&options, &worst, &err) != 0)
		return command_failed(&err, options.as_json);
	return command_status_of(&worst);
}

/* Every image is checked; the first bad one gives the exit status. */
static int
verify_store(const struct options *options, struct err *ret_worst,
    struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(layout_list_done) struct layout_list entries = {0};
	CLEANUP(json_freep) json_t *rows = json_array();
	CLEANUP(closep) int store_fd = -1;

	TRY(trust_load(options->trust_path, &policy, err));
	TRY(layout_open(options->store_path, &store_fd, err));
	TRY(layout_read(store_fd, NULL, &entries, err));
	for (size_t i = 0; i < entries.count; i++) {
		const struct layout_entry *entry = &entries.entries[i];
		struct err why = {0};

		if (verify_entry(policy, store_fd, entry, &why) != 0 &&
		    ret_worst->code == ERR_NONE)
			*ret_worst = why;
		json_array_append_new(rows, describe(entry, &why));
		if (!options->as_json)
			printf("%-24s %-16s %s%s%s\n", entry->claimed_name,
			    entry->claimed_version,
			    why.code == ERR_NONE ? "verified"
						 : err_name(why.code),
			    why.code == ERR_NONE ? "" : ": ", why.text);
	}
	if (options->as_json)
		command_print_json(json_pack("{s:O}", "images", rows));
	return 0;
}

static int
verify_entry(const struct trust_policy *policy, int store_fd,
    const struct layout_entry *entry, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	CLEANUP(sealed_freep) struct sealed *kernel = NULL;
	CLEANUP(sealed_freep) struct sealed *ramdisk = NULL;
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	CLEANUP(verified_image_freep) struct verified_image *image = NULL;
	const struct manifest *manifest;

	TRY(layout_copy_blob_max(store_fd, &entry->envelope,
	    LIMIT_ENVELOPE_BYTES, "manifest", &envelope, err));
	TRY(verified_manifest_new(policy, entry->claimed_name, envelope,
	    &verified, err));
	manifest = verified_manifest_get(verified);
	TRY(copy_blob(store_fd, &manifest->kernel, "kernel", &kernel, err));
	if (manifest->has_ramdisk)
		TRY(copy_blob(store_fd, &manifest->ramdisk, "ramdisk", &ramdisk,
		    err));
	return check_image(take_ptr(&verified), take_ptr(&kernel),
	    take_ptr(&ramdisk), &image, err);
}

static int
copy_blob(int store_fd, const struct blob *blob, const char *what,
    struct sealed **ret_blob, struct err *err)
{
	return layout_copy_blob(store_fd, &blob->digest, blob->size_bytes, what,
	    ret_blob, err);
}

static json_t *
describe(const struct layout_entry *entry, const struct err *why)
{
	char envelope[DIGEST_TEXT_SIZE];

	digest_text(&entry->envelope, envelope);
	return json_pack("{s:s, s:s, s:s, s:s?, s:s?}", "name",
	    entry->claimed_name, "version", entry->claimed_version,
	    "manifest_digest", envelope, "refused",
	    why->code == ERR_NONE ? NULL : err_name(why->code), "detail",
	    why->code == ERR_NONE ? NULL : why->text);
}

const struct command command_store_verify = {"store", "verify",
    "--trust FILE [--json]", "STORE", "verify every image of a store", run};
