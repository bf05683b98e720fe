#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"
#include "cli/trust/trust_edits.h"

struct options {
	struct argument_list keys;
	struct argument_list roles;
	struct edit_target target;
};

static edits_fn edit;
static int add(struct trust_edit *policy, const char *key_path,
    const struct argument_list *roles, struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.target = {.out = NULL}};
	const struct argument known[] = {
	    {"key", required_argument, .is_needed = true, .list = &options.keys,
		.max = LIMIT_TRUST_KEYS},
	    {"role", required_argument, .list = &options.roles,
		.max = LIMIT_TRUST_ROLES},
	    EDIT_ARGUMENTS(&options.target),
	};
	int status = arguments_read(&command_trust_add_key, known,
	    countof(known), &argc, argv);

	if (status == ARGUMENTS_READ)
		status = edits_check(&command_trust_add_key, &options.target);
	if (status != ARGUMENTS_READ)
		return status;
	return edits_run(argv[1], &options.target, edit, &options);
}

static int
edit(struct trust_edit *policy, const void *given, struct err *err)
{
	const struct options *options = given;

	for (size_t i = 0; i < options->keys.count; i++)
		TRY(add(policy, options->keys.items[i], &options->roles, err));
	return 0;
}

static int
add(struct trust_edit *policy, const char *key_path,
    const struct argument_list *roles, struct err *err)
{
	CLEANUP(public_key_freep) struct public_key *key = NULL;
	struct digest id;

	TRY(edits_key(key_path, &id, &key, err));
	/* One that is listed already may still be new to a role. */
	if (key != NULL &&
	    (roles->count == 0 || !trust_edit_has_key(policy, &id)))
		TRY(trust_edit_add_key(policy, key, err));
	if (!trust_edit_has_key(policy, &id))
		return err_set(err, TRUST_EDIT_REFUSED,
		    "keys: there is no %.16s...; give its file", key_path);
	for (size_t i = 0; i < roles->count; i++)
		TRY(trust_edit_add_to_role(policy, roles->items[i], &id, err));
	return 0;
}

const struct command command_trust_add_key = {"trust", "add-key",
    "--key FILE|ID... [--role NAME...] " EDIT_USAGE, "POLICY",
    "list keys in a trust policy, and in roles", run};
