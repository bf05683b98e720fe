#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/image/check.h"
#include "cli/files.h"
#include "cli/seen.h"
#include "cli/signing.h"
#include "image-store/pack/image_dir.h"
#include "image-store/payload.h"
#include "image-store/pack/statement_encode.h"
#include "keys/dsse.h"

/* What is to be signed. */
struct document {
	const char *type;
	char *text;
	size_t len;
};

struct options {
	struct signing signing;
	struct seen seen; /* of the manifest */
	bool in_toto;
	bool all_subjects;
	bool no_files; /* the signer has none to compare with */
};

static int sign(const char *dir, const struct options *options,
    struct err *err);
static int read_manifest(const char *dir, struct document *document,
    struct manifest *ret_manifest, struct err *err);
static int choose_statement(const char *envelope_path,
    const struct options *options, const struct manifest *manifest,
    struct document *document, struct err *err);
static bool take_signed_statement(const char *envelope_path,
    const struct manifest *manifest, struct document *document);
static bool is_of(const struct dsse_envelope *envelope,
    const struct manifest *manifest);
static void set_text(struct document *document, char *text, size_t len);
static void document_done(struct document *document);

static int
run(int argc, char **argv)
{
	struct options options = {.in_toto = false};
	const struct argument known[] = {
	    SIGNING_ARGUMENTS(&options.signing),
	    {"expect", required_argument, .text = &options.seen.expect},
	    {"no-files", no_argument, .flag = &options.no_files},
	    {"in-toto", no_argument, .flag = &options.in_toto},
	    {"all-subjects", no_argument, .flag = &options.all_subjects},
	};
	struct err err = {0};
	int status = arguments_read(&command_image_sign, known, countof(known),
	    &argc, argv);

	if (status == ARGUMENTS_READ)
		status = signing_check(&command_image_sign, &options.signing);
	if (status != ARGUMENTS_READ)
		return status;
	if (sign(argv[1], &options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
sign(const char *dir, const struct options *options, struct err *err)
{
	CLEANUP(document_done)
	struct document document = {DSSE_IMAGE_PAYLOAD_TYPE, NULL, 0};
	char path[FILES_PATH_SIZE];
	char text[DIGEST_TEXT_SIZE];
	struct digest digest;
	struct manifest manifest;

	TRY(read_manifest(dir, &document, &manifest, err));
	TRY(digest_of(bytes_of(document.text, document.len), &digest, err));
	TRY(seen_check(&options->seen, bytes_of(document.text, document.len),
	    true, err));
	if (!options->no_files)
		TRY(check_files(dir, &manifest, err));
	TRY(files_join(dir, IMAGE_DIR_ENVELOPE, path, err));
	TRY(choose_statement(path, options, &manifest, &document, err));
	TRY(signing_run(&options->signing, document.type,
	    bytes_of(document.text, document.len), path, err));
	digest_text(&digest, text);
	if (!options->signing.pae_only)
		printf("signed %s %s: manifest %s\n", manifest.name,
		    manifest.version, text);
	return 0;
}

/* Never sign what assayd could not read. */
static int
read_manifest(const char *dir, struct document *document,
    struct manifest *ret_manifest, struct err *err)
{
	char path[FILES_PATH_SIZE];

	TRY(files_join(dir, IMAGE_DIR_MANIFEST, path, err));
	TRY(file_read(path, LIMIT_ENVELOPE_BYTES, &document->text,
	    &document->len, err));
	if (manifest_decode(bytes_of(document->text, document->len),
		ret_manifest, err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

/* Whoever adds a signature signs what the others did, byte for byte. */
static int
choose_statement(const char *envelope_path, const struct options *options,
    const struct manifest *manifest, struct document *document, struct err *err)
{
	char *text;

	if (take_signed_statement(envelope_path, manifest, document))
		return options->all_subjects
		           ? 0
		           : statement_is_only_of(
				 bytes_of(document->text, document->len),
				 manifest, err);
	if (!options->in_toto)
		return 0;
	TRY(statement_encode(manifest, &text, err));
	set_text(document, text, strlen(text));
	return 0;
}

/* An envelope that is broken is for signing_run() to refuse. */
static bool
take_signed_statement(const char *envelope_path,
    const struct manifest *manifest, struct document *document)
{
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	CLEANUP(freep) char *raw = NULL;
	struct bytes payload;
	struct err ignored;
	char *text;
	size_t len;

	if (file_read(envelope_path, LIMIT_ENVELOPE_BYTES, &raw, &len,
		&ignored) != 0 ||
	    dsse_decode(bytes_of(raw, len), &envelope, &ignored) != 0 ||
	    !is_of(envelope, manifest))
		return false;
	payload = dsse_raw_payload(envelope);
	text = malloc(payload.len);
	if (text == NULL)
		return false;
	memcpy(text, payload.ptr, payload.len);
	set_text(document, text, payload.len);
	return true;
}

/* A statement about this very manifest? */
static bool
is_of(const struct dsse_envelope *envelope, const struct manifest *manifest)
{
	CLEANUP(freep) char *ours = NULL;
	CLEANUP(freep) char *theirs = NULL;
	struct manifest signed_manifest;
	struct err ignored;

	return strcmp(dsse_payload_type(envelope),
		   DSSE_STATEMENT_PAYLOAD_TYPE) == 0 &&
	       payload_decode(DSSE_STATEMENT_PAYLOAD_TYPE,
		   dsse_raw_payload(envelope), &signed_manifest,
		   &ignored) == 0 &&
	       manifest_encode(manifest, &ours, &ignored) == 0 &&
	       manifest_encode(&signed_manifest, &theirs, &ignored) == 0 &&
	       strcmp(ours, theirs) == 0;
}

static void
set_text(struct document *document, char *text, size_t len)
{
	freep(&document->text);
	*document = (struct document){DSSE_STATEMENT_PAYLOAD_TYPE, text, len};
}

static void
document_done(struct document *document)
{
	freep(&document->text);
}

const struct command command_image_sign = {"image", "sign",
    SIGNING_USAGE " [--expect DIGEST] [--no-files] [--in-toto] "
		  "[--all-subjects]",
    "DIR", "sign an image, or add signatures", run};
