#include "measure/tpm/setup/epoch_policy.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/scope.h"
#include "measure/tpm/setup/approval.h"

static int branch_of(const struct epoch_policy_terms *terms, int64_t epoch,
    struct digest *ret_branch, struct err *err);
static int join(struct digest *nodes, size_t count, struct err *err);

int
epoch_policy_of(const struct epoch_policy_terms *terms, int64_t epoch,
    struct epoch_policy *ret_policy, struct err *err)
{
	CLEANUP(freep)
	struct digest *nodes = calloc(EPOCH_POLICY_EPOCHS, sizeof(*nodes));
	size_t at = (size_t)(epoch - terms->from_epoch);
	size_t count = EPOCH_POLICY_EPOCHS;

	bug_unless(epoch >= terms->from_epoch && at < EPOCH_POLICY_EPOCHS);
	if (nodes == NULL)
		return err_set(err, NO_MEMORY, "policy of epochs");
	for (size_t i = 0; i < count; i++)
		TRY(branch_of(terms, terms->from_epoch + (int64_t)i, &nodes[i],
		    err));
	for (size_t level = 0; level < EPOCH_POLICY_LEVELS; level++) {
		at /= POLICY_OR_MAX;
		count /= POLICY_OR_MAX;
		memcpy(ret_policy->branches[level], &nodes[at * POLICY_OR_MAX],
		    sizeof(ret_policy->branches[level]));
		TRY(join(nodes, count, err));
	}
	ret_policy->policy = nodes[0];
	return 0;
}

uint64_t
epoch_policy_counter(const struct epoch_policy_terms *terms, int64_t epoch)
{
	return (uint64_t)(terms->from_counter + (epoch - terms->from_epoch));
}

static int
branch_of(const struct epoch_policy_terms *terms, int64_t epoch,
    struct digest *ret_branch, struct err *err)
{
	struct digest branch = POLICY_DIGEST_START;
	uint8_t use[APPROVAL_USE_BYTES];
	size_t len = approval_use(terms->ref, epoch, use);

	TRY(policy_digest_authorize(&terms->key, bytes_of(use, len), &branch,
	    err));
	TRY(policy_digest_counter(&terms->counter,
	    epoch_policy_counter(terms, epoch), &branch, err));
	*ret_branch = branch;
	return 0;
}

/* Each eight become one, in place: never before what is still to be read. */
static int
join(struct digest *nodes, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		TRY(policy_digest_or(&nodes[i * POLICY_OR_MAX], POLICY_OR_MAX,
		    &nodes[i], err));
	return 0;
}
