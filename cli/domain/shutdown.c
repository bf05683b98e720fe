#include "cli/domain/one_domain.h"

static int
run(int argc, char **argv)
{
	return one_domain_run(&command_shutdown, "ShutdownDomain", argc, argv);
}

const struct command command_shutdown = {NULL, "shutdown",
    "[--json] [--socket ADDRESS]", "DOMID|UUID|NAME",
    "ask a guest to shut down", run};
