#include "base/scope.h"
#include "base/utc.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/signing.h"
#include "image-store/layout_write.h"
#include "image-store/layout.h"
#include "image-store/store_index_write.h"
#include "keys/dsse.h"

struct options {
	const char *store_path;
	const char *expires_text;
	int64_t epoch;
	int64_t expires;
	struct signing signing;
};

static int index_store(const struct options *options, struct err *err);
static int sign(const struct options *options, struct bytes payload,
    struct err *err);

static int
run(int argc, char **argv)
{
	struct options options = {.expires = UTC_NONE};
	const struct argument known[] = {
	    {"epoch", required_argument, .is_needed = true,
		.number = &options.epoch, .min = 1, .max = INT64_MAX},
	    {"expires", required_argument, .text = &options.expires_text},
	    SIGNING_ARGUMENTS(&options.signing),
	};
	struct err err = {0};
	int status = arguments_read(&command_store_index, known, countof(known),
	    &argc, argv);

	if (status == ARGUMENTS_READ)
		status = signing_check(&command_store_index, &options.signing);
	if (status != ARGUMENTS_READ)
		return status;
	if (options.expires_text != NULL &&
	    !utc_from_text(options.expires_text, &options.expires))
		return command_usage(&command_store_index,
		    "--expires: %s is not a time like 2026-11-23T16:00:00Z",
		    err_quote_str(options.expires_text).text);
	options.store_path = argv[1];
	if (index_store(&options, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

/* The same store, epoch and end give the same payload: signers add up. */
static int
index_store(const struct options *options, struct err *err)
{
	CLEANUP(freep) char *payload = NULL;
	CLEANUP(closep) int store_fd = -1;

	TRY(layout_open(options->store_path, &store_fd, err));
	TRY(store_index_encode(store_fd, options->epoch, options->expires,
	    &payload, err));
	if (options->signing.pae_only)
		return signing_run(&options->signing,
		    DSSE_STORE_INDEX_PAYLOAD_TYPE, bytes_of_str(payload), "",
		    err);
	return sign(options, bytes_of_str(payload), err);
}

/* The store is locked throughout: of two signers at once neither is lost. */
static int
sign(const struct options *options, struct bytes payload, struct err *err)
{
	CLEANUP(closep) int dir_fd = -1; /* holds the lock */
	CLEANUP(freep) char *text = NULL;
	size_t old_len;

	TRY(layout_lock(options->store_path, &dir_fd, err));
	TRY(store_index_read_old(dir_fd, payload, &text, &old_len, err));
	TRY(signing_add(&options->signing, DSSE_STORE_INDEX_PAYLOAD_TYPE,
	    payload, &text, err));
	if (store_index_put_locked(dir_fd, bytes_of_str(text), err) != 0)
		return err_prefix(err, "%s",
		    err_quote_str(options->store_path).text);
	return 0;
}

const struct command command_store_index = {"store", "index",
    "--epoch N [--expires TIME] " SIGNING_USAGE, "STORE",
    "sign what a store holds, or add signatures", run};
