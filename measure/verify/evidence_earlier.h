/*
 * Does evidence go on from an earlier verdict over the same host? What a TPM
 * counts only rises, a register only grows, and rules do not fall: a host whose
 * TPM was put back to an earlier state, as one in software can be, or that was
 * given old rules while it was off, cannot show that in one piece of evidence.
 *
 * A TPM disguises its counts for keys that are not of its endorsement or
 * platform hierarchy: it adds a number that depends on the key. So only
 * differences count here, and they count modulo 2^32.
 * Spec: TPM 2.0 Part 1, "Time" and "Attestation"; Part 2, TPMS_CLOCK_INFO.
 *
 * Not done: of a host that booted again nothing shows what it started in
 * between; a boot policy has no version in the log.
 */
#ifndef ASSAY_MEASURE_VERIFY_EVIDENCE_EARLIER_H
#define ASSAY_MEASURE_VERIFY_EVIDENCE_EARLIER_H

#include "measure/verify/evidence_log.h"
#include "measure/verify/evidence_mark.h"

/* What was in between. */
struct evidence_since {
	uint32_t resets;   /* of the TPM: the host booted, or somebody did it */
	uint32_t restarts; /* likewise, or it slept; 0 after a reset */
	bool has_clock_fallen;
	size_t event_count; /* that are new, if neither happened */
};

/* The part of a mark that the log tells: rules and events. */
void evidence_earlier_tell(const struct boot_history *history,
    struct evidence_mark *mark);

/*
 * `log` is one that evidence_log_check() accepted, and `*now` the mark of the
 * evidence with it; it takes over the earlier one's store index if it has none,
 * so that a boot in which nothing was built forgets no epoch.
 *
 * Order: key and register (EVIDENCE_EARLIER_UNRELATED), counts and clock, log
 * (EVIDENCE_EARLIER_MISMATCH), rules (EVIDENCE_POLICY_OLD).
 * In the same boot the earlier value of the register has to be one that this
 * log leads through. After a loss of power a TPM's clock may be a bit behind,
 * and then is not safe: that is told.
 * Errors: those; NO_MEMORY.
 */
int evidence_earlier_check(const struct evidence_mark *earlier,
    struct bytes log, bool is_clock_safe, struct evidence_mark *now,
    struct evidence_since *ret_since, struct err *err);

#endif
