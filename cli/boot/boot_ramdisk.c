#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/files.h"
#include "measure/predict/ramdisk_write.h"

struct options {
	const char *list;
	struct argument_list bases;
	const char *out;
	bool replace;
	uint32_t mtime;
};

static int read_options(int *argc, char **argv, struct options *options);
static int read_time(uint32_t *ret_time);
static int write_ramdisk(const struct options *options, char **specs,
    struct err *err);
static int add_bases(const struct options *options, struct cpio *cpio,
    struct err *err);
static int add_list(const char *path, struct ramdisk_list *list,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.list = NULL};
	struct err err = {0};
	int status = read_options(&argc, argv, &options);

	if (status != ARGUMENTS_READ)
		return status;
	if (write_ramdisk(&options, argv + 1, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
read_options(int *argc, char **argv, struct options *options)
{
	const struct argument known[] = {
	    {"list", required_argument, .text = &options->list},
	    {"base", required_argument, .list = &options->bases, .max = 16},
	    {"replace", no_argument, .flag = &options->replace},
	    {"out", required_argument, .is_needed = true,
		.text = &options->out},
	};
	int status = arguments_read(&command_boot_ramdisk, known,
	    countof(known), argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (*argc == 1 && options->list == NULL && options->bases.count == 0)
		return command_usage(&command_boot_ramdisk,
		    "nothing to put into the ramdisk");
	return read_time(&options->mtime);
}

/* reproducible-builds.org, "SOURCE_DATE_EPOCH". */
static int
read_time(uint32_t *ret_time)
{
	const char *text = getenv("SOURCE_DATE_EPOCH");
	int64_t seconds = 0;

	if (text != NULL && !arguments_number(text, UINT32_MAX, &seconds))
		return command_usage(&command_boot_ramdisk,
		    "SOURCE_DATE_EPOCH: %s is not a number up to %u",
		    err_quote_str(text).text, UINT32_MAX);
	*ret_time = (uint32_t)seconds;
	return ARGUMENTS_READ;
}

static int
write_ramdisk(const struct options *options, char **specs, struct err *err)
{
	CLEANUP(ramdisk_list_freep) struct ramdisk_list *list = NULL;
	CLEANUP(cpio_done)
	struct cpio cpio = {
	    .max_bytes = LIMIT_RAMDISK_BYTES,
	    .mtime = options->mtime,
	};

	TRY(ramdisk_list_new(&list, err));
	for (; *specs != NULL; specs++)
		TRY(ramdisk_list_add(list, *specs, err));
	TRY(add_list(options->list, list, err));
	TRY(add_bases(options, &cpio, err));
	TRY(ramdisk_list_write(list, &cpio, err));
	return file_write(options->out, bytes_of(cpio.data, cpio.len), 0644,
	    options->replace ? FILE_REPLACE : FILE_REFUSE, err);
}

static int
add_list(const char *path, struct ramdisk_list *list, struct err *err)
{
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (path == NULL)
		return 0;
	TRY(file_read(path, LIMIT_RAMDISK_LIST_BYTES, &text, &len, err));
	if (ramdisk_list_add_lines(list, bytes_of(text, len), err) != 0)
		return err_prefix(err, "%s", err_quote_str(path).text);
	return 0;
}

static int
add_bases(const struct options *options, struct cpio *cpio, struct err *err)
{
	for (size_t i = 0; i < options->bases.count; i++) {
		const char *path = options->bases.items[i];
		CLEANUP(sealed_freep) struct sealed *base = NULL;

		TRY(files_sealed(path, LIMIT_RAMDISK_BYTES, &base, err));
		if (cpio_check(sealed_bytes(base), err) != 0)
			return err_prefix(err, "%s", err_quote_str(path).text);
		TRY(cpio_add_archive(cpio, sealed_bytes(base), err));
	}
	return 0;
}

const struct command command_boot_ramdisk = {"boot", "ramdisk",
    "[--base FILE]... [--list FILE] [--replace] --out FILE",
    "[HOST:GUEST[:MODE]]...", "make a ramdisk of files, reproducibly", run};
