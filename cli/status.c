#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/command.h"

static void show(json_t *status);

static int
run(int argc, char **argv)
{
	const char *socket = CLIENT_DEFAULT_SOCKET;
	bool as_json = false;
	const struct argument known[] = {
	    {"socket", required_argument, .text = &socket},
	    {"json", no_argument, .flag = &as_json},
	};
	CLEANUP(json_freep) json_t *reply = NULL;
	struct err err = {0};
	int status =
	    arguments_read(&command_status, known, countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (client_call(socket, "GetStatus", json_object(), &reply, &err) != 0)
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

	json_object_foreach(status, member, value)
	{
		if (json_is_string(value))
			printf("%-15s %s\n", member, json_string_value(value));
		else
			printf("%-15s %lld\n", member,
			    (long long)json_integer_value(value));
	}
}

const struct command command_status = {NULL, "status",
    "[--json] [--socket PATH]", "", "show what assayd does", run};
