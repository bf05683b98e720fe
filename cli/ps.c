#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/client.h"
#include "cli/command.h"

static int show_all(json_t *domains, struct err *err);
static int show(json_t *domain, struct err *err);

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
	    arguments_read(&command_ps, known, countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (client_call(socket, "ListDomains", json_object(), &reply, &err) !=
	    0)
		return command_failed(&err, as_json);
	if (as_json)
		return command_print_json(take_ptr(&reply));
	if (show_all(json_object_get(reply, "domains"), &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
show_all(json_t *domains, struct err *err)
{
	json_t *domain;
	size_t i;

	if (!json_is_array(domains))
		return client_refuse_reply("domains", err);
	printf("%5s %-24s %-24s %-12s %7s %5s %s\n", "DOMID", "NAME", "IMAGE",
	    "VERSION", "MIB", "VCPUS", "STATE");
	json_array_foreach(domains, i, domain) TRY(show(domain, err));
	return 0;
}

static int
show(json_t *domain, struct err *err)
{
	const char *name;
	const char *image;
	const char *version;
	int domid;
	int memory_mib;
	int vcpus;
	int paused;
	int dying;
	int shutdown;
	const char *state;

	if (json_unpack(domain,
		"{s:{s:i, s:s, s:s, s:s, s:i, s:i}, s:b, s:b, s:b}", "receipt",
		"domid", &domid, "name", &name, "image", &image, "version",
		&version, "memory_mib", &memory_mib, "vcpus", &vcpus, "paused",
		&paused, "dying", &dying, "shutdown", &shutdown) != 0)
		return client_refuse_reply("a member of a domain", err);
	state = "running";
	if (dying)
		state = "dying";
	else if (shutdown)
		state = "shutdown";
	else if (paused)
		state = "paused";
	printf("%5d %-24s %-24s %-12s %7d %5d %s\n", domid, name, image,
	    version, memory_mib, vcpus, state);
	return 0;
}

const struct command command_ps = {NULL, "ps", "[--json] [--socket PATH]", "",
    "list the domains that assayd built", run};
