#include <errno.h>
#include <stdio.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/files.h"
#include "image-store/image_dir.h"
#include "keys/dsse.h"
#include "keys/dsse_sign.h"

static int sign(const char *dir, const struct argument_list *key_paths,
    struct err *err);
static int read_payload(const char *dir, char **ret_payload, size_t *ret_len,
    struct err *err);
static int read_old(const char *path, char **ret_text, size_t *ret_len,
    struct err *err);

_Static_assert(LIMIT_SIGNATURES <= ARGUMENTS_LIST_ITEMS,
    "keys fit into a list");

static int
run(int argc, char **argv)
{
	struct argument_list key_paths = {.count = 0};
	const struct argument known[] = {
	    {"key", required_argument, .is_needed = true, .list = &key_paths,
		.max = LIMIT_SIGNATURES},
	};
	struct err err = {0};
	int status = arguments_read(&command_image_sign, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (sign(argv[1], &key_paths, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

/* All keys sign, or the envelope stays as it was. */
static int
sign(const char *dir, const struct argument_list *key_paths, struct err *err)
{
	struct private_key *keys[LIMIT_SIGNATURES] = {NULL};
	CLEANUP(freep) char *payload = NULL;
	CLEANUP(freep) char *old = NULL;
	CLEANUP(freep) char *text = NULL;
	char path[FILES_PATH_SIZE];
	size_t payload_len;
	size_t old_len = 0;
	int code = 0;

	TRY(read_payload(dir, &payload, &payload_len, err));
	TRY(files_join(dir, IMAGE_DIR_ENVELOPE, path, err));
	TRY(read_old(path, &old, &old_len, err));
	for (size_t i = 0; i < key_paths->count && code == 0; i++)
		code = private_key_load(key_paths->items[i], &keys[i], err);
	if (code == 0)
		code = dsse_sign(DSSE_IMAGE_PAYLOAD_TYPE,
		    bytes_of(payload, payload_len), bytes_of(old, old_len),
		    (const struct private_key *const *)keys, key_paths->count,
		    &text, err);
	if (code == 0)
		code = file_write(path, bytes_of_str(text), 0644, FILE_REPLACE,
		    err);
	for (size_t i = 0; i < key_paths->count; i++)
		private_key_freep(&keys[i]);
	return code;
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

/* No envelope yet is no error: there is just nothing to keep. */
static int
read_old(const char *path, char **ret_text, size_t *ret_len, struct err *err)
{
	int code =
	    file_read(path, LIMIT_ENVELOPE_BYTES, ret_text, ret_len, err);

	if (code != 0 && err->sys == ENOENT)
		return 0;
	if (code == IMAGE_TOO_LARGE)
		err->code = ENVELOPE_TOO_LARGE;
	return code != 0 ? (int)err->code : 0;
}

const struct command command_image_sign = {"image", "sign", "--key FILE...",
    "DIR", "sign an image, or add signatures", run};
