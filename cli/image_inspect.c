#include <getopt.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/command.h"
#include "cli/files.h"
#include "image-store/elf_notes.h"
#include "image-store/image_dir.h"
#include "image-store/kernel_unpack.h"
#include "keys/dsse.h"

static int inspect(const char *path, json_t *document, struct err *err);
static int inspect_envelope(const struct sealed *raw, json_t *document,
    struct err *err);
static int inspect_kernel(const struct sealed *raw, json_t *document,
    struct err *err);
static json_t *list_signatures(const struct dsse_envelope *envelope);

static int
run(int argc, char **argv)
{
	static const struct option known[] = {
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	CLEANUP(json_freep) json_t *document = json_object();
	struct err err = {0};
	bool as_json = false;
	int option;

	while ((option = getopt_long(argc, argv, "j", known, NULL)) != -1) {
		if (option != 'j')
			return command_usage(&command_image_inspect,
			    "bad option");
		as_json = true;
	}
	if (optind + 1 != argc)
		return command_usage(&command_image_inspect,
		    "an image directory, an envelope or a kernel is needed");
	if (inspect(argv[optind], document, &err) != 0)
		return command_failed(&err, as_json);
	return command_print_json(json_incref(document));
}

/* An image directory, an envelope (it begins with '{') or a kernel. */
static int
inspect(const char *path, json_t *document, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	CLEANUP(sealed_freep) struct sealed *kernel = NULL;
	char part[FILES_PATH_SIZE];
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode)) {
		TRY(files_join(path, IMAGE_DIR_ENVELOPE, part, err));
		TRY(files_sealed(part, LIMIT_ENVELOPE_BYTES, &raw, err));
		TRY(inspect_envelope(raw, document, err));
		TRY(files_join(path, IMAGE_DIR_KERNEL, part, err));
		TRY(files_sealed(part, LIMIT_KERNEL_BYTES, &kernel, err));
		return inspect_kernel(kernel, document, err);
	}
	TRY(files_sealed(path, LIMIT_KERNEL_BYTES, &raw, err));
	if (sealed_bytes(raw).len > 0 && sealed_bytes(raw).ptr[0] == '{')
		return inspect_envelope(raw, document, err);
	return inspect_kernel(raw, document, err);
}

/* Nothing is verified here, and the output says so. */
static int
inspect_envelope(const struct sealed *raw, json_t *document, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	CLEANUP(json_freep) json_t *payload = NULL;
	struct manifest manifest;
	char digest_string[DIGEST_TEXT_SIZE];
	struct digest digest;

	TRY(dsse_decode(sealed_bytes(raw), &envelope, err));
	TRY(manifest_decode(dsse_raw_payload(envelope), &manifest, err));
	TRY(json_parse(dsse_raw_payload(envelope), LIMIT_ENVELOPE_JSON_DEPTH,
	    "manifest", MANIFEST_MALFORMED, &payload, err));
	TRY(digest_of(sealed_bytes(raw), &digest, err));
	digest_text(&digest, digest_string);
	json_object_set_new(document, "verified", json_false());
	json_object_set_new(document, "manifest_digest",
	    json_string(digest_string));
	json_object_set_new(document, "payload_type",
	    json_string(dsse_payload_type(envelope)));
	json_object_set_new(document, "signatures", list_signatures(envelope));
	json_object_set(document, "manifest", payload);
	return 0;
}

static json_t *
list_signatures(const struct dsse_envelope *envelope)
{
	json_t *list = json_array();

	for (size_t i = 0; i < dsse_signature_count(envelope); i++) {
		struct dsse_signature signature =
		    dsse_signature_at(envelope, i);

		json_array_append_new(list,
		    json_pack("{s:s?, s:I}", "claimed_keyid",
		        signature.claimed_keyid, "bytes",
		        (json_int_t)signature.sig.len));
	}
	return list;
}

static int
inspect_kernel(const struct sealed *raw, json_t *document, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *elf = NULL;
	enum kernel_format format;
	struct elf_notes notes;
	struct err why = {0};
	uint64_t size_bytes = sealed_bytes(raw).len;
	bool is_pv;

	TRY(kernel_format_of(sealed_bytes(raw), &format, err));
	if (format == KERNEL_BZIMAGE)
		TRY(kernel_claimed_elf_size(sealed_bytes(raw), &size_bytes,
		    err));
	TRY(kernel_unpack(sealed_bytes(raw), size_bytes, &elf, err));
	TRY(elf_notes_read(sealed_bytes(elf), &notes, err));
	is_pv = elf_notes_require_pv(&notes, &why) == 0;
	json_object_set_new(document, "kernel",
	    json_pack("{s:s, s:I, s:s, s:s, s:b, s:b, s:s*}", "format",
	        format == KERNEL_ELF ? "elf" : "bzimage", "elf_bytes",
	        (json_int_t)size_bytes, "guest_os", notes.guest_os,
	        "guest_version", notes.guest_version, "pv", (int)is_pv, "pvh",
	        (int)notes.has_pvh_entry, "why_not_pv",
	        is_pv ? NULL : why.text));
	return 0;
}

const struct command command_image_inspect = {"image", "inspect",
    "[--json] DIR|FILE", "show an image, an envelope or a kernel, unverified",
    run};
