#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/store/store_build.h"
#include "image-store/pack/image_claims.h"
#include "image-store/pack/image_dir.h"
#include "image-store/pack/layout_add.h"
#include "image-store/pack/layout_write.h"
#include "keys/trust_chain.h"

struct options {
	const char *store_path;
	const char *trust_path;
	const char *updates_path;
	bool replace;
};

/* What one name has, and why no build may be possible at all. */
struct stage_work {
	struct layout_list list;
	struct store_result *results;
	struct err why_no_index;
};

static int add_all(const struct options *options, char **dirs, size_t count,
    struct err *err);
static int add(const struct options *options, const struct trust_policy *policy,
    const char *dir, struct manifest *ret_claimed, struct err *err);
static int read_claims(const char *dir, struct manifest *ret_claimed,
    struct err *err);
static int refuse_tie(const struct options *options,
    const struct trust_policy *policy, const struct manifest *claimed,
    struct err *err);
static int tell_build(const struct options *options,
    const struct trust_policy *policy, const char *name, struct err *err);
static int open_work(const struct options *options,
    const struct trust_policy *policy, const char *name,
    struct stage_work *work, struct err *err);
static void stage_work_done(struct stage_work *work);

static int
run(int argc, char **argv)
{
	struct options options = {.replace = false};
	const struct argument known[] = {
	    {"replace", no_argument, .flag = &options.replace},
	    {"trust", required_argument, .text = &options.trust_path},
	    {"updates", required_argument, .text = &options.updates_path},
	};
	struct err err = {0};
	int status = arguments_read(&command_store_add, known, countof(known),
	    &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (options.updates_path != NULL && options.trust_path == NULL)
		return command_usage(&command_store_add,
		    "--updates needs --trust");
	options.store_path = argv[1];
	if (add_all(&options, argv + 2, (size_t)argc - 2, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
add_all(const struct options *options, char **dirs, size_t count,
    struct err *err)
{
	CLEANUP(trust_freep) struct trust_policy *policy = NULL;
	CLEANUP(freep)
	struct manifest *claimed = calloc(count, sizeof(*claimed));

	if (claimed == NULL)
		return err_set(err, NO_MEMORY, "%zu images", count);
	if (options->trust_path != NULL)
		TRY(trust_load_chain(options->trust_path, options->updates_path,
		    &policy, err));
	for (size_t i = 0; i < count; i++)
		TRY(add(options, policy, dirs[i], &claimed[i], err));
	for (size_t i = 0; i < count; i++) {
		size_t before = 0;

		while (strcmp(claimed[before].name, claimed[i].name) != 0)
			before++;
		if (before == i)
			TRY(tell_build(options, policy, claimed[i].name, err));
	}
	return 0;
}

/* What cannot be read is for layout_add() to refuse. */
static int
add(const struct options *options, const struct trust_policy *policy,
    const char *dir, struct manifest *ret_claimed, struct err *err)
{
	struct err ignored;

	if (read_claims(dir, ret_claimed, &ignored) == 0)
		TRY(refuse_tie(options, policy, ret_claimed, err));
	return layout_add(options->store_path, dir, options->replace, err);
}

static int
read_claims(const char *dir, struct manifest *ret_claimed, struct err *err)
{
	CLEANUP(freep) char *path = NULL;
	CLEANUP(freep) char *text = NULL;
	size_t len;

	if (asprintf(&path, "%s/%s", dir, IMAGE_DIR_ENVELOPE) < 0)
		return err_set(err, NO_MEMORY, "path");
	TRY(file_read(path, LIMIT_ENVELOPE_BYTES, &text, &len, err));
	return image_claims_read(bytes_of(text, len), ret_claimed, NULL, err);
}

/* Beside it, would builds of its name not be possible any more? */
static int
refuse_tie(const struct options *options, const struct trust_policy *policy,
    const struct manifest *claimed, struct err *err)
{
	CLEANUP(stage_work_done) struct stage_work work = {.results = NULL};
	struct store_build build;
	struct err why;
	bool was_clear;

	TRY(open_work(options, policy, claimed->name, &work, err));
	store_build_find(&work.list, work.results, claimed->name,
	    claimed->version, &build);
	was_clear = image_choice_make(&build.choice, claimed->name, &why) !=
	            IMAGE_AMBIGUOUS;
	(void)image_choice_offer(&build.choice, claimed->rollback_location,
	    claimed->rollback_index);
	if (was_clear && image_choice_make(&build.choice, claimed->name,
			     &why) == IMAGE_AMBIGUOUS)
		return err_set_field(err, IMAGE_AMBIGUOUS, "rollback",
		    "%s:%s would make builds by name impossible: %s",
		    claimed->name, claimed->version, why.text);
	return 0;
}

static int
tell_build(const struct options *options, const struct trust_policy *policy,
    const char *name, struct err *err)
{
	CLEANUP(stage_work_done) struct stage_work work = {.results = NULL};
	struct store_build build;

	TRY(open_work(options, policy, name, &work, err));
	store_build_find(&work.list, work.results, name, NULL, &build);
	if (work.why_no_index.code != ERR_NONE)
		store_build_refuse(&build, &work.why_no_index);
	if (policy == NULL)
		printf("by its rollback index, ");
	store_build_print(&build, stdout);
	return 0;
}

/* Without a policy by what the images claim. */
static int
open_work(const struct options *options, const struct trust_policy *policy,
    const char *name, struct stage_work *work, struct err *err)
{
	CLEANUP(closep) int store_fd = -1;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct store_source source = {.policy = policy};

	TRY(layout_open(options->store_path, &store_fd, err));
	TRY(layout_read(store_fd, name, &work->list, err));
	if (policy != NULL)
		(void)store_manifest_index(policy, store_fd, 0, &index,
		    &work->why_no_index);
	source.index = index;
	source.store_fd = store_fd;
	return store_results_new(policy != NULL ? &source : NULL, store_fd,
	    &work->list, &work->results, err);
}

static void
stage_work_done(struct stage_work *work)
{
	layout_list_done(&work->list);
	freep(&work->results);
}

const struct command command_store_add = {"store", "add",
    "[--replace] [--trust FILE [--updates CHAIN]]", "STORE DIR...",
    "add signed images to a store", run};
