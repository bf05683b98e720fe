/*
 * Are the domains that a host started, as its log tells, those that a verifier
 * expects: their images, and their configurations?
 */
#ifndef ASSAY_MEASURE_VERIFY_EVIDENCE_DOMAINS_H
#define ASSAY_MEASURE_VERIFY_EVIDENCE_DOMAINS_H

#include "measure/verify/evidence_verify.h"

/*
 * Names the images and configurations in the history, as the lists have them.
 *
 * An image has to be on its list whatever became of its domain: also one of an
 * abandoned build, which was good enough to be built. A configuration has to be
 * if there is a list, and if no end of the domain is known: an end cannot be
 * taken back, so that a domain of yesterday would refuse its host until the
 * next boot. One that ended, or never ran, keeps NULL then.
 * Errors: EVIDENCE_IMAGE_UNKNOWN; EVIDENCE_DEBUG_IMAGE, unless it is allowed;
 * EVIDENCE_CONFIGURATION_UNKNOWN.
 */
int evidence_domains_check(const struct evidence_reference *reference,
    struct boot_history *history, struct err *err);

#endif
