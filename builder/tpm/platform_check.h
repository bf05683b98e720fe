/*
 * Is this host what the signed boot policy says? Asked once, when assayd
 * starts, by the tpm role.
 */
#ifndef ASSAY_BUILDER_TPM_PLATFORM_CHECK_H
#define ASSAY_BUILDER_TPM_PLATFORM_CHECK_H

#include "base/bytes.h"
#include "builder/platform.h"
#include "keys/trust.h"
#include "measure/event.h"
#include "measure/recorder.h"

/* All borrowed. */
struct platform_source {
	struct recorder *recorder; /* its log and TPM, before the first event */
	const struct trust_policy *policy;
	struct bytes raw_boot_policy; /* the envelope; empty: there is none */
	uint64_t counter_base;        /* what the counter held at epoch 0 */
};

/*
 * Fills in what goes into the start event and what the platform is, as far as
 * it got, also on failure.
 *
 * Order: read the registers; are the register of our own and the log index what
 * the log says (zeros, for a new log), or did somebody extend them before us
 * (recorder_resume()); signatures of the boot policy, only then its content;
 * the registers against its releases; the counter.
 * Errors: those of recorder_resume() (LOG_REGISTER_CHANGED);
 * BOOT_POLICY_MISSING; those of boot_policy_verify() and boot_policy_check()
 * (PLATFORM_NOT_TRUSTED); those of epoch_floor() and of the TPM.
 */
int platform_check(const struct platform_source *source,
    struct event_start *start, struct platform *platform, struct err *err);

/*
 * Only the first two steps, which need nothing but a TPM and the log: for a
 * host of which it is known already that it cannot be trusted.
 */
int platform_check_register(const struct platform_source *source,
    struct event_start *start, struct platform *platform, struct err *err);

#endif
