#include "cli/store_manifest.h"

#include "base/limits.h"
#include "base/scope.h"

static int copy_envelope(const struct store_source *source,
    const struct digest *digest, const char *what, struct verify_budget *budget,
    struct sealed **ret_envelope, struct err *err);
static int prove(const struct store_source *source,
    const struct layout_entry *entry, struct verified_manifest *manifest,
    struct verify_budget *budget, struct err *err);

int
store_manifest_index(const struct trust_policy *policy, int store_fd,
    int64_t min_epoch, struct store_index **ret_index, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	struct verify_budget budget;

	if (!store_index_is_needed(policy))
		return 0;
	verify_budget_init(&budget);
	TRY(layout_copy_store_index(store_fd, &envelope, err));
	TRY(store_index_verify(policy, envelope, &budget, &index, err));
	TRY(store_index_check_epoch(index, min_epoch, err));
	TRY(store_index_check_expiry(policy, index, err));
	*ret_index = take_ptr(&index);
	return 0;
}

int
store_manifest_verify(const struct store_source *source,
    const struct layout_entry *entry, struct verified_manifest **ret_manifest,
    struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *envelope = NULL;
	CLEANUP(verified_manifest_freep)
	struct verified_manifest *verified = NULL;
	struct verify_budget budget;

	verify_budget_init(&budget);
	TRY(copy_envelope(source, &entry->envelope, "envelope", &budget,
	    &envelope, err));
	if (verified_manifest_new(source->policy, entry->claimed_name, envelope,
		&budget, &verified, err) != 0)
		return store_index_blame(source->index, envelope, err);
	if (!digest_equal(verified_manifest_envelope(verified),
		&entry->envelope))
		return err_set(err, IMAGE_DIGEST_MISMATCH,
		    "envelope: the stored one is not the one named");
	if (verified_manifest_needs_proof(verified))
		TRY(prove(source, entry, verified, &budget, err));
	TRY(store_index_allows(source->index, verified, err));
	*ret_manifest = take_ptr(&verified);
	return 0;
}

static int
copy_envelope(const struct store_source *source, const struct digest *digest,
    const char *what, struct verify_budget *budget,
    struct sealed **ret_envelope, struct err *err)
{
	TRY(verify_budget_take_envelope(budget, LIMIT_ENVELOPE_BYTES, err));
	if (layout_copy_blob_max(source->store_fd, digest, LIMIT_ENVELOPE_BYTES,
		what, ret_envelope, err) != 0) {
		if (err->code == IMAGE_TOO_LARGE)
			err->code = ENVELOPE_TOO_LARGE;
		return (int)err->code;
	}
	verify_budget_fetched(budget, LIMIT_ENVELOPE_BYTES,
	    sealed_bytes(*ret_envelope).len);
	return 0;
}

static int
prove(const struct store_source *source, const struct layout_entry *entry,
    struct verified_manifest *manifest, struct verify_budget *budget,
    struct err *err)
{
	for (size_t i = 0; i < entry->provenance_count &&
			   verified_manifest_needs_proof(manifest);
	     i++) {
		CLEANUP(sealed_freep) struct sealed *raw = NULL;

		TRY(copy_envelope(source, &entry->provenance[i], "provenance",
		    budget, &raw, err));
		TRY(verified_manifest_show(source->policy, manifest, raw,
		    budget, err));
	}
	return verified_manifest_require_proof(source->policy, manifest, err);
}
