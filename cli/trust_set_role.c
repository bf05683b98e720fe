#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"
#include "cli/trust_edits.h"

struct options {
	const char *role;
	const char *signs;
	int64_t threshold;
	struct argument_list keys;
	struct argument_list patterns;
	bool is_debug;
	bool is_removal;
	struct edit_target target;
};

static int read_options(int argc, char **argv, struct options *options,
    struct trust_role_draft *role);
static int check(const struct options *options, struct trust_role_draft *role);
static int edit(const struct options *options,
    const struct trust_role_draft *role, const char *path, struct err *err);
static int set_role(struct trust_edit *policy, const struct argument_list *keys,
    struct trust_role_draft role, struct err *err);
static int take_key(struct trust_edit *policy, const char *argument,
    struct digest *ret_id, struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.signs = "image", .threshold = 1};
	struct trust_role_draft role = {.name = NULL};
	struct err err = {0};
	int status = read_options(argc, argv, &options, &role);

	if (status != ARGUMENTS_READ)
		return status;
	if (edit(&options, &role, argv[1], &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
read_options(int argc, char **argv, struct options *options,
    struct trust_role_draft *role)
{
	const struct argument known[] = {
	    {"role", required_argument, .is_needed = true,
		.text = &options->role},
	    {"signs", required_argument, .text = &options->signs},
	    {"threshold", required_argument, .number = &options->threshold,
		.min = 1, .max = LIMIT_TRUST_KEYS},
	    {"key", required_argument, .list = &options->keys,
		.max = LIMIT_TRUST_KEYS},
	    {"images", required_argument, .list = &options->patterns,
		.max = LIMIT_ROLE_PATTERNS},
	    {"debug", no_argument, .flag = &options->is_debug},
	    {"remove", no_argument, .flag = &options->is_removal},
	    EDIT_ARGUMENTS(&options->target),
	};
	int status = arguments_read(&command_trust_set_role, known,
	    countof(known), &argc, argv);

	if (status == ARGUMENTS_READ)
		status = edits_check(&command_trust_set_role, &options->target);
	if (status == ARGUMENTS_READ)
		status = check(options, role);
	return status;
}

static int
check(const struct options *options, struct trust_role_draft *role)
{
	const struct command *self = &command_trust_set_role;
	bool has_patterns = options->patterns.count > 0;

	if (!trust_purpose_from_name(options->signs, &role->purpose))
		return command_usage(self,
		    "--signs: %s is not image, boot-policy, store-index, "
		    "trust, "
		    "provenance",
		    err_quote_str(options->signs).text);
	if (options->is_removal)
		return ARGUMENTS_READ;
	if (options->keys.count == 0)
		return command_usage(self, "--key is missing");
	if (role->purpose == TRUST_IMAGE && !has_patterns)
		return command_usage(self, "--images is missing");
	if (role->purpose != TRUST_IMAGE && (has_patterns || options->is_debug))
		return command_usage(self,
		    "--images and --debug are for roles that sign images");
	role->name = options->role;
	role->threshold = options->threshold;
	role->key_count = options->keys.count;
	role->patterns = options->patterns.items;
	role->pattern_count = options->patterns.count;
	role->is_debug = options->is_debug;
	return ARGUMENTS_READ;
}

static int
edit(const struct options *options, const struct trust_role_draft *role,
    const char *path, struct err *err)
{
	CLEANUP(trust_edit_freep) struct trust_edit *policy = NULL;

	TRY(edits_open(path, &policy, err));
	if (options->is_removal)
		TRY(trust_edit_remove_role(policy, options->role, err));
	else
		TRY(set_role(policy, &options->keys, *role, err));
	return edits_close(policy, &options->target, path, err);
}

static int
set_role(struct trust_edit *policy, const struct argument_list *keys,
    struct trust_role_draft role, struct err *err)
{
	struct digest ids[LIMIT_TRUST_KEYS];

	for (size_t i = 0; i < keys->count; i++)
		TRY(take_key(policy, keys->items[i], &ids[i], err));
	role.key_ids = ids;
	return trust_edit_set_role(policy, &role, err);
}

/* A key in a file is listed if it is not yet. */
static int
take_key(struct trust_edit *policy, const char *argument, struct digest *ret_id,
    struct err *err)
{
	CLEANUP(public_key_freep) struct public_key *key = NULL;

	TRY(edits_key(argument, ret_id, &key, err));
	if (key != NULL && !trust_edit_has_key(policy, ret_id))
		TRY(trust_edit_add_key(policy, key, err));
	return 0;
}

const struct command command_trust_set_role = {"trust", "set-role",
    "--role NAME (--remove | [--signs KIND] [--threshold N] --key FILE|ID... "
    "[--images PATTERN...] [--debug]) " EDIT_USAGE,
    "POLICY", "make, replace or remove a role of a trust policy", run};
