#include <stdio.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/store/store_row.h"
#include "image-store/layout.h"
#include "image-store/pack/transfer.h"

static int list(const char *path, bool as_json, struct err *err);
static int list_files(const char *path, const char *guest_dir, struct err *err);

static int
run(int argc, char **argv)
{
	bool as_json = false;
	const char *guest_dir = NULL;
	const struct argument known[] = {
	    {"files", required_argument, .text = &guest_dir},
	    {"json", no_argument, .flag = &as_json},
	};
	struct err err = {0};
	int status = arguments_read(&command_store_ls, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (guest_dir != NULL && as_json)
		return command_usage(&command_store_ls,
		    "--files and --json do not go together");
	if (guest_dir != NULL ? list_files(argv[1], guest_dir, &err) != 0
			      : list(argv[1], as_json, &err) != 0)
		return command_failed(&err, as_json);
	return EXIT_DONE;
}

/* What the index and the envelopes claim; `store verify` checks it. */
static int
list(const char *path, bool as_json, struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list entries = {0};
	CLEANUP(json_freep) json_t *rows = json_array();
	CLEANUP(closep) int store_fd = -1;

	TRY(layout_open_list(path, &store_fd, &entries, err));
	for (size_t i = 0; i < entries.count; i++) {
		const struct layout_entry *entry = &entries.entries[i];
		json_t *row = store_row_new(store_fd, entry);
		const char *payload =
		    json_string_value(json_object_get(row, "payload_digest"));

		if (!as_json)
			printf("%-24s %-16s %s\n", entry->claimed_name,
			    entry->claimed_version,
			    payload != NULL ? payload : "-");
		json_array_append_new(rows, row);
	}
	if (as_json)
		command_print_json(json_pack("{s:O}", "images", rows));
	return 0;
}

/* Those that the images need, for `boot ramdisk --list`. */
static int
list_files(const char *path, const char *guest_dir, struct err *err)
{
	static const struct transfer_wanted all;
	static const char *const names[] = {LAYOUT_FILE, LAYOUT_INDEX_FILE};
	CLEANUP(transfer_done) struct transfer transfer = {0};
	CLEANUP(closep) int store_fd = -1;

	TRY(layout_open(path, &store_fd, err));
	TRY(transfer_plan(store_fd, &all, &transfer, err));
	for (size_t i = 0; i < countof(names); i++)
		printf("%s/%s:%s/%s\n", path, names[i], guest_dir, names[i]);
	for (size_t i = 0; i < transfer.count; i++) {
		char blob[LAYOUT_BLOB_PATH_SIZE];

		layout_blob_path(&transfer.blobs[i].digest, blob);
		printf("%s/%s:%s/%s\n", path, blob, guest_dir, blob);
	}
	return 0;
}

const struct command command_store_ls = {"store", "ls",
    "[--json] [--files DIR]", "STORE",
    "list what a store's index claims, unverified", run};
