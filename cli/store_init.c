#include "cli/command.h"
#include "image-store/layout_write.h"

static int
run(int argc, char **argv)
{
	struct err err = {0};

	if (argc != 2 || argv[1][0] == '-')
		return command_usage(&command_store_init,
		    "one directory is needed");
	if (layout_init(argv[1], &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

const struct command command_store_init = {"store", "init", "STORE",
    "make an empty store", run};
