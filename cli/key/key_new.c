#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "keys/sign/private_key.h"

struct options {
	const char *algorithm_name;
	enum algorithm algorithm;
	const char *out;
	const char *pub;
};

static int read_options(int argc, char **argv, struct options *options);
static int make_key(const struct options *options, struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.algorithm = ALGORITHM_ECDSA_P384_SHA384};
	struct err err = {0};
	int status = read_options(argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	if (make_key(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
read_options(int argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    {"alg", required_argument, .text = &options->algorithm_name},
	    {"out", required_argument, .is_needed = true,
		.text = &options->out},
	    {"pub", required_argument, .text = &options->pub},
	};
	const struct command *self = &command_key_new;
	int status = arguments_read(self, known, countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (options->algorithm_name != NULL &&
	    !algorithm_from_name(options->algorithm_name, &options->algorithm))
		return command_usage(self,
		    "--alg: %s is not ecdsa-p256-sha256, ecdsa-p384-sha384, "
		    "ed25519, rsa-pss-sha256, ml-dsa-65 or ml-dsa-87",
		    err_quote_str(options->algorithm_name).text);
	if (options->pub != NULL && strcmp(options->out, options->pub) == 0)
		return command_usage(self, "--out and --pub are the same file");
	return ARGUMENTS_READ;
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
	if (options->pub != NULL && file_write(options->pub, bytes_of_str(pem),
					0644, FILE_REFUSE, err) != 0) {
		unlink(options->out);
		return (int)err->code;
	}
	digest_hex(public_key_id(private_key_public(key)), id);
	printf("%s\n", id);
	return 0;
}

const struct command command_key_new = {"key", "new",
    "[--alg ALGORITHM] --out FILE [--pub FILE]", "",
    "make a signing key, and its public half", run};
