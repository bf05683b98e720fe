#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "image-store/layout_write.h"

static int
run(int argc, char **argv)
{
	bool replace = false;
	const struct argument known[] = {
	    {"replace", no_argument, .flag = &replace},
	};
	struct err err = {0};
	int status = arguments_read(&command_store_add, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	for (int i = 2; i < argc; i++) {
		if (layout_add(argv[1], argv[i], replace, &err) != 0)
			return command_failed(&err, false);
	}
	return EXIT_DONE;
}

const struct command command_store_add = {"store", "add", "[--replace]",
    "STORE DIR...", "add signed images to a store", run};
