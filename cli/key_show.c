#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/command.h"
#include "keys/private_key.h"

static int load_public(const char *path, struct public_key **ret_key,
    struct err *err);
static int show(const struct public_key *key, bool as_json);

static int
run(int argc, char **argv)
{
	static const struct option known[] = {
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	CLEANUP(public_key_freep) struct public_key *key = NULL;
	struct err err = {0};
	bool as_json = false;
	int option;

	while ((option = getopt_long(argc, argv, "j", known, NULL)) != -1) {
		if (option != 'j')
			return command_usage(&command_key_show, "bad option");
		as_json = true;
	}
	if (optind + 1 != argc)
		return command_usage(&command_key_show, "one file is needed");
	if (load_public(argv[optind], &key, &err) != 0)
		return command_failed(&err, as_json);
	return show(key, as_json);
}

/* A public key, or the public half of a private one. */
static int
load_public(const char *path, struct public_key **ret_key, struct err *err)
{
	CLEANUP(private_key_freep) struct private_key *private = NULL;
	CLEANUP(freep) char *text = NULL;
	CLEANUP(freep) char *pem = NULL;
	size_t len;

	TRY(file_read(path, LIMIT_PEM_BYTES, &text, &len, err));
	if (strstr(text, "PRIVATE KEY-----") == NULL)
		return public_key_from_pem(bytes_of(text, len), ret_key, err);
	explicit_bzero(text, len);
	TRY(private_key_load(path, &private, err));
	TRY(public_key_to_pem(private_key_public(private), &pem, err));
	return public_key_from_pem(bytes_of_str(pem), ret_key, err);
}

static int
show(const struct public_key *key, bool as_json)
{
	const char *name = algorithm_name(public_key_algorithm(key));
	CLEANUP(freep) char *pem = NULL;
	char id[DIGEST_HEX_SIZE];
	struct err err = {0};

	digest_hex(public_key_id(key), id);
	if (public_key_to_pem(key, &pem, &err) != 0)
		return command_failed(&err, as_json);
	if (as_json)
		return command_print_json(json_pack("{s:s, s:s, s:s}", "keyid",
		    id, "alg", name, "pem", pem));
	printf("keyid %s\nalg   %s\n%s", id, name, pem);
	return EXIT_DONE;
}

const struct command command_key_show = {"key", "show", "[--json] FILE",
    "show a key's id, algorithm and public half", run};
