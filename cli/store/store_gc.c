#include <inttypes.h>

#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "image-store/pack/layout_gc.h"

static void tell(const char *name, uint64_t bytes);

static int
run(int argc, char **argv)
{
	bool is_dry_run = false;
	const struct argument known[] = {
	    {"dry-run", no_argument, .flag = &is_dry_run},
	};
	struct layout_garbage garbage;
	struct err err = {0};
	int status = arguments_read(&command_store_gc, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (layout_gc(argv[1], is_dry_run, tell, &garbage, &err) != 0)
		return command_failed(&err, false);
	printf("%s %zu files, %" PRIu64 " bytes\n",
	    is_dry_run ? "would remove" : "removed", garbage.count,
	    garbage.bytes);
	return EXIT_DONE;
}

static void
tell(const char *name, uint64_t bytes)
{
	printf("%s %" PRIu64 "\n", name, bytes);
}

const struct command command_store_gc = {"store", "gc", "[--dry-run]", "STORE",
    "remove the files of a store that nothing needs", run};
