#include "base/scope.h"
#include "base/utc.h"
#include "cli/trust/trust_edits.h"

struct options {
	const char *not_before;
	int64_t seconds;
	bool is_removal;
	struct edit_target target;
};

static int read_options(int argc, char **argv, struct options *options);
static edits_fn edit;

static int
run(int argc, char **argv)
{
	struct options options = {.not_before = NULL};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	return edits_run(argv[1], &options.target, edit, &options);
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct command *self = &command_trust_set_clock;
	const struct argument known[] = {
	    {"not-before", required_argument, .text = &options->not_before},
	    {"remove", no_argument, .flag = &options->is_removal},
	    EDIT_ARGUMENTS(&options->target),
	};
	int status = arguments_read(self, known, countof(known), &argc, argv);

	if (status == ARGUMENTS_READ)
		status = edits_check(self, &options->target);
	if (status != ARGUMENTS_READ)
		return status;
	if ((options->not_before != NULL) == options->is_removal)
		return command_usage(self, "--not-before or --remove, and one");
	if (!options->is_removal &&
	    !utc_from_text(options->not_before, &options->seconds))
		return command_usage(self,
		    "--not-before: %s is not a time like 2026-11-23T16:00:00Z",
		    err_quote_str(options->not_before).text);
	return ARGUMENTS_READ;
}

static int
edit(struct trust_edit *policy, const void *given, struct err *err)
{
	const struct options *options = given;

	if (options->is_removal)
		return trust_edit_remove_clock(policy, err);
	return trust_edit_set_clock(policy, options->seconds, err);
}

const struct command command_trust_set_clock = {"trust", "set-clock",
    "(--not-before TIME | --remove) " EDIT_USAGE, "POLICY",
    "let a trust policy trust the system's clock, or none", run};
