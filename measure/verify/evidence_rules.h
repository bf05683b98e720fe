/*
 * By which rules a host decided since it booted: the trust policy, the store
 * index and the boot policy that each start and each change put on record.
 *
 * An image is as good as the rules that let it in. A host that is given an old
 * policy, or a chain without its newest steps, is as signed as before, and
 * its log says what it used: that is what is judged here.
 *
 * Not done: a boot policy has no version in the log, so an older one instead of
 * a newer one is told, and not refused.
 */
#ifndef ASSAY_MEASURE_VERIFY_EVIDENCE_RULES_H
#define ASSAY_MEASURE_VERIFY_EVIDENCE_RULES_H

#include "keys/trust.h"
#include "measure/verify/evidence_log.h"

/*
 * May these rules follow each other within one boot? The trust policy's version
 * never falls, and one version has one digest. An epoch never falls. No image
 * is built without a store index, or without a boot policy, where the same
 * trust policy had one before: a start alone may have none yet.
 * Errors: EVIDENCE_POLICY_FELL.
 */
int evidence_rules_check(const struct boot_history *history, struct err *err);

/* What a verifier demands of the rules. All borrowed. */
struct evidence_demand {
	const struct trust_policy *trust; /* this one or a later; NULL: any */
	int64_t min_trust_version;        /* 0: any */
	int64_t min_epoch;                /* 0: any, and no index is needed */
};

/*
 * Are the rules in force at least these? Of store indexes the last one counts:
 * a start names none before its first build. Of a trust policy beyond the
 * version of `demand->trust` nothing is known but that it is later.
 * Errors: EVIDENCE_POLICY_OLD.
 */
int evidence_rules_demand(const struct boot_history *history,
    const struct evidence_demand *demand, struct err *err);

/* Was a domain built, of which no end is known, under an earlier trust policy
 * or epoch than the demand? */
bool evidence_rules_has_older(const struct boot_history *history,
    const struct evidence_demand *demand);

#endif
