#include "builder/verify/image_choose.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/sealing.h"
#include "base/scope.h"
#include "builder/verify/verify_report.h"
#include "builder/verify_link.h"
#include "keys/dsse.h"

static int keep_named(const struct image_source *source,
    const struct digest *named, struct layout_list *list, struct err *err);
static int signs(const struct image_source *source,
    const struct layout_entry *entry, const struct digest *payload,
    bool *ret_signs, struct err *err);
static int choose_newest(const struct image_source *source, const char *name,
    const struct layout_list *list, struct verified_manifest **ret_manifest,
    struct passed_over *ret_passed, struct err *err);
static int fetch_manifest(const struct image_source *source, const char *name,
    const struct layout_entry *entry, struct verified_manifest **ret_manifest,
    struct err *err);
static int fetch_envelope(const struct image_source *source,
    const struct digest *digest, const char *what, struct sealed **ret_raw,
    struct err *err);
static int prove(const struct image_source *source,
    const struct layout_entry *entry, struct verified_manifest *manifest,
    struct err *err);
static void describe(const struct image_source *source,
    const struct layout_entry *entry, struct image_row *ret_row);

int
image_choose(const struct image_source *source,
    const struct build_request *request,
    struct verified_manifest **ret_manifest, struct passed_over *ret_passed,
    struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list list = {0};

	TRY(stage_list(source->stage, request->image, &list, err));
	if (request->has_manifest)
		TRY(keep_named(source, &request->manifest, &list, err));
	if (list.count == 0)
		return err_set_field(err, IMAGE_UNKNOWN,
		    request->has_manifest ? "manifest" : "image",
		    "image %s: not in the store", request->image);
	TRY(choose_newest(source, request->image, &list, ret_manifest,
	    ret_passed, err));
	timing_mark(source->timing, TIMING_ENVELOPE);
	return 0;
}

int
image_choose_rows(const struct image_source *source, struct sealed **ret_rows,
    struct err *err)
{
	CLEANUP(layout_list_done) struct layout_list list = {0};
	CLEANUP(freep) struct image_row *rows = NULL;

	TRY(stage_list(source->stage, NULL, &list, err));
	rows = calloc(list.count + 1, sizeof(*rows));
	if (rows == NULL)
		return err_set(err, NO_MEMORY, "a listing");
	for (size_t i = 0; i < list.count; i++)
		describe(source, &list.entries[i], &rows[i]);
	return sealed_from_bytes("images",
	    bytes_of(rows, list.count * sizeof(*rows)), ret_rows, err);
}

/*
 * Keep only the entry of this envelope; or, if there is none, those whose
 * envelopes sign this payload. Each of them still has to verify.
 */
static int
keep_named(const struct image_source *source, const struct digest *named,
    struct layout_list *list, struct err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (digest_equal(&list->entries[i].envelope, named)) {
			list->entries[0] = list->entries[i];
			list->count = 1;
			return 0;
		}
	}
	for (size_t i = 0; i < list->count; i++) {
		bool is_it;

		TRY(signs(source, &list->entries[i], named, &is_it, err));
		if (is_it)
			list->entries[kept++] = list->entries[i];
	}
	list->count = kept;
	return 0;
}

/* What is no envelope signs nothing; nothing falls back to it either. */
static int
signs(const struct image_source *source, const struct layout_entry *entry,
    const struct digest *payload, bool *ret_signs, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	CLEANUP(dsse_freep) struct dsse_envelope *envelope = NULL;
	struct digest found;
	struct err ignored;

	TRY(fetch_envelope(source, &entry->envelope, "manifest", &raw, err));
	*ret_signs = false;
	if (dsse_decode(sealed_bytes(raw), &envelope, &ignored) != 0)
		return 0;
	TRY(digest_of(dsse_raw_payload(envelope), &found, err));
	*ret_signs = digest_equal(&found, payload);
	return 0;
}

/* What the policy does not let run is passed over; anything else refuses. */
static int
choose_newest(const struct image_source *source, const char *name,
    const struct layout_list *list, struct verified_manifest **ret_manifest,
    struct passed_over *ret_passed, struct err *err)
{
	CLEANUP(verified_manifest_freep) struct verified_manifest *best = NULL;
	struct image_choice choice = {.has_one = false};

	for (size_t i = 0; i < list->count; i++) {
		CLEANUP(verified_manifest_freep)
		struct verified_manifest *next = NULL;
		const struct layout_entry *entry = &list->entries[i];
		const struct manifest *says;

		if (fetch_manifest(source, name, entry, &next, err) != 0) {
			TRY(image_choice_pass(&choice, entry->claimed_version,
			    err));
			continue;
		}
		says = verified_manifest_get(next);
		if (!image_choice_offer(&choice, says->rollback_location,
			says->rollback_index))
			continue;
		verified_manifest_freep(&best);
		best = take_ptr(&next);
	}
	TRY(image_choice_make(&choice, name, err));
	*ret_passed = choice.passed;
	*ret_manifest = take_ptr(&best);
	return 0;
}

static int
fetch_manifest(const struct image_source *source, const char *name,
    const struct layout_entry *entry, struct verified_manifest **ret_manifest,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	const struct trust_verdict *known;
	struct digest found;

	TRY(fetch_envelope(source, &entry->envelope, "manifest", &raw, err));
	/* Signatures first: a changed envelope is a bad signature, whatever
	 * its file is called. */
	TRY(digest_of(sealed_bytes(raw), &found, err));
	known = verdict_cache_find(source->known, trust_digest(source->policy),
	    &found);
	if (verified_manifest_again(source->policy, known, name, raw,
		source->budget, ret_manifest, err) != 0)
		return store_index_blame(source->index, raw, err);
	if (!digest_equal(&found, &entry->envelope)) {
		verified_manifest_freep(ret_manifest);
		return err_set(err, IMAGE_DIGEST_MISMATCH,
		    "manifest: the stored envelope is not the one named");
	}
	if (store_index_allows(source->index, *ret_manifest, err) != 0) {
		verified_manifest_freep(ret_manifest);
		return (int)err->code;
	}
	if (verified_manifest_needs_proof(*ret_manifest) &&
	    prove(source, entry, *ret_manifest, err) != 0) {
		verified_manifest_freep(ret_manifest);
		return (int)err->code;
	}
	if (known == NULL && source->link >= 0)
		return verify_report_verdict(source->link,
		    trust_digest(source->policy),
		    verified_manifest_verdict(*ret_manifest), err);
	return 0;
}

static int
fetch_envelope(const struct image_source *source, const struct digest *digest,
    const char *what, struct sealed **ret_raw, struct err *err)
{
	TRY(verify_budget_take_envelope(source->budget, LIMIT_ENVELOPE_BYTES,
	    err));
	if (stage_blob_max(source->stage, digest, LIMIT_ENVELOPE_BYTES, what,
		ret_raw, err) != 0) {
		if (err->code == IMAGE_TOO_LARGE)
			err->code = ENVELOPE_TOO_LARGE;
		return (int)err->code;
	}
	verify_budget_fetched(source->budget, LIMIT_ENVELOPE_BYTES,
	    sealed_bytes(*ret_raw).len);
	return 0;
}

/* Statements need no digest checked: their signatures are. */
static int
prove(const struct image_source *source, const struct layout_entry *entry,
    struct verified_manifest *manifest, struct err *err)
{
	for (size_t i = 0; i < entry->provenance_count &&
			   verified_manifest_needs_proof(manifest);
	     i++) {
		CLEANUP(sealed_freep) struct sealed *raw = NULL;

		TRY(fetch_envelope(source, &entry->provenance[i], "provenance",
		    &raw, err));
		TRY(verified_manifest_show(source->policy, manifest, raw,
		    source->budget, err));
	}
	return verified_manifest_require_proof(source->policy, manifest, err);
}

static void
describe(const struct image_source *source, const struct layout_entry *entry,
    struct image_row *ret_row)
{
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	struct image_source own = *source;
	const struct manifest *manifest;
	struct verify_budget budget;
	struct err err = {0};
	int code;

	verify_budget_init(&budget);
	own.budget = &budget;
	code =
	    fetch_manifest(&own, entry->claimed_name, entry, &verified, &err);
	*ret_row = (struct image_row){.envelope = entry->envelope};
	snprintf(ret_row->name, sizeof(ret_row->name), "%s",
	    entry->claimed_name);
	snprintf(ret_row->version, sizeof(ret_row->version), "%s",
	    entry->claimed_version);
	err_wire_from(&ret_row->outcome, code, &err);
	if (code != 0)
		return;
	manifest = verified_manifest_get(verified);
	ret_row->payload = *verified_manifest_payload(verified);
	snprintf(ret_row->version, sizeof(ret_row->version), "%s",
	    manifest->version);
	snprintf(ret_row->role, sizeof(ret_row->role), "%s",
	    verified_manifest_role(verified));
	ret_row->is_debug = manifest->is_debug;
	ret_row->rollback_index = manifest->rollback_index;
	ret_row->memory_min_mib = manifest->memory_mib.min;
	ret_row->memory_max_mib = manifest->memory_mib.max;
	ret_row->vcpus_min = manifest->vcpus.min;
	ret_row->vcpus_max = manifest->vcpus.max;
}
