#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "keys/trust_chain.h"

static void warn_of_unbound(const struct trust_policy *policy);
static int report(int64_t root_version, const struct trust_policy *policy,
    bool as_json);

static int
run(int argc, char **argv)
{
	const char *root = NULL;
	bool as_json = false;
	const struct argument known[] = {
	    {"root", required_argument, .is_needed = true, .text = &root},
	    {"json", no_argument, .flag = &as_json},
	};
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	struct err err = {0};
	int status = arguments_read(&command_trust_verify, known,
	    countof(known), &argc, argv);
	int64_t root_version;

	if (status != ARGUMENTS_READ)
		return status;
	if (trust_load(root, &policy, &err) != 0)
		return command_failed(&err, as_json);
	root_version = trust_version(policy);
	for (int i = 1; i < argc; i++) {
		if (trust_apply_file(&policy, argv[i], &err) != 0)
			return command_failed(&err, as_json);
	}
	if (!trust_is_bound(policy) && trust_version(policy) != root_version)
		warn_of_unbound(policy);
	return report(root_version, policy, as_json);
}

/* A step of today names what it follows, and that ends it. */
static void
warn_of_unbound(const struct trust_policy *policy)
{
	fprintf(stderr,
	    "assay: warning: version %lld does not say which policy it "
	    "follows: the step may be of another fleet; sign one more\n",
	    (long long)trust_version(policy));
}

static int
report(int64_t root_version, const struct trust_policy *policy, bool as_json)
{
	char digest[DIGEST_TEXT_SIZE];

	digest_text(trust_digest(policy), digest);
	if (as_json)
		return command_print_json(json_pack("{s:I, s:I, s:s}",
		    "root_version", (json_int_t)root_version, "version",
		    (json_int_t)trust_version(policy), "digest", digest));
	printf("root    version %lld\nin force version %lld, %s\n",
	    (long long)root_version, (long long)trust_version(policy), digest);
	return EXIT_DONE;
}

const struct command command_trust_verify = {"trust", "verify",
    "--root FILE [--json]", "CHAIN...",
    "check a chain of trust policies, step by step", run};
