#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "cli/command.h"
#include "keys/private_key.h"

struct options {
	enum algorithm algorithm;
	const char *out;
	const char *pub;
};

static int make_key(const struct options *options, struct err *err);

static int
run(int argc, char **argv)
{
	static const struct option known[] = {
	    {"alg", required_argument, NULL, 'a'},
	    {"out", required_argument, NULL, 'o'},
	    {"pub", required_argument, NULL, 'p'},
	    {NULL, 0, NULL, 0},
	};
	struct options options = {.algorithm = ALGORITHM_ECDSA_P384_SHA384};
	struct err err = {0};
	int option;

	while ((option = getopt_long(argc, argv, "a:o:p:", known, NULL)) !=
	    -1) {
		switch (option) {
		case 'a':
			if (!algorithm_from_name(optarg, &options.algorithm))
				return command_usage(&command_key_new,
				    "no such algorithm: %s", optarg);
			break;
		case 'o':
			options.out = optarg;
			break;
		case 'p':
			options.pub = optarg;
			break;
		default:
			return command_usage(&command_key_new, "bad option");
		}
	}
	if (options.out == NULL || optind != argc)
		return command_usage(&command_key_new, "--out is needed");
	if (make_key(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

/* Both files or neither. */
static int
make_key(const struct options *options, struct err *err)
{
	CLEANUP(private_key_freep) struct private_key *key = NULL;
	CLEANUP(freep) char *pem = NULL;
	char id[DIGEST_HEX_SIZE];

	TRY(private_key_generate(options->algorithm, &key, err));
	TRY(public_key_to_pem(private_key_public(key), &pem, err));
	TRY(private_key_save(key, options->out, err));
	if (options->pub != NULL &&
	    file_write(options->pub, bytes_of_str(pem), 0644, FILE_REFUSE,
	        err) != 0) {
		unlink(options->out);
		return (int)err->code;
	}
	digest_hex(public_key_id(private_key_public(key)), id);
	printf("%s\n", id);
	return 0;
}

const struct command command_key_new = {
    "key", "new", "[--alg ALGORITHM] --out FILE [--pub FILE]",
    "make a signing key, and its public half", run};
