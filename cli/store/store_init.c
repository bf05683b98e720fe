#include "cli/arguments.h"
#include "cli/command.h"
#include "image-store/pack/layout_write.h"

static int
run(int argc, char **argv)
{
	struct err err = {0};
	int status = arguments_read(&command_store_init, NULL, 0, &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (layout_init(argv[1], &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

const struct command command_store_init = {"store", "init", "", "STORE",
    "make an empty store", run};
