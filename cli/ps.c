#include <getopt.h>
#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/client.h"
#include "cli/command.h"

static void show(json_t *domain);

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
	json_t *domain;
	size_t i;
	int option;

	while ((option = getopt_long(argc, argv, "s:j", known, NULL)) != -1) {
		if (option == 's')
			socket = optarg;
		else if (option == 'j')
			as_json = true;
		else
			return command_usage(&command_ps, "bad option");
	}
	if (optind != argc)
		return command_usage(&command_ps, "no argument is needed");
	if (client_call(socket, "ListDomains", NULL, &reply, &err) != 0)
		return command_failed(&err, as_json);
	if (as_json)
		return command_print_json(take_ptr(&reply));
	printf("%5s %-24s %-24s %-12s %7s %5s %s\n", "DOMID", "NAME", "IMAGE",
	    "VERSION", "MIB", "VCPUS", "STATE");
	json_array_foreach (json_object_get(reply, "domains"), i, domain)
		show(domain);
	return EXIT_DONE;
}

static void
show(json_t *domain)
{
	const char *name = "?";
	const char *image = "?";
	const char *version = "?";
	int domid = -1;
	int memory_mib = 0;
	int vcpus = 0;
	int paused = 0;
	int dying = 0;
	int shutdown = 0;
	const char *state;

	json_unpack(domain,
	    "{s:{s:i, s:s, s:s, s:s, s:i, s:i}, s:b, s:b, s:b}", "receipt",
	    "domid", &domid, "name", &name, "image", &image, "version",
	    &version, "memory_mib", &memory_mib, "vcpus", &vcpus, "paused",
	    &paused, "dying", &dying, "shutdown", &shutdown);
	state = dying ? "dying" : shutdown ? "shutdown" : paused ? "paused"
	                                                         : "running";
	printf("%5d %-24s %-24s %-12s %7d %5d %s\n", domid, name, image,
	    version, memory_mib, vcpus, state);
}

const struct command command_ps = {NULL, "ps", "[--json] [--socket PATH]",
    "list the domains that assayd built", run};
