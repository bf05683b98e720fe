#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"
#include "cli/files.h"
#include "cli/trust/trust_edits.h"

/* A role, a type and a builder, each with its end. */
enum {
	demand_text_size = LIMIT_NAME_BYTES + 2 * LIMIT_TYPE_URI_BYTES + 3,
};

/* Make or replace a role, or change it. */
typedef int set_fn(struct trust_edit *policy,
    const struct trust_role_draft *role, struct err *err);

struct options {
	const char *role;
	const char *signs;
	enum trust_purpose purpose;
	int64_t threshold;
	struct argument_list keys;
	struct argument_list patterns;
	struct argument_list groups;
	struct argument_list demands;
	bool is_debug;
	bool is_replacement;
	bool is_removal;
	struct edit_target target;
};

static int read_options(int argc, char **argv, struct options *options);
static int check(struct options *options);
static bool is_for_images_only(const struct options *options);
static edits_fn edit;
static int make(struct trust_edit *policy, const struct options *options,
    struct trust_role_draft role, struct err *err);
static int change(struct trust_edit *policy, const struct options *options,
    struct trust_role_draft role, struct err *err);
static int fill_and_set(struct trust_edit *policy,
    const struct options *options, struct trust_role_draft role, set_fn *set,
    struct err *err);
static int take_key(struct trust_edit *policy, const char *argument,
    struct digest *ret_id, struct err *err);
static int take_group(const char *argument, struct trust_role_draft *role,
    struct err *err);
static int add_demands(struct trust_edit *policy,
    const struct argument_list *arguments, struct trust_role_draft role,
    set_fn *set, struct err *err);
static int by_text(const void *a, const void *b);
static int take_demand(const char *argument, char text[demand_text_size],
    struct trust_demand_draft *demand, struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.purpose = TRUST_IMAGE};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	return edits_run(argv[1], &options.target, edit, &options);
}

static int
read_options(int argc, char **argv, struct options *options)
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
	    {"group", required_argument, .list = &options->groups,
		.max = ALGORITHM_FAMILIES},
	    {"provenance", required_argument, .list = &options->demands,
		.max = LIMIT_TRUST_DEMANDS},
	    {"debug", no_argument, .flag = &options->is_debug},
	    {"replace", no_argument, .flag = &options->is_replacement},
	    {"remove", no_argument, .flag = &options->is_removal},
	    EDIT_ARGUMENTS(&options->target),
	};
	int status = arguments_read(&command_trust_set_role, known,
	    countof(known), &argc, argv);

	if (status == ARGUMENTS_READ)
		status = edits_check(&command_trust_set_role, &options->target);
	if (status == ARGUMENTS_READ)
		status = check(options);
	return status;
}

static int
check(struct options *options)
{
	const struct command *self = &command_trust_set_role;

	if (options->signs == NULL)
		return ARGUMENTS_READ;
	if (!trust_purpose_from_name(options->signs, &options->purpose))
		return command_usage(self,
		    "--signs: %s is not image, boot-policy, store-index, "
		    "trust, "
		    "provenance",
		    err_quote_str(options->signs).text);
	if (options->purpose != TRUST_IMAGE && is_for_images_only(options))
		return command_usage(self,
		    "--images, --debug and --provenance are for roles that "
		    "sign images");
	return ARGUMENTS_READ;
}

static bool
is_for_images_only(const struct options *options)
{
	return options->patterns.count > 0 || options->is_debug ||
	       options->demands.count > 0;
}

static int
edit(struct trust_edit *policy, const void *given, struct err *err)
{
	const struct options *options = given;
	const struct trust_role_draft role = {
	    .name = options->role,
	    .threshold = options->threshold,
	    .key_count = options->keys.count,
	    .patterns = options->patterns.items,
	    .pattern_count = options->patterns.count,
	    .is_debug = options->is_debug,
	};
	enum trust_purpose ignored;

	if (options->is_removal)
		return trust_edit_remove_role(policy, options->role, err);
	if (options->is_replacement ||
	    !trust_edit_has_role(policy, options->role, &ignored))
		return make(policy, options, role, err);
	return change(policy, options, role, err);
}

static int
make(struct trust_edit *policy, const struct options *options,
    struct trust_role_draft role, struct err *err)
{
	const char *missing = NULL;

	role.purpose = options->purpose;
	if (role.threshold == 0)
		role.threshold = 1;
	if (role.purpose == TRUST_IMAGE && role.pattern_count == 0)
		missing = "--images";
	if (role.key_count == 0)
		missing = "--key";
	if (missing != NULL)
		return err_set_field(err, TRUST_EDIT_REFUSED, "roles",
		    "roles: to make \"%s\", %s is missing",
		    err_quote_str(role.name).text, missing);
	return fill_and_set(policy, options, role, trust_edit_set_role, err);
}

/* What is not given stays as it is. */
static int
change(struct trust_edit *policy, const struct options *options,
    struct trust_role_draft role, struct err *err)
{
	trust_edit_has_role(policy, role.name, &role.purpose);
	if ((options->signs != NULL && role.purpose != options->purpose) ||
	    (role.purpose != TRUST_IMAGE && is_for_images_only(options)))
		return err_set_field(err, TRUST_EDIT_REFUSED, "roles",
		    "roles.%s: it signs %s; --replace makes another of it",
		    role.name, trust_purpose_name(role.purpose));
	return fill_and_set(policy, options, role, trust_edit_change_role, err);
}

static int
fill_and_set(struct trust_edit *policy, const struct options *options,
    struct trust_role_draft role, set_fn *set, struct err *err)
{
	const struct argument_list *keys = &options->keys;
	struct digest ids[LIMIT_TRUST_KEYS];

	for (size_t i = 0; i < keys->count; i++)
		TRY(take_key(policy, keys->items[i], &ids[i], err));
	role.key_ids = ids;
	for (size_t i = 0; i < options->groups.count; i++)
		TRY(take_group(options->groups.items[i], &role, err));
	return add_demands(policy, &options->demands, role, set, err);
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

/* FAMILY=N */
static int
take_group(const char *argument, struct trust_role_draft *role, struct err *err)
{
	const char *equals = strchr(argument, '=');
	char name[LIMIT_NAME_BYTES + 1] = "";
	enum algorithm_family family;
	int64_t count = 0;

	if (equals != NULL && equals - argument <= LIMIT_NAME_BYTES)
		memcpy(name, argument, (size_t)(equals - argument));
	if (!algorithm_family_from_name(name, &family) ||
	    !arguments_number(equals + 1, LIMIT_TRUST_KEYS, &count) ||
	    count == 0 || role->of_family[family] != 0)
		return err_set_field(err, TRUST_MALFORMED, "groups",
		    "--group: \"%s\" is not classical=N or ml-dsa=N, once each",
		    err_quote_str(argument).text);
	role->of_family[family] = count;
	return 0;
}

/* Sorted first: the same demands give the same policy in whatever order. */
static int
add_demands(struct trust_edit *policy, const struct argument_list *arguments,
    struct trust_role_draft role, set_fn *set, struct err *err)
{
	struct trust_demand_draft demands[LIMIT_TRUST_DEMANDS];
	char texts[LIMIT_TRUST_DEMANDS][demand_text_size];
	struct argument_list sorted = *arguments;

	qsort(sorted.items, sorted.count, sizeof(sorted.items[0]), by_text);
	for (size_t i = 0; i < sorted.count; i++)
		TRY(take_demand(sorted.items[i], texts[i], &demands[i], err));
	role.demands = demands;
	role.demand_count = sorted.count;
	return set(policy, &role, err);
}

static int
by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* ROLE,TYPE or ROLE,TYPE,BUILDER: neither a role nor a type has a comma. */
static int
take_demand(const char *argument, char text[demand_text_size],
    struct trust_demand_draft *demand, struct err *err)
{
	char *rest = text;

	snprintf(text, demand_text_size, "%s", argument);
	demand->role = strsep(&rest, ",");
	demand->predicate_type = strsep(&rest, ",");
	demand->builder_id = rest;
	if (strlen(argument) >= demand_text_size ||
	    demand->predicate_type == NULL ||
	    demand->predicate_type[0] == '\0' ||
	    (rest != NULL && rest[0] == '\0'))
		return err_set_field(err, TRUST_MALFORMED, "provenance",
		    "--provenance: \"%s\" is not ROLE,TYPE or "
		    "ROLE,TYPE,BUILDER",
		    err_quote_str(argument).text);
	return 0;
}

const struct command command_trust_set_role = {"trust", "set-role",
    "--role NAME (--remove | [--signs KIND] [--threshold N] "
    "[--key FILE|ID...] [--group FAMILY=N...] [--images PATTERN...] "
    "[--debug] [--provenance ROLE,TYPE[,BUILDER]...] [--replace]) " EDIT_USAGE,
    "POLICY", "make, change or remove a role of a trust policy", run};
