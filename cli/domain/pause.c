#include "cli/domain/one_domain.h"

static int
run(int argc, char **argv)
{
	return one_domain_run(&command_pause, "PauseDomain", argc, argv);
}

const struct command command_pause = {NULL, "pause",
    "[--json] [--socket ADDRESS]", "DOMID|UUID|NAME",
    "pause a domain that assayd built", run};
