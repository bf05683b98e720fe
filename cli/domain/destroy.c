#include "cli/domain/one_domain.h"

static int
run(int argc, char **argv)
{
	return one_domain_run(&command_destroy, "DestroyDomain", argc, argv);
}

const struct command command_destroy = {NULL, "destroy",
    "[--json] [--socket ADDRESS]", "DOMID|UUID|NAME",
    "destroy a domain that assayd built", run};
