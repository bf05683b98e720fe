#include <sys/stat.h>

#include "base/signal_guard.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "image-store/pack/archive_dir.h"
#include "image-store/layout.h"
#include "image-store/pack/transfer.h"

struct options {
	struct argument_list images;
	const char *store_path;
	const char *source_path;
	bool replace;
};

static int import(const struct options *options, struct err *err);
static int import_archive(const struct options *options, struct err *err);
static int import_from(int source_fd, const struct options *options,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.replace = false};
	const struct argument known[] = {
	    {"image", required_argument, .list = &options.images,
		.max = ARGUMENTS_LIST_ITEMS},
	    {"replace", no_argument, .flag = &options.replace},
	};
	struct err err = {0};
	int status = arguments_read(&command_store_import, known,
	    countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	options.store_path = argv[1];
	options.source_path = argv[2];
	if (import(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
import(const struct options *options, struct err *err)
{
	CLEANUP(closep) int source_fd = -1;
	struct stat st;

	if (stat(options->source_path, &st) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(options->source_path).text);
	if (!S_ISDIR(st.st_mode))
		return import_archive(options, err);
	TRY(layout_open(options->source_path, &source_fd, err));
	return import_from(source_fd, options, err);
}

static int
import_archive(const struct options *options, struct err *err)
{
	CLEANUP(signal_guard_end)
	struct signal_guard guard = signal_guard_begin();
	CLEANUP(archive_dir_done) struct archive_dir dir = ARCHIVE_DIR_NONE;

	TRY(archive_dir_unpack(&dir, options->store_path, options->source_path,
	    err));
	return import_from(dir.fd, options, err);
}

static int
import_from(int source_fd, const struct options *options, struct err *err)
{
	const struct transfer_wanted wanted = {options->images.items,
	    options->images.count};
	CLEANUP(transfer_done) struct transfer transfer = {0};

	if (transfer_plan(source_fd, &wanted, &transfer, err) != 0)
		return err_prefix(err, "%s",
		    err_quote_str(options->source_path).text);
	return transfer_to_store(source_fd, &transfer, options->store_path,
	    options->replace, err);
}

const struct command command_store_import = {"store", "import",
    "[--image IMAGE...] [--replace]", "STORE SOURCE",
    "add the images of another store or OCI archive", run};
