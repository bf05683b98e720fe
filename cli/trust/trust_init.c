#include <stdio.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/key_file.h"
#include "keys/sign/trust_write.h"

struct options {
	const char *role;
	int64_t threshold;
	struct argument_list key_paths;
	struct argument_list patterns;
	bool is_debug;
	const char *out;
};

static int read_options(int argc, char **argv, struct options *options);
static int make_policy(const struct options *options, struct err *err);

_Static_assert(LIMIT_TRUST_KEYS <= ARGUMENTS_LIST_ITEMS &&
		   LIMIT_ROLE_PATTERNS <= ARGUMENTS_LIST_ITEMS,
    "keys and patterns fit into a list");

static int
run(int argc, char **argv)
{
	struct options options = {.role = "prod", .threshold = 1};
	struct err err = {0};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	if (make_policy(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    {"role", required_argument, .text = &options->role},
	    {"threshold", required_argument, .number = &options->threshold,
		.min = 1, .max = LIMIT_TRUST_KEYS},
	    {"key", required_argument, .is_needed = true,
		.list = &options->key_paths, .max = LIMIT_TRUST_KEYS},
	    {"images", required_argument, .is_needed = true,
		.list = &options->patterns, .max = LIMIT_ROLE_PATTERNS},
	    {"debug", no_argument, .flag = &options->is_debug},
	    {"out", required_argument, .is_needed = true,
		.text = &options->out},
	};

	return arguments_read(&command_trust_init, known, countof(known), &argc,
	    argv);
}

static int
make_policy(const struct options *options, struct err *err)
{
	struct public_key *keys[LIMIT_TRUST_KEYS] = {NULL};
	CLEANUP(freep) char *text = NULL;
	struct trust_draft draft = {
	    .version = 1,
	    .role = options->role,
	    .threshold = options->threshold,
	    .keys = (const struct public_key *const *)keys,
	    .key_count = options->key_paths.count,
	    .patterns = options->patterns.items,
	    .pattern_count = options->patterns.count,
	    .is_debug = options->is_debug,
	};
	int code = 0;

	for (size_t i = 0; i < draft.key_count && code == 0; i++)
		code =
		    key_file_public(options->key_paths.items[i], &keys[i], err);
	if (code == 0)
		code = trust_encode_new(&draft, &text, err);
	if (code == 0)
		code = file_write(options->out, bytes_of_str(text), 0644,
		    FILE_REFUSE, err);
	for (size_t i = 0; i < draft.key_count; i++)
		public_key_freep(&keys[i]);
	return code;
}

const struct command command_trust_init = {"trust", "init",
    "[--role NAME] [--threshold N] [--debug] --key FILE... "
    "--images PATTERN... --out FILE",
    "", "make a trust policy of one role", run};
