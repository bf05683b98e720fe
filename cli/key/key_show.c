#include <stdio.h>

#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/key_file.h"

static int show(const struct public_key *key, bool as_json);

static int
run(int argc, char **argv)
{
	bool as_json = false;
	const struct argument known[] = {
	    {"json", no_argument, .flag = &as_json},
	};
	CLEANUP(public_key_freep) struct public_key *key = NULL;
	struct err err = {0};
	int status = arguments_read(&command_key_show, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (key_file_any(argv[1], &key, &err) != 0)
		return command_failed(&err, as_json);
	return show(key, as_json);
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

const struct command command_key_show = {"key", "show", "[--json]", "FILE",
    "show a key's id, algorithm and public half", run};
