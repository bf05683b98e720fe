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
#ifndef ASSAY_MEASURE_EVIDENCE_RULES_H
#define ASSAY_MEASURE_EVIDENCE_RULES_H

#include "measure/evidence_log.h"

/*
 * May these rules follow each other within one boot? The trust policy's version
 * never falls, and one version has one digest. An epoch never falls. No image
 * is built without a store index, or without a boot policy, where the same
 * trust policy had one before: a start alone may have none yet.
 * Errors: EVIDENCE_POLICY_FELL.
 */
int evidence_rules_check(const struct evidence_story *story, struct err *err);

#endif
