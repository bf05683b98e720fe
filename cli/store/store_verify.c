#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/scope.h"
#include "base/utc.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/store/store_check.h"
#include "cli/store_manifest.h"
#include "cli/store/store_row.h"
#include "keys/trust_chain.h"

struct options {
	const char *trust_path;
	const char *updates_path;
	const char *store_path;
	int64_t min_epoch;
	bool as_json;
};

static int verify_store(const struct options *options, struct err *ret_worst,
    struct err *err);
static void show_progress(size_t done, size_t count);
static void find_worst(const struct store_check *check,
    const struct err *why_no_index, struct err *ret_worst);
static bool find_build(const struct store_check *check,
    const struct err *why_no_index, size_t i, struct store_build *ret_build);
static void print_text(const struct store_check *check,
    const struct err *why_no_index);
static void print_json(const struct store_check *check,
    const struct err *why_no_index);
static json_t *describe_index(const struct store_check *check,
    const struct err *why_no_index);
static json_t *describe(int store_fd, const struct layout_entry *entry,
    const struct err *why);
static const char *name_or_null(const struct err *why);

static int
run(int argc, char **argv)
{
	struct options options = {.as_json = false};
	const struct argument known[] = {
	    {"trust", required_argument, .is_needed = true,
		.text = &options.trust_path},
	    {"updates", required_argument, .text = &options.updates_path},
	    {"min-epoch", required_argument, .number = &options.min_epoch,
		.max = INT64_MAX},
	    {"json", no_argument, .flag = &options.as_json},
	};
	struct err worst = {0};
	struct err err = {0};
	int status = arguments_read(&command_store_verify, known,
	    countof(known), &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	options.store_path = argv[1];
	if (verify_store(&options, &worst, &err) != 0)
		return command_failed(&err, options.as_json);
	return command_status_of(&worst);
}

static int
verify_store(const struct options *options, struct err *ret_worst,
    struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(layout_list_done) struct layout_list list = {0};
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	CLEANUP(closep) int store_fd = -1;
	CLEANUP(freep) struct store_result *results = NULL;
	struct err why_no_index = {0};
	struct store_check check;

	TRY(trust_load_chain(options->trust_path, options->updates_path,
	    &policy, err));
	TRY(layout_open_list(options->store_path, &store_fd, &list, err));
	results = calloc(list.count + 1, sizeof(*results));
	if (results == NULL)
		return err_set(err, NO_MEMORY, "%zu images", list.count);
	(void)store_manifest_index(policy, store_fd, options->min_epoch, &index,
	    &why_no_index);
	check = (struct store_check){policy, index, store_fd, &list, results};
	TRY(store_check_run(&check,
	    isatty(STDERR_FILENO) != 0 ? show_progress : NULL, err));
	find_worst(&check, &why_no_index, ret_worst);
	(options->as_json ? print_json : print_text)(&check, &why_no_index);
	return 0;
}

/*
 * The first thing that gives the exit status. An image that the policy does not
 * let run is in order, as long as a build by its name gets another one.
 */
static void
find_worst(const struct store_check *check, const struct err *why_no_index,
    struct err *ret_worst)
{
	*ret_worst = *why_no_index;
	for (size_t i = 0;
	     i < check->list->count && ret_worst->code == ERR_NONE; i++) {
		const struct err *why = &check->results[i].why;
		struct store_build build;

		if (!image_choice_is_policy(why->code))
			*ret_worst = *why;
		if (ret_worst->code == ERR_NONE &&
		    find_build(check, why_no_index, i, &build))
			*ret_worst = build.why;
	}
}

/* False if an image before this one has its name. */
static bool
find_build(const struct store_check *check, const struct err *why_no_index,
    size_t i, struct store_build *ret_build)
{
	const struct layout_entry *entries = check->list->entries;
	const char *name = entries[i].claimed_name;

	for (size_t before = 0; before < i; before++) {
		if (strcmp(entries[before].claimed_name, name) == 0)
			return false;
	}
	store_build_find(check->list, check->results, name, NULL, ret_build);
	if (why_no_index->code != ERR_NONE)
		store_build_refuse(ret_build, why_no_index);
	return true;
}

/* A line that is written over, and gone in the end. */
static void
show_progress(size_t done, size_t count)
{
	static const char bar[] = "########################################";
	int width = (int)(done * (sizeof(bar) - 1) / count);

	if (done < count)
		fprintf(stderr, "\r[%-*.*s] %zu of %zu", (int)sizeof(bar) - 1,
		    width, bar, done, count);
	else
		fputs("\r\033[K", stderr);
}

static void
print_text(const struct store_check *check, const struct err *why_no_index)
{
	if (check->index != NULL)
		printf("%-24s epoch %-10lld verified\n", "store index",
		    (long long)check->index->epoch);
	if (why_no_index->code != ERR_NONE)
		printf("%-24s %-16s %s: %s\n", "store index", "-",
		    err_name(why_no_index->code), why_no_index->text);
	for (size_t i = 0; i < check->list->count; i++) {
		const struct layout_entry *entry = &check->list->entries[i];
		const struct err *why = &check->results[i].why;
		bool is_good = why->code == ERR_NONE;

		printf("%-24s %-16s %s%s%s\n", entry->claimed_name,
		    entry->claimed_version,
		    is_good ? "verified" : err_name(why->code),
		    is_good ? "" : ": ", is_good ? "" : why->text);
	}
	for (size_t i = 0; i < check->list->count; i++) {
		struct store_build build;

		if (find_build(check, why_no_index, i, &build))
			store_build_print(&build, stdout);
	}
}

static void
print_json(const struct store_check *check, const struct err *why_no_index)
{
	json_t *rows = json_array();
	json_t *builds = json_array();

	for (size_t i = 0; i < check->list->count; i++) {
		struct store_build build;

		json_array_append_new(rows,
		    describe(check->store_fd, &check->list->entries[i],
			&check->results[i].why));
		if (find_build(check, why_no_index, i, &build))
			json_array_append_new(builds,
			    store_build_encode(&build));
	}
	command_print_json(json_pack("{s:o, s:o, s:o}", "index",
	    describe_index(check, why_no_index), "images", rows, "builds",
	    builds));
}

/* Null if the policy does not ask for one. */
static json_t *
describe_index(const struct store_check *check, const struct err *why)
{
	const struct store_index *index = check->index;
	char expires[UTC_TEXT_SIZE];

	if (index == NULL && why->code == ERR_NONE)
		return json_null();
	if (index == NULL)
		return json_pack("{s:s, s:s}", "refused", err_name(why->code),
		    "detail", why->text);
	if (index->expires != UTC_NONE)
		utc_text(index->expires, expires);
	return json_pack("{s:I, s:s?, s:n, s:n}", "epoch",
	    (json_int_t)index->epoch, "expires",
	    index->expires != UTC_NONE ? expires : NULL, "refused", "detail");
}

static json_t *
describe(int store_fd, const struct layout_entry *entry, const struct err *why)
{
	json_t *row = store_row_new(store_fd, entry);

	json_object_update_new(row,
	    json_pack("{s:s?, s:s?}", "refused", name_or_null(why), "detail",
		why->code == ERR_NONE ? NULL : why->text));
	return row;
}

static const char *
name_or_null(const struct err *why)
{
	return why->code == ERR_NONE ? NULL : err_name(why->code);
}

const struct command command_store_verify = {"store", "verify",
    "--trust FILE [--updates CHAIN] [--min-epoch N] [--json]", "STORE",
    "verify every image of a store", run};
