#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/command.h"
#include "cli/domain/domain_words.h"
#include "cli/domain/one_domain.h"

enum { DEFAULT_SECONDS = 3000 }; /* within the hour of a call */

static json_t *make_request(const char *domain, const char *until,
    int64_t seconds);
static bool has_come(const char *until, const char *state);

static int
run(int argc, char **argv)
{
	const char *socket = ASSAY_DEFAULT_ADDRESS;
	const char *until = "shutdown";
	const char *timeout = NULL;
	int64_t seconds = DEFAULT_SECONDS;
	bool as_json = false;
	const struct argument known[] = {
	    {"until", required_argument, .text = &until},
	    {"timeout", required_argument, .text = &timeout},
	    {"socket", required_argument, .text = &socket},
	    {"json", no_argument, .flag = &as_json},
	};
	CLEANUP(json_freep) json_t *reply = NULL;
	const char *state;
	const char *reason = NULL;
	struct err err = {0};
	int status =
	    arguments_read(&command_wait, known, countof(known), &argc, argv);

	if (status == ARGUMENTS_READ)
		status = domain_words_check_operand(&command_wait, argv[1]);
	if (status != ARGUMENTS_READ)
		return status;
	if (strcmp(until, "running") != 0 && strcmp(until, "shutdown") != 0)
		return command_usage(&command_wait,
		    "--until is running or shutdown, not %s",
		    err_quote_str(until).text);
	if (timeout != NULL &&
	    !arguments_number(timeout, DEFAULT_SECONDS, &seconds))
		return command_usage(&command_wait,
		    "--timeout is a number of seconds, up to %d",
		    DEFAULT_SECONDS);
	if (client_call(socket, "WaitDomain",
		make_request(argv[1], until, seconds), &reply, &err) != 0)
		return command_failed(&err, as_json);
	state = json_string_value(json_object_get(reply, "state"));
	reason = json_string_value(json_object_get(reply, "reason"));
	if (state == NULL) {
		client_refuse_reply("the state", &err);
		return command_failed(&err, as_json);
	}
	status = has_come(until, state) ? EXIT_DONE : EXIT_REFUSED;
	if (as_json)
		command_print_json(take_ptr(&reply));
	else
		puts(reason != NULL ? reason : state);
	return status;
}

/* A domain that is gone is shut down too, and will not run. */
static bool
has_come(const char *until, const char *state)
{
	return strcmp(until, "running") != 0 || strcmp(state, until) == 0;
}

static json_t *
make_request(const char *domain, const char *until, int64_t seconds)
{
	CLEANUP(json_freep) json_t *request = one_domain_selector(domain);

	if (request == NULL ||
	    json_object_set_new(request, "until", json_string(until)) != 0 ||
	    json_object_set_new(request, "timeout_seconds",
		json_integer(seconds)) != 0)
		return NULL;
	return take_ptr(&request);
}

const struct command command_wait = {NULL, "wait",
    "[--until running|shutdown] [--timeout SECONDS] [--json] "
    "[--socket ADDRESS]",
    "DOMID|UUID|NAME", "wait until a domain is shut down, or runs", run};
