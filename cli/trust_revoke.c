#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"
#include "cli/trust_edits.h"
#include "image-store/image_dir.h"

struct options {
	struct argument_list keys;
	struct argument_list images;
	struct argument_list floors;
	struct edit_target target;
};

static int read_options(int argc, char **argv, struct options *options);
static edits_fn edit;
static int revoke_key(struct trust_edit *policy, const char *argument,
    struct err *err);
static int revoke_image(struct trust_edit *policy, const char *argument,
    struct err *err);
static int digest_of_payload(const char *dir, struct digest *ret_digest,
    struct err *err);
static int raise_floor(struct trust_edit *policy, const char *argument,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.target = {.out = NULL}};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	return edits_run(argv[1], &options.target, edit, &options);
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    {"key", required_argument, .list = &options->keys,
		.max = ARGUMENTS_LIST_ITEMS},
	    {"image", required_argument, .list = &options->images,
		.max = ARGUMENTS_LIST_ITEMS},
	    {"floor", required_argument, .list = &options->floors,
		.max = ARGUMENTS_LIST_ITEMS},
	    EDIT_ARGUMENTS(&options->target),
	};
	int status = arguments_read(&command_trust_revoke, known,
	    countof(known), &argc, argv);

	if (status == ARGUMENTS_READ)
		status = edits_check(&command_trust_revoke, &options->target);
	if (status == ARGUMENTS_READ && options->keys.count == 0 &&
	    options->images.count == 0 && options->floors.count == 0)
		status = command_usage(&command_trust_revoke,
		    "--key, --image or --floor is missing");
	return status;
}

static int
edit(struct trust_edit *policy, const void *given, struct err *err)
{
	const struct options *options = given;

	for (size_t i = 0; i < options->keys.count; i++)
		TRY(revoke_key(policy, options->keys.items[i], err));
	for (size_t i = 0; i < options->images.count; i++)
		TRY(revoke_image(policy, options->images.items[i], err));
	for (size_t i = 0; i < options->floors.count; i++)
		TRY(raise_floor(policy, options->floors.items[i], err));
	return 0;
}

static int
revoke_key(struct trust_edit *policy, const char *argument, struct err *err)
{
	CLEANUP(public_key_freep) struct public_key *key = NULL;
	struct digest id;

	TRY(edits_key(argument, &id, &key, err));
	return trust_edit_revoke_key(policy, &id, err);
}

/* By the payload: whoever has the envelope can write it in another way. */
static int
revoke_image(struct trust_edit *policy, const char *argument, struct err *err)
{
	struct digest digest;

	if (!digest_from_text(argument, &digest))
		TRY(digest_of_payload(argument, &digest, err));
	return trust_edit_revoke_manifest(policy, &digest, err);
}

static int
digest_of_payload(const char *dir, struct digest *ret_digest, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	char path[FILES_PATH_SIZE];
	size_t len;

	TRY(files_join(dir, IMAGE_DIR_MANIFEST, path, err));
	TRY(file_read(path, LIMIT_ENVELOPE_BYTES, &text, &len, err));
	return digest_of(bytes_of(text, len), ret_digest, err);
}

static int
raise_floor(struct trust_edit *policy, const char *argument, struct err *err)
{
	const char *equals = strchr(argument, '=');
	char location[LIMIT_NAME_BYTES + 1] = "";
	int64_t index;

	if (equals == NULL || equals - argument > LIMIT_NAME_BYTES ||
	    !arguments_number(equals + 1, INT64_MAX, &index))
		return err_set(err, TRUST_MALFORMED,
		    "--floor: \"%s\" is not LOCATION=INDEX",
		    err_quote_str(argument).text);
	memcpy(location, argument, (size_t)(equals - argument));
	return trust_edit_raise_floor(policy, location, index, err);
}

const struct command command_trust_revoke = {"trust", "revoke",
    "[--key FILE|ID...] [--image DIR|DIGEST...] [--floor "
    "LOCATION=INDEX...] " EDIT_USAGE,
    "POLICY", "revoke keys and images, or raise rollback floors", run};
