#include "cli/domain/one_domain.h"

static int
run(int argc, char **argv)
{
	return one_domain_run(&command_unpause, "UnpauseDomain", argc, argv);
}

const struct command command_unpause = {NULL, "unpause",
    "[--json] [--socket ADDRESS]", "DOMID|UUID|NAME", "let a paused domain run",
    run};
