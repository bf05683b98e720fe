#include "cli/store/store_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"
#include "image-store/pack/image_claims.h"

static int read_claims(int store_fd, const struct layout_entry *entry,
    struct store_result *result, struct err *err);
static int choose(const struct layout_list *list,
    const struct store_result *results, const char *but,
    struct store_build *build, struct err *err);
static size_t shown(const struct passed_over *passed);

void
store_result_offer(struct store_result *result, const struct manifest *manifest)
{
	result->is_candidate = true;
	result->index = manifest->rollback_index;
	snprintf(result->location, sizeof(result->location), "%s",
	    manifest->rollback_location);
}

void
store_result_verify(const struct store_source *source,
    const struct layout_entry *entry, struct store_result *ret_result)
{
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;

	*ret_result = (struct store_result){.is_candidate = false};
	if (store_manifest_verify(source, entry, &verified, &ret_result->why) ==
	    0)
		store_result_offer(ret_result, verified_manifest_get(verified));
}

void
store_result_claim(int store_fd, const struct layout_entry *entry,
    struct store_result *ret_result)
{
	*ret_result = (struct store_result){.is_candidate = false};
	(void)read_claims(store_fd, entry, ret_result, &ret_result->why);
}

int
store_results_new(const struct store_source *source, int store_fd,
    const struct layout_list *list, struct store_result **ret_results,
    struct err *err)
{
	struct store_result *results =
	    calloc(list->count + 1, sizeof(*results));

	if (results == NULL)
		return err_set(err, NO_MEMORY, "%zu images", list->count);
	for (size_t i = 0; i < list->count; i++) {
		if (source != NULL)
			store_result_verify(source, &list->entries[i],
			    &results[i]);
		else
			store_result_claim(store_fd, &list->entries[i],
			    &results[i]);
	}
	*ret_results = results;
	return 0;
}

void
store_build_find(const struct layout_list *list,
    const struct store_result *results, const char *name, const char *but,
    struct store_build *ret_build)
{
	*ret_build = (struct store_build){.name = name};
	if (choose(list, results, but, ret_build, &ret_build->why) != 0)
		ret_build->version = NULL;
	else
		ret_build->why = (struct err){.code = ERR_NONE};
}

void
store_build_refuse(struct store_build *build, const struct err *why)
{
	build->version = NULL;
	build->why = *why;
}

void
store_build_print(const struct store_build *build, FILE *stream)
{
	const struct passed_over *passed = &build->choice.passed;

	if (build->version == NULL)
		fprintf(stream, "a build of %s is refused: %s: %s", build->name,
		    err_name(build->why.code), build->why.text);
	else
		fprintf(stream, "a build of %s gets %s", build->name,
		    build->version);
	for (size_t i = 0; build->version != NULL && i < shown(passed); i++)
		fprintf(stream, "%s %s %s",
		    i > 0 ? "," : "; passed over:", passed->images[i].version,
		    err_name(passed->images[i].code));
	if (build->version != NULL && passed->count > shown(passed))
		fprintf(stream, " and %zu more", passed->count - shown(passed));
	fputc('\n', stream);
}

json_t *
store_build_encode(const struct store_build *build)
{
	const struct passed_over *passed = &build->choice.passed;
	bool is_refused = build->version == NULL;
	json_t *images = json_array();

	for (size_t i = 0; i < shown(passed); i++)
		json_array_append_new(images,
		    json_pack("{s:s, s:s}", "version",
			passed->images[i].version, "code",
			err_name(passed->images[i].code)));
	return json_pack("{s:s, s:s?, s:s?, s:s?, s:{s:I, s:o}}", "name",
	    build->name, "version", build->version, "refused",
	    is_refused ? err_name(build->why.code) : NULL, "detail",
	    is_refused ? build->why.text : NULL, "passed_over", "count",
	    (json_int_t)passed->count, "images", images);
}

static int
read_claims(int store_fd, const struct layout_entry *entry,
    struct store_result *result, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	struct manifest claimed;

	TRY(layout_copy_blob_max(store_fd, &entry->envelope,
	    LIMIT_ENVELOPE_BYTES, "envelope", &raw, err));
	TRY(image_claims_read(sealed_bytes(raw), &claimed, NULL, err));
	store_result_offer(result, &claimed);
	return 0;
}

static int
choose(const struct layout_list *list, const struct store_result *results,
    const char *but, struct store_build *build, struct err *err)
{
	const struct store_result *best = NULL;

	for (size_t i = 0; i < list->count; i++) {
		const struct layout_entry *entry = &list->entries[i];

		if (strcmp(entry->claimed_name, build->name) != 0 ||
		    (but != NULL && strcmp(entry->claimed_version, but) == 0))
			continue;
		if (!results[i].is_candidate) {
			*err = results[i].why;
			TRY(image_choice_pass(&build->choice,
			    entry->claimed_version, err));
			continue;
		}
		if (!image_choice_offer(&build->choice, results[i].location,
			results[i].index))
			continue;
		best = &results[i];
		build->version = entry->claimed_version;
	}
	TRY(image_choice_make(&build->choice, build->name, err));
	*err = best->why;
	return (int)err->code;
}

static size_t
shown(const struct passed_over *passed)
{
	return passed->count < countof(passed->images)
	           ? passed->count
	           : countof(passed->images);
}
