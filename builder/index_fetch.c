#include "builder/index_fetch.h"

#include "base/scope.h"

int
index_fetch(struct stage *stage, const struct trust_policy *policy,
    const struct store_epoch *in_force, int link,
    struct store_index **ret_index, struct err *err)
{
	CLEANUP(sealed_freep) struct sealed *raw = NULL;
	CLEANUP(store_index_freep) struct store_index *index = NULL;
	const struct basis basis = {.policy = *trust_digest(policy)};
	struct store_epoch next;

	*ret_index = NULL;
	if (!store_index_is_needed(policy))
		return 0;
	TRY(stage_store_index(stage, &raw, err));
	TRY(store_index_verify(policy, raw, &index, err));
	TRY(store_index_check_epoch(index, in_force->epoch, err));
	TRY(store_index_check_expiry(policy, index, err));
	next = (struct store_epoch){index->digest, index->epoch};
	if (!digest_equal(&index->digest, &in_force->index))
		TRY(build_link_adopt_store(link, &basis, &next, err));
	*ret_index = take_ptr(&index);
	return 0;
}
