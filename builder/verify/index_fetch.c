#include "builder/verify/index_fetch.h"

#include "base/scope.h"
#include "builder/verify/verify_report.h"
#include "builder/verify_link.h"

static int fetch(const struct image_source *source,
    const struct store_epoch *in_force, struct store_index **ret_index,
    struct err *err);
static int fetch_envelope(const struct image_source *source,
    struct sealed **ret_raw, struct err *err);

int
index_fetch(const struct image_source *source,
    const struct store_epoch *in_force, struct store_index **ret_index,
    struct err *err)
{
	*ret_index = NULL;
	if (store_index_is_needed(source->policy))
		TRY(fetch(source, in_force, ret_index, err));
	timing_mark(source->timing, TIMING_START);
	return 0;
}

static int
fetch(const struct image_source *source, const struct store_epoch *in_force,
    struct store_index **ret_index, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	const struct trust_policy *policy = source->policy;
	const struct decided_by decided_by = {.policy = *trust_digest(policy)};
	struct store_epoch next;

	TRY(fetch_envelope(source, &raw, err));
	TRY(store_index_verify(policy, raw, source->budget, &index, err));
	TRY(store_index_check_epoch(index, in_force->epoch, err));
	TRY(store_index_check_expiry(policy, index, err));
	next = (struct store_epoch){index->digest, index->epoch};
	if (!digest_equal(&index->digest, &in_force->index))
		TRY(verify_report_adopt_store(source->link, &decided_by, &next,
		    err));
	*ret_index = take_ptr(&index);
	return 0;
}

static int
fetch_envelope(const struct image_source *source, struct sealed **ret_raw,
    struct err *err)
{
	TRY(verify_budget_take_envelope(source->budget,
	    LIMIT_INDEX_ENVELOPE_BYTES, err));
	TRY(stage_store_index(source->stage, ret_raw, err));
	verify_budget_fetched(source->budget, LIMIT_INDEX_ENVELOPE_BYTES,
	    sealed_bytes(*ret_raw).len);
	return 0;
}
