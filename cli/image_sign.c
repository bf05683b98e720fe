#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/files.h"
#include "cli/signing.h"
#include "image-store/image_dir.h"
#include "keys/dsse.h"

static int sign(const char *dir, const struct signing *signing,
    struct err *err);
static int read_payload(const char *dir, char **ret_payload, size_t *ret_len,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct signing signing = {.pae_only = false};
	const struct argument known[] = {SIGNING_ARGUMENTS(&signing)};
	struct err err = {0};
	int status = arguments_read(&command_image_sign, known, countof(known),
	    &argc, argv);

	if (status == ARGUMENTS_READ)
		status = signing_check(&command_image_sign, &signing);
	if (status != ARGUMENTS_READ)
		return status;
	if (sign(argv[1], &signing, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
sign(const char *dir, const struct signing *signing, struct err *err)
{
	CLEANUP(freep) char *payload = NULL;
	char path[FILES_PATH_SIZE];
	size_t len;

	TRY(read_payload(dir, &payload, &len, err));
	TRY(files_join(dir, IMAGE_DIR_ENVELOPE, path, err));
	return signing_run(signing, DSSE_IMAGE_PAYLOAD_TYPE,
	    bytes_of(payload, len), path, err);
}

/* Never sign what assayd could not read. */
static int
read_payload(const char *dir, char **ret_payload, size_t *ret_len,
    struct err *err)
{
	char path[FILES_PATH_SIZE];
	struct manifest manifest;

	TRY(files_join(dir, IMAGE_DIR_MANIFEST, path, err));
	TRY(file_read(path, LIMIT_ENVELOPE_BYTES, ret_payload, ret_len, err));
	if (manifest_decode(bytes_of(*ret_payload, *ret_len), &manifest, err) !=
	    0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

const struct command command_image_sign = {"image", "sign", SIGNING_USAGE,
    "DIR", "sign an image, or add signatures", run};
