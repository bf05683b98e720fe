#include <getopt.h>
#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/client.h"
#include "cli/command.h"

static void show(json_t *status);

static int
run(int argc, char **argv)
{
	static const struct option known[] = {
	    {"socket", required_argument, NULL, 's'},
	    {"json", no_argument, NULL, 'j'},
	    {NULL, 0, NULL, 0},
	};
	CLEANUP(json_freep) json_t *reply = NULL;
	const char *socket = CLIENT_DEFAULT_SOCKET;
	struct err err = {0};
	bool as_json = false;
	int option;

	while ((option = getopt_long(argc, argv, "s:j", known, NULL)) != -1) {
		if (option == 's')
			socket = optarg;
		else if (option == 'j')
			as_json = true;
		else
			return command_usage(&command_status, "bad option");
	}
	if (optind != argc)
		return command_usage(&command_status, "no argument is needed");
	if (client_call(socket, "GetStatus", NULL, &reply, &err) != 0)
		return command_failed(&err, as_json);
	if (as_json)
		return command_print_json(take_ptr(&reply));
	show(reply);
	return EXIT_DONE;
}

static void
show(json_t *status)
{
	const char *member;
	json_t *value;

	json_object_foreach (status, member, value) {
		if (json_is_string(value))
			printf("%-15s %s\n", member, json_string_value(value));
		else
			printf("%-15s %lld\n", member,
			    (long long)json_integer_value(value));
	}
}

const struct command command_status = {NULL, "status",
    "[--json] [--socket PATH]", "show what assayd does", run};
