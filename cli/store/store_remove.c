#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/scope.h"
#include "cli/arguments.h"
#include "cli/command.h"
#include "cli/store/store_build.h"
#include "image-store/layout.h"
#include "image-store/pack/layout_remove.h"

static int remove_images(const char *path, const char *const *images,
    size_t count, struct err *err);
static void tell(const json_t *removed);
static int tell_builds(const char *path, const json_t *removed,
    struct err *err);
static void name_of(const json_t *descriptor,
    char ret_name[LIMIT_NAME_BYTES + 1]);
static bool is_first(const json_t *removed, size_t index);

static int
run(int argc, char **argv)
{
	struct err err = {0};
	int status =
	    arguments_read(&command_store_remove, NULL, 0, &argc, argv);

	if (status != ARGUMENTS_READ)
		return status;
	if (remove_images(argv[1], (const char *const *)argv + 2,
		(size_t)argc - 2, &err) != 0)
		return command_failed(&err, false);
	return EXIT_DONE;
}

static int
remove_images(const char *path, const char *const *images, size_t count,
    struct err *err)
{
	CLEANUP(json_freep) json_t *removed = NULL;

	TRY(layout_remove(path, images, count, &removed, err));
	tell(removed);
	return tell_builds(path, removed, err);
}

static void
tell(const json_t *removed)
{
	for (size_t i = 0; i < json_array_size(removed); i++) {
		const json_t *descriptor = json_array_get(removed, i);
		const json_t *annotations =
		    json_object_get(descriptor, "annotations");

		printf("removed %s\n",
		    err_quote_str(json_string_value(json_object_get(annotations,
				      OCI_REF_NAME)))
			.text);
	}
}

/* Of each name once, by what the others claim. One that is damaged is told. */
static int
tell_builds(const char *path, const json_t *removed, struct err *err)
{
	CLEANUP(closep) int store_fd = -1;

	TRY(layout_open(path, &store_fd, err));
	for (size_t i = 0; i < json_array_size(removed); i++) {
		CLEANUP(layout_list_done) struct layout_list list = {0};
		CLEANUP(freep) struct store_result *results = NULL;
		char name[LIMIT_NAME_BYTES + 1];
		struct store_build build;

		if (!is_first(removed, i))
			continue;
		name_of(json_array_get(removed, i), name);
		TRY(layout_read(store_fd, name, &list, err));
		TRY(store_results_new(NULL, store_fd, &list, &results, err));
		store_build_find(&list, results, name, NULL, &build);
		printf("by its rollback index, ");
		store_build_print(&build, stdout);
	}
	return 0;
}

/* Before the colon of its ref.name, which layout_remove() found. */
static void
name_of(const json_t *descriptor, char ret_name[LIMIT_NAME_BYTES + 1])
{
	const json_t *annotations = json_object_get(descriptor, "annotations");
	const char *ref_name =
	    json_string_value(json_object_get(annotations, OCI_REF_NAME));

	snprintf(ret_name, LIMIT_NAME_BYTES + 1, "%.*s",
	    (int)strcspn(ref_name, ":"), ref_name);
}

static bool
is_first(const json_t *removed, size_t index)
{
	char name[LIMIT_NAME_BYTES + 1];
	char other[LIMIT_NAME_BYTES + 1];

	name_of(json_array_get(removed, index), name);
	for (size_t i = 0; i < index; i++) {
		name_of(json_array_get(removed, i), other);
		if (strcmp(name, other) == 0)
			return false;
	}
	return true;
}

const struct command command_store_remove = {"store", "remove", "",
    "STORE IMAGE...", "take images out of a store", run};
