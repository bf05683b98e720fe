/*
 * The policy of a secret that goes with releases: it opens with approvals that
 * hold until some epoch, and only while the TPM's counter has not passed it.
 * Who counts on takes the approvals back, whoever kept them.
 *
 * An approval is signed for all hosts, and a counter begins where its TPM
 * wants it to. So the approval names an epoch, and the secret knows what the
 * counter of this TPM holds then: for each of EPOCH_POLICY_EPOCHS epochs its
 * policy has a branch,
 *
 *	TPM2_PolicyAuthorize(key, use with the epoch)
 *	TPM2_PolicyNV(counter <= its value at the epoch)
 *
 * and TPM2_PolicyOR of eight of them, of eight of those, and so on, makes one
 * policy of all. To open it, show one branch, and at each level its eight.
 *
 * Why so: docs/decisions/0037.
 */
#ifndef ASSAY_MEASURE_TPM_SETUP_EPOCH_POLICY_H
#define ASSAY_MEASURE_TPM_SETUP_EPOCH_POLICY_H

#include "measure/tpm/setup/policy_digest.h"

enum {
	EPOCH_POLICY_LEVELS = 4,
	EPOCH_POLICY_EPOCHS = 4096, /* POLICY_OR_MAX to the power of LEVELS */
};

/* Of epochs, and of what a counter holds, so that nothing overflows. */
#define EPOCH_POLICY_MAX (INT64_MAX / 2)

struct epoch_policy_terms {
	struct tpm_name key; /* the policy key's */
	const char *ref;     /* borrowed */
	struct tpm_name counter;
	int64_t from_epoch;   /* 1 to EPOCH_POLICY_MAX */
	int64_t from_counter; /* what the counter holds then; likewise */
};

struct epoch_policy {
	struct digest branches[EPOCH_POLICY_LEVELS][POLICY_OR_MAX];
	struct digest policy; /* of them all */
};

/*
 * The policy, and the branches that lead to it from the one of `epoch`, which
 * is from_epoch or one of the EPOCH_POLICY_EPOCHS - 1 after it.
 * Errors: NO_MEMORY.
 */
int epoch_policy_of(const struct epoch_policy_terms *terms, int64_t epoch,
    struct epoch_policy *ret_policy, struct err *err);

/* What the counter holds at the end of this epoch. */
uint64_t epoch_policy_counter(const struct epoch_policy_terms *terms,
    int64_t epoch);

#endif
