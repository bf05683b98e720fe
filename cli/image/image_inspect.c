#include <stdio.h>
#include <sys/stat.h>

#include "base/json.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/image/check.h"
#include "cli/files.h"
#include "cli/image/inspection.h"
#include "image-store/pack/elf_notes.h"
#include "image-store/pack/image_dir.h"
#include "image-store/unpack/kernel_unpack.h"
#include "image-store/payload.h"
#include "keys/dsse.h"

static int inspect(const char *path, bool no_files, json_t *document,
    struct err *err);
static int inspect_file(const struct sealed *raw, json_t *document,
    struct err *err);
static int inspect_dir(const char *dir, bool no_files, json_t *document,
    struct err *err);
static int inspect_envelope(const struct sealed *raw, json_t *document,
    struct manifest *ret_manifest, struct err *err);
static int show_digest(json_t *document, const char *member, struct bytes of,
    struct err *err);
static json_t *list_signatures(const struct dsse_envelope *envelope);
static int inspect_unsigned(const char *dir, json_t *document,
    struct manifest *ret_manifest, struct err *err);
static int show_manifest(const struct manifest *manifest, json_t *document,
    struct err *err);
static int inspect_kernel(const struct sealed *raw, json_t *document,
    struct err *err);

static int
run(int argc, char **argv)
{
	bool as_json = false;
	bool no_files = false;
	const struct argument known[] = {
	    {"no-files", no_argument, .flag = &no_files},
	    {"json", no_argument, .flag = &as_json},
	};
	CLEANUP(json_freep) json_t *document = json_object();
	struct err err = {0};
	int status = arguments_read(&command_image_inspect, known,
	    countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (inspect(argv[1], no_files, document, &err) != 0)
		return command_failed(&err, as_json);
	if (as_json)
		return command_print_json(take_ptr(&document));
	inspection_print(document);
	return EXIT_DONE;
}

/* An image directory, an envelope (it begins with '{') or a kernel. */
static int
inspect(const char *path, bool no_files, json_t *document, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	struct stat st;

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return inspect_dir(path, no_files, document, err);
	TRY(files_sealed(path, LIMIT_KERNEL_BYTES, &raw, err));
	if (inspect_file(raw, document, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

static int
inspect_file(const struct sealed *raw, json_t *document, struct err *err)
{
	struct manifest ignored;

	if (sealed_bytes(raw).len > 0 && sealed_bytes(raw).ptr[0] == '{')
		return inspect_envelope(raw, document, &ignored, err);
	return inspect_kernel(raw, document, err);
}

static int
inspect_dir(const char *dir, bool no_files, json_t *document, struct err *err)
{
	struct manifest manifest;
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	CLEANUP(sealed_freep) struct sealed *kernel = NULL;
	int code = files_of_image(dir, IMAGE_DIR_ENVELOPE, LIMIT_ENVELOPE_BYTES,
	    &envelope, err);

	if (code == 0)
		code = inspect_envelope(envelope, document, &manifest, err);
	if (code == IMAGE_UNSIGNED)
		code = inspect_unsigned(dir, document, &manifest, err);
	TRY(code);
	if (no_files)
		return 0;
	TRY(check_files(dir, &manifest, err));
	TRY(files_of_image(dir, IMAGE_DIR_KERNEL, LIMIT_KERNEL_BYTES, &kernel,
	    err));
	return inspect_kernel(kernel, document, err);
}

/* Nothing is verified here, and the output says so. */
static int
inspect_envelope(const struct sealed *raw, json_t *document,
    struct manifest *ret_manifest, struct err *err)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;

	TRY(dsse_decode(sealed_bytes(raw), &envelope, err));
	json_object_set_new(document, "verified", json_false());
	TRY(show_digest(document, "envelope_digest", sealed_bytes(raw), err));
	TRY(show_digest(document, "payload_digest", dsse_raw_payload(envelope),
	    err));
	json_object_set_new(document, "payload_type",
	    json_string(dsse_payload_type(envelope)));
	json_object_set_new(document, "signatures", list_signatures(envelope));
	TRY(payload_decode(dsse_payload_type(envelope),
	    dsse_raw_payload(envelope), ret_manifest, err));
	return show_manifest(ret_manifest, document, err);
}

static int
show_digest(json_t *document, const char *member, struct bytes of,
    struct err *err)
{
	char text[DIGEST_TEXT_SIZE];
	struct digest digest;

	TRY(digest_of(of, &digest, err));
	digest_text(&digest, text);
	json_object_set_new(document, member, json_string(text));
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

/* What there is to sign: the same members, without an envelope's values. */
static int
inspect_unsigned(const char *dir, json_t *document,
    struct manifest *ret_manifest, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *text = NULL;

	TRY(files_of_image(dir, IMAGE_DIR_MANIFEST, LIMIT_ENVELOPE_BYTES, &text,
	    err));
	json_object_set_new(document, "verified", json_false());
	json_object_set_new(document, "envelope_digest", json_null());
	TRY(show_digest(document, "payload_digest", sealed_bytes(text), err));
	json_object_set_new(document, "payload_type", json_null());
	json_object_set_new(document, "signatures", json_array());
	TRY(manifest_decode(sealed_bytes(text), ret_manifest, err));
	return show_manifest(ret_manifest, document, err);
}

static int
show_manifest(const struct manifest *manifest, json_t *document,
    struct err *err)
{
	CLEANUP(freep) char *text = NULL;

	TRY(manifest_encode(manifest, &text, err));
	json_object_set_new(document, "manifest", json_loads(text, 0, NULL));
	return 0;
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
	TRY(kernel_unpack(sealed_bytes(raw), size_bytes, NULL, &elf, err));
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
    "[--no-files] [--json]", "DIR|FILE",
    "show an image, an envelope or a kernel, unverified", run};
