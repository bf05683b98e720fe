#include <stdio.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "cli/command.h"
#include "cli/trust/revocation.h"
#include "cli/trust/trust_edits.h"

struct options {
	struct argument_list keys;
	struct argument_list images;
	struct argument_list floors;
	const char *store_path;
	struct edit_target target;
	struct revocation_store store;
	struct revocation revocations[ARGUMENTS_LIST_ITEMS]; /* of images */
};

static int read_options(int argc, char **argv, struct options *options);
static bool is_any_a_digest(const struct argument_list *images);
static int find_images(struct options *options, struct err *err);
static int find_image(const struct options *options, const char *argument,
    struct revocation *ret_revocation, struct err *err);
static edits_fn edit;
static int revoke_key(struct trust_edit *policy, const char *argument,
    struct err *err);
static int revoke_image(struct trust_edit *policy,
    const struct revocation *revocation, struct err *err);
static int raise_floor(struct trust_edit *policy, const char *argument,
    struct err *err);
static void report(const struct options *options);
static void report_digest(const char *argument,
    const struct revocation *revocation);

static int
run(int argc, char **argv)
{
	struct options options = {.store = {.fd = -1}};
	struct err err = {0};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	if (find_images(&options, &err) != 0)
		status = command_failed(&err, false);
	else
		status = edits_run(argv[1], &options.target, edit, &options);
	if (status == EXIT_DONE)
		report(&options);
	revocation_store_done(&options.store);
	return status;
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    {"key", required_argument, .list = &options->keys,
		.max = ARGUMENTS_LIST_ITEMS},
	    {"image", required_argument, .list = &options->images,
		.max = ARGUMENTS_LIST_ITEMS},
	    {"store", required_argument, .text = &options->store_path},
	    {"floor", required_argument, .list = &options->floors,
		.max = ARGUMENTS_LIST_ITEMS},
	    EDIT_ARGUMENTS(&options->target),
	};
	const struct command *self = &command_trust_revoke;
	int status = arguments_read(self, known, countof(known), &argc, argv);

	if (status == ARGUMENTS_READ)
		status = edits_check(self, &options->target);
	if (status == ARGUMENTS_READ && options->keys.count == 0 &&
	    options->images.count == 0 && options->floors.count == 0)
		return command_usage(self,
		    "--key, --image or --floor is missing");
	if (status == ARGUMENTS_READ && options->store_path != NULL &&
	    !is_any_a_digest(&options->images))
		return command_usage(self,
		    "--store is for an --image that is a digest");
	return status;
}

static bool
is_any_a_digest(const struct argument_list *images)
{
	struct digest ignored;

	for (size_t i = 0; i < images->count; i++) {
		if (digest_from_text(images->items[i], &ignored))
			return true;
	}
	return false;
}

/* Before the policy is locked and read. */
static int
find_images(struct options *options, struct err *err)
{
	if (options->store_path != NULL)
		TRY(revocation_store_open(options->store_path, &options->store,
		    err));
	for (size_t i = 0; i < options->images.count; i++)
		TRY(find_image(options, options->images.items[i],
		    &options->revocations[i], err));
	return 0;
}

static int
find_image(const struct options *options, const char *argument,
    struct revocation *ret_revocation, struct err *err)
{
	struct digest digest;

	if (!digest_from_text(argument, &digest))
		return revocation_of_dir(argument, ret_revocation, err);
	if (options->store_path != NULL)
		return revocation_in_store(&options->store, &digest,
		    ret_revocation, err);
	*ret_revocation = (struct revocation){.digests = {digest}, .count = 1};
	return 0;
}

static int
edit(struct trust_edit *policy, const void *given, struct err *err)
{
	const struct options *options = given;

	for (size_t i = 0; i < options->keys.count; i++)
		TRY(revoke_key(policy, options->keys.items[i], err));
	for (size_t i = 0; i < options->images.count; i++)
		TRY(revoke_image(policy, &options->revocations[i], err));
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

static int
revoke_image(struct trust_edit *policy, const struct revocation *revocation,
    struct err *err)
{
	for (size_t i = 0; i < revocation->count; i++)
		TRY(trust_edit_revoke_manifest(policy, &revocation->digests[i],
		    err));
	return 0;
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

/* A digest may be another one than its giver believes. */
static void
report(const struct options *options)
{
	struct digest ignored;

	for (size_t i = 0; i < options->images.count; i++) {
		if (digest_from_text(options->images.items[i], &ignored))
			report_digest(options->images.items[i],
			    &options->revocations[i]);
	}
}

static void
report_digest(const char *argument, const struct revocation *revocation)
{
	char payload[DIGEST_TEXT_SIZE];

	if (revocation->image == NULL) {
		fprintf(stderr,
		    "assay: warning: %s: if this is the digest of an "
		    "envelope and not of a manifest, one more\n  signature "
		    "undoes the revocation: give --store with a store that "
		    "has the image\n",
		    argument);
		return;
	}
	digest_text(&revocation->digests[0], payload);
	printf("revoked %s:%s, manifest %s%s%s\n",
	    revocation->image->claimed_name, revocation->image->claimed_version,
	    payload, revocation->is_around ? " in " : "",
	    revocation->is_around ? argument : "");
}

const struct command command_trust_revoke = {"trust", "revoke",
    "[--key FILE|ID...] [--image DIR|DIGEST...] [--store DIR] "
    "[--floor LOCATION=INDEX...] " EDIT_USAGE,
    "POLICY", "revoke keys and images, or raise rollback floors", run};
