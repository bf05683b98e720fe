#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/command.h"

static void show(const char *prefix, json_t *status);
static void show_pending(json_t *pending);
static const char *text_of(json_t *row, const char *member);
static long long number_of(json_t *row, const char *member);
static void show_value(const char *name, json_t *value);

static int
run(int argc, char **argv)
{
	const char *socket = ASSAY_DEFAULT_ADDRESS;
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
	if (!json_is_string(json_object_get(reply, "version"))) {
		client_refuse_reply("the version", &err);
		return command_failed(&err, as_json);
	}
	if (as_json)
		return command_print_json(take_ptr(&reply));
	show("", reply);
	show("platform ", json_object_get(reply, "platform"));
	show_pending(json_object_get(reply, "pending"));
	return EXIT_DONE;
}

static void
show(const char *prefix, json_t *status)
{
	const char *member;
	json_t *value;

	json_object_foreach(status, member, value)
	{
		char name[96];

		snprintf(name, sizeof(name), "%s%s", prefix,
		    err_quote_str(member).text);
		if (!json_is_object(value) && !json_is_array(value))
			show_value(name, value);
	}
}

/* Domains that have to go and have not: one line each. */
static void
show_pending(json_t *pending)
{
	json_t *row;
	size_t i;

	json_array_foreach(pending, i, row)
	{
		long long tries = number_of(row, "tries");

		printf("pending d%lld %s: %s", number_of(row, "domid"),
		    text_of(row, "uuid"),
		    json_is_true(json_object_get(row, "gone"))
			? "gone but not on record"
			: "not removed");
		if (tries == 0)
			puts(", not tried yet");
		else
			printf(" after %lld tries, again in %lld seconds: %s: "
			       "%s\n",
			    tries, number_of(row, "again_in_seconds"),
			    text_of(row, "failed"), text_of(row, "detail"));
	}
}

static const char *
text_of(json_t *row, const char *member)
{
	const char *text = json_string_value(json_object_get(row, member));

	return text != NULL ? text : "-";
}

static long long
number_of(json_t *row, const char *member)
{
	return (long long)json_integer_value(json_object_get(row, member));
}

static void
show_value(const char *name, json_t *value)
{
	if (json_is_string(value))
		printf("%-20s %s\n", name, json_string_value(value));
	else if (json_is_boolean(value))
		printf("%-20s %s\n", name, json_is_true(value) ? "yes" : "no");
	else
		printf("%-20s %lld\n", name,
		    (long long)json_integer_value(value));
}

const struct command command_status = {NULL, "status",
    "[--json] [--socket ADDRESS]", "", "show what assayd does", run};
