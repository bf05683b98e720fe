#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/command.h"
#include "cli/files.h"
#include "image-store/image_dir.h"
#include "keys/dsse.h"
#include "keys/dsse_sign.h"

struct options {
	const char *key_paths[LIMIT_SIGNATURES];
	size_t key_count;
	const char *dir;
};

static int sign(const struct options *options, struct err *err);
static int read_old(const char *path, char **ret_text, size_t *ret_len,
    struct err *err);

static int
run(int argc, char **argv)
{
	static const struct option known[] = {
	    {"key", required_argument, NULL, 'k'},
	    {NULL, 0, NULL, 0},
	};
	struct options options = {0};
	struct err err = {0};
	int option;

	while ((option = getopt_long(argc, argv, "k:", known, NULL)) != -1) {
		if (option != 'k')
			return command_usage(&command_image_sign, "bad option");
		if (options.key_count == LIMIT_SIGNATURES)
			return command_usage(&command_image_sign,
			    "too many keys");
		options.key_paths[options.key_count++] = optarg;
	}
	if (optind + 1 != argc || options.key_count == 0)
		return command_usage(&command_image_sign,
		    "--key and one image directory are needed");
	options.dir = argv[optind];
	if (sign(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

/* All keys sign, or the envelope stays as it was. */
static int
sign(const struct options *options, struct err *err)
{
	struct private_key *keys[LIMIT_SIGNATURES] = {NULL};
	CLEANUP(freep) char *payload = NULL;
	CLEANUP(freep) char *old = NULL;
	CLEANUP(freep) char *text = NULL;
	char payload_path[FILES_PATH_SIZE];
	char envelope_path[FILES_PATH_SIZE];
	struct manifest manifest;
	size_t payload_len;
	size_t old_len = 0;
	int code = 0;

	TRY(files_join(options->dir, IMAGE_DIR_MANIFEST, payload_path, err));
	TRY(files_join(options->dir, IMAGE_DIR_ENVELOPE, envelope_path, err));
	TRY(file_read(payload_path, LIMIT_ENVELOPE_BYTES, &payload,
	    &payload_len, err));
	/* Never sign what assayd could not read. */
	TRY(manifest_decode(bytes_of(payload, payload_len), &manifest, err));
	TRY(read_old(envelope_path, &old, &old_len, err));
	for (size_t i = 0; i < options->key_count && code == 0; i++)
		code = private_key_load(options->key_paths[i], &keys[i], err);
	if (code == 0)
		code = dsse_sign(DSSE_IMAGE_PAYLOAD_TYPE,
		    bytes_of(payload, payload_len), bytes_of(old, old_len),
		    (const struct private_key *const *)keys,
		    options->key_count, &text, err);
	if (code == 0)
		code = file_write(envelope_path, bytes_of_str(text), 0644,
		    FILE_REPLACE, err);
	for (size_t i = 0; i < options->key_count; i++)
		private_key_freep(&keys[i]);
	return code;
}

/* No envelope yet is no error: there is just nothing to keep. */
static int
read_old(const char *path, char **ret_text, size_t *ret_len, struct err *err)
{
	if (access(path, F_OK) != 0 && errno == ENOENT)
		return 0;
	return file_read(path, LIMIT_ENVELOPE_BYTES, ret_text, ret_len, err);
}

const struct command command_image_sign = {"image", "sign",
    "--key FILE... DIR", "sign an image, or add signatures", run};
