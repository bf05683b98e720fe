/*
 * The store's epoch, whose floor an NV counter of the TPM keeps: a store that
 * is older than one this host served before is refused.
 *
 *	TRY(epoch_floor(&tpm, identity.counter_base, &floor, err));
 *	TRY(store_index_check_epoch(index, floor, err));    (index was verified)
 *	TRY(epoch_raise(&tpm, identity.counter_base, index->epoch, err));
 *	... serve ...
 *
 * Never call epoch_raise() before the signatures of the index were checked: a
 * counter only goes up, so a forged epoch would shut out every true store.
 * Spec: FORMATS §5.9; TPM 2.0 Part 3, TPM2_NV_Increment.
 */
#ifndef ASSAY_MEASURE_EPOCH_H
#define ASSAY_MEASURE_EPOCH_H

#include "measure/tpm_port.h"

/*
 * floor = counter - base, modulo 2^64: the base of a TPM that joined a fleet
 * later is below 0, and is kept as what it is modulo 2^64.
 * Errors: EPOCH_COUNTER_BAD (the counter is below its base, or the epoch does
 * not fit); those of tpm_port.h.
 */
int epoch_floor(const struct tpm_port *tpm, uint64_t base, int64_t *ret_floor,
    struct err *err);

/*
 * Count up until the floor is `epoch`; does nothing if it is there already.
 * Interrupted, it goes on where it was when it is called again. The counter is
 * read back in the end.
 * Errors: STORE_ROLLBACK (`epoch` is below the floor); EPOCH_TOO_FAR (more than
 * LIMIT_EPOCH_STEPS; before anything is counted); EPOCH_COUNTER_BAD (the
 * counter does not stand where it was counted to); those of tpm_port.h.
 */
int epoch_raise(const struct tpm_port *tpm, uint64_t base, int64_t epoch,
    struct err *err);

#endif
