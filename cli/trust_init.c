#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/command.h"
#include "cli/files.h"
#include "keys/trust_write.h"

struct options {
	const char *role;
	int64_t threshold;
	const char *key_paths[LIMIT_TRUST_KEYS];
	size_t key_count;
	const char *patterns[LIMIT_ROLE_PATTERNS];
	size_t pattern_count;
	bool is_debug;
	const char *out;
};

static int parse(int argc, char **argv, struct options *ret_options);
static int make_policy(const struct options *options, struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.role = "prod", .threshold = 1};
	struct err err = {0};
	int code = parse(argc, argv, &options);

	if (code != EXIT_DONE)
		return code;
	if (make_policy(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
parse(int argc, char **argv, struct options *ret_options)
{
	static const struct option known[] = {
	    {"role", required_argument, NULL, 'r'},
	    {"threshold", required_argument, NULL, 't'},
	    {"key", required_argument, NULL, 'k'},
	    {"images", required_argument, NULL, 'i'},
	    {"debug", no_argument, NULL, 'd'},
	    {"out", required_argument, NULL, 'o'},
	    {NULL, 0, NULL, 0},
	};
	const struct command *self = &command_trust_init;
	int option;

	while ((option = getopt_long(argc, argv, "r:t:k:i:do:", known, NULL)) !=
	    -1) {
		switch (option) {
		case 'r':
			ret_options->role = optarg;
			break;
		case 't':
			if (!command_parse_number(optarg, LIMIT_TRUST_KEYS,
			        &ret_options->threshold))
				return command_usage(self, "not a threshold: %s",
				    optarg);
			break;
		case 'k':
			if (ret_options->key_count == LIMIT_TRUST_KEYS)
				return command_usage(self, "too many keys");
			ret_options->key_paths[ret_options->key_count++] =
			    optarg;
			break;
		case 'i':
			if (ret_options->pattern_count == LIMIT_ROLE_PATTERNS)
				return command_usage(self, "too many patterns");
			ret_options->patterns[ret_options->pattern_count++] =
			    optarg;
			break;
		case 'd':
			ret_options->is_debug = true;
			break;
		case 'o':
			ret_options->out = optarg;
			break;
		default:
			return command_usage(self, "bad option");
		}
	}
	if (optind != argc || ret_options->out == NULL ||
	    ret_options->key_count == 0 || ret_options->pattern_count == 0)
		return command_usage(self, "--key, --images and --out are "
		                           "needed");
	return EXIT_DONE;
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
	    .key_count = options->key_count,
	    .patterns = options->patterns,
	    .pattern_count = options->pattern_count,
	    .is_debug = options->is_debug,
	};
	int code = 0;

	for (size_t i = 0; i < options->key_count && code == 0; i++)
		code = files_public_key(options->key_paths[i], &keys[i], err);
	if (code == 0)
		code = trust_encode_new(&draft, &text, err);
	if (code == 0)
		code = file_write(options->out, bytes_of_str(text), 0644,
		    FILE_REFUSE, err);
	for (size_t i = 0; i < options->key_count; i++)
		public_key_freep(&keys[i]);
	return code;
}

const struct command command_trust_init = {
    "trust", "init",
    "[--role NAME] [--threshold N] [--debug] --key FILE... --images "
    "PATTERN... --out FILE",
    "make a trust policy of one role", run};
