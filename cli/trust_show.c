#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/files.h"
#include "keys/trust_chain.h"

static int show(const struct trust_policy *policy, bool as_json);

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

	for (size_t i = 0; i < trust_role_count(policy); i++)
		json_array_append_new(roles,
		    json_string(trust_role_name(policy, i)));
	if (as_json)
		return command_print_json(json_pack("{s:I, s:O}", "version",
		    (json_int_t)trust_version(policy), "roles", roles));
	printf("version %lld\n", (long long)trust_version(policy));
	for (size_t i = 0; i < trust_role_count(policy); i++)
		printf("role    %s\n", trust_role_name(policy, i));
	return EXIT_DONE;
}

const struct command command_trust_show = {"trust", "show", "[--json]", "FILE",
    "check a trust policy and show its roles", run};
