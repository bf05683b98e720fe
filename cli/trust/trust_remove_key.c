#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"
#include "cli/trust/trust_edits.h"

static edits_fn edit;
static int remove_key(struct trust_edit *policy, const char *argument,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct argument_list keys = {.count = 0};
	struct edit_target target = {.out = NULL};
	const struct argument known[] = {
	    {"key", required_argument, .is_needed = true, .list = &keys,
		.max = LIMIT_TRUST_KEYS},
	    EDIT_ARGUMENTS(&target),
	};
	int status = arguments_read(&command_trust_remove_key, known,
	    countof(known), &argc, argv);

	if (status == ARGUMENTS_READ)
		status = edits_check(&command_trust_remove_key, &target);
	if (status != ARGUMENTS_READ)
		return status;
	return edits_run(argv[1], &target, edit, &keys);
}

static int
edit(struct trust_edit *policy, const void *given, struct err *err)
{
	const struct argument_list *keys = given;

	for (size_t i = 0; i < keys->count; i++)
		TRY(remove_key(policy, keys->items[i], err));
	return 0;
}

static int
remove_key(struct trust_edit *policy, const char *argument, struct err *err)
{
	CLEANUP(public_key_freep) struct public_key *key = NULL;
	struct digest id;

	TRY(edits_key(argument, &id, &key, err));
	return trust_edit_remove_key(policy, &id, err);
}

const struct command command_trust_remove_key = {"trust", "remove-key",
    "--key FILE|ID... " EDIT_USAGE, "POLICY",
    "take keys out of a trust policy and all its roles", run};
