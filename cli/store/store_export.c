#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "image-store/pack/archive.h"
#include "image-store/layout.h"

static int export_store(const char *path, const struct argument_list *images,
    const char *out, struct err *err);

static int
run(int argc, char **argv)
{
	struct argument_list images = {.count = 0};
	const char *out = NULL;
	const struct argument known[] = {
	    {"image", required_argument, .list = &images,
		.max = ARGUMENTS_LIST_ITEMS},
	    {"out", required_argument, .is_needed = true, .text = &out},
	};
	struct err err = {0};
	int status = arguments_read(&command_store_export, known,
	    countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (export_store(argv[1], &images, out, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
export_store(const char *path, const struct argument_list *images,
    const char *out, struct err *err)
{
	const struct transfer_wanted wanted = {images->items, images->count};
	CLEANUP(transfer_done) struct transfer transfer = {0};
	CLEANUP(closep) int store_fd = -1;

	TRY(layout_open(path, &store_fd, err));
	TRY(transfer_plan(store_fd, &wanted, &transfer, err));
	return archive_write(store_fd, &transfer, out, err);
}

const struct command command_store_export = {"store", "export",
    "[--image IMAGE...] --out FILE", "STORE",
    "write a store, or images of it, as an OCI archive", run};
