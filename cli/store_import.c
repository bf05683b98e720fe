#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/hold.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "image-store/archive.h"
#include "image-store/layout.h"

struct options {
	struct argument_list images;
	const char *store_path;
	const char *source_path;
	bool replace;
};

static int import(const struct options *options, struct err *err);
static int import_archive(const struct options *options, struct err *err);
static int unpack(const struct options *options, const char *dir,
    int *ret_dir_fd, struct err *err);
static int import_from(int source_fd, const struct options *options,
    struct err *err);
static void remove_treep(char **dir);
static int remove_one(const char *path, const struct stat *st, int type,
    struct FTW *ftw);

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

/* By way of a directory beside the store, which never stays. */
static int
import_archive(const struct options *options, struct err *err)
{
	CLEANUP(hold_end) struct hold hold = hold_begin();
	CLEANUP(remove_treep) char *dir = NULL;
	CLEANUP(closep) int dir_fd = -1;

	if (asprintf(&dir, "%s.import.XXXXXX", options->store_path) < 0) {
		dir = NULL;
		return err_set(err, NO_MEMORY, "path");
	}
	if (mkdtemp(dir) == NULL) {
		err_set_errno(err, STORE_IO, "%s", err_quote_str(dir).text);
		freep(&dir);
		return (int)err->code;
	}
	TRY(unpack(options, dir, &dir_fd, err));
	if (layout_check(dir_fd, err) != 0)
		return err_prefix(err, "%s",
		    err_quote_str(options->source_path).text);
	return import_from(dir_fd, options, err);
}

static int
unpack(const struct options *options, const char *dir, int *ret_dir_fd,
    struct err *err)
{
	CLEANUP(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || mkdirat(fd, "blobs", 0700) != 0 ||
	    mkdirat(fd, LAYOUT_BLOB_DIR, 0700) != 0)
		return err_set_errno(err, STORE_IO, "%s",
		    err_quote_str(dir).text);
	TRY(archive_unpack(options->source_path, fd, err));
	*ret_dir_fd = take_fd(&fd);
	return 0;
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

static void
remove_treep(char **dir)
{
	if (*dir != NULL)
		nftw(*dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	freep(dir);
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

const struct command command_store_import = {"store", "import",
    "[--image IMAGE...] [--replace]", "STORE SOURCE",
    "add the images of another store or OCI archive", run};
