#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "keys/trust_chain.h"

static int show(const struct trust_policy *policy, bool as_json);
static json_t *pack_role(const struct trust_policy *policy, size_t index);
static void print_role(const struct trust_policy *policy, size_t index);

static int
run(int argc, char **argv)
{
	bool as_json = false;
	const struct argument known[] = {
	    {"json", no_argument, .flag = &as_json},
	};
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	struct err err = {0};
	int status = arguments_read(&command_trust_show, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (trust_load(argv[1], &policy, &err) != 0)
		return command_failed(&err, as_json);
	return show(policy, as_json);
}

static int
show(const struct trust_policy *policy, bool as_json)
{
	CLEANUP(json_freep) json_t *roles = json_array();
	char digest[DIGEST_TEXT_SIZE];

	digest_text(trust_digest(policy), digest);
	for (size_t i = 0; i < trust_role_count(policy); i++)
		json_array_append_new(roles, pack_role(policy, i));
	if (as_json)
		return command_print_json(json_pack("{s:I, s:s, s:O}",
		    "version", (json_int_t)trust_version(policy), "digest",
		    digest, "roles", roles));
	printf("version %lld\ndigest  %s\n", (long long)trust_version(policy),
	    digest);
	for (size_t i = 0; i < trust_role_count(policy); i++)
		print_role(policy, i);
	return EXIT_DONE;
}

static json_t *
pack_role(const struct trust_policy *policy, size_t index)
{
	struct trust_role_summary role = trust_role_summary(policy, index);

	return json_pack("{s:s, s:s, s:i, s:i, s:b}", "name",
	    trust_role_name(policy, index), "signs",
	    trust_purpose_name(role.purpose), "threshold", role.threshold,
	    "keys", role.key_count, "debug", (int)role.is_debug);
}

static void
print_role(const struct trust_policy *policy, size_t index)
{
	struct trust_role_summary role = trust_role_summary(policy, index);

	printf("role    %s: %s%s, %d of %d\n", trust_role_name(policy, index),
	    role.is_debug ? "debug " : "", trust_purpose_name(role.purpose),
	    role.threshold, role.key_count);
}

const struct command command_trust_show = {"trust", "show", "[--json]", "FILE",
    "check a trust policy and show its roles", run};
