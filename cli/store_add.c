#include <getopt.h>
#include <stddef.h>

#include "cli/command.h"
#include "image-store/layout_write.h"

static int
run(int argc, char **argv)
{
	static const struct option known[] = {
	    {"replace", no_argument, NULL, 'r'},
	    {NULL, 0, NULL, 0},
	};
	struct err err = {0};
	bool replace = false;
	int option;

	while ((option = getopt_long(argc, argv, "r", known, NULL)) != -1) {
		if (option != 'r')
			return command_usage(&command_store_add, "bad option");
		replace = true;
	}
	if (argc - optind < 2)
		return command_usage(&command_store_add,
		    "a store and an image directory are needed");
	for (int i = optind + 1; i < argc; i++) {
		if (layout_add(argv[optind], argv[i], replace, &err) != 0)
			return command_failed(&err, false);
	}
	return EXIT_DONE;
}

const struct command command_store_add = {"store", "add",
    "[--replace] STORE DIR...", "add signed images to a store", run};
