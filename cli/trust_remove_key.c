#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"
#include "cli/trust_edits.h"

static int edit(const struct argument_list *keys,
    const struct edit_target *target, const char *path, struct err *err);
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
	struct err err = {0};
	int status = arguments_read(&command_trust_remove_key, known,
	    countof(known), &argc, argv);

	if (status == ARGUMENTS_READ)
		status = edits_check(&command_trust_remove_key, &target);
	if (status != ARGUMENTS_READ)
		return status;
	if (edit(&keys, &target, argv[1], &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
edit(const struct argument_list *keys, const struct edit_target *target,
    const char *path, struct err *err)
{
	CLEANUP(trust_edit_freep) struct trust_edit *policy = NULL;

	TRY(edits_open(path, &policy, err));
	for (size_t i = 0; i < keys->count; i++)
		TRY(remove_key(policy, keys->items[i], err));
	return edits_close(policy, target, path, err);
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
