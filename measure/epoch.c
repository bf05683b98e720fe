#include "measure/epoch.h"

#include <inttypes.h>

#include "base/limits.h"
#include "base/scope.h"

int
epoch_floor(const struct tpm_port *tpm, uint64_t base, int64_t *ret_floor,
    struct err *err)
{
	uint64_t counter;

	TRY(tpm->ops->counter_read(tpm->tpm, &counter, err));
	if (counter - base > INT64_MAX)
		return err_set(err, EPOCH_COUNTER_BAD,
		    "the counter is %" PRIu64 ", its base %" PRId64, counter,
		    (int64_t)base);
	*ret_floor = (int64_t)(counter - base);
	return 0;
}

int
epoch_raise(const struct tpm_port *tpm, uint64_t base, int64_t epoch,
    struct err *err)
{
	int64_t floor;

	TRY(epoch_floor(tpm, base, &floor, err));
	if (epoch < floor)
		return err_set(err, STORE_ROLLBACK,
		    "epoch %" PRId64 " is below %" PRId64
		    ", which this host has seen",
		    epoch, floor);
	if (epoch - floor > LIMIT_EPOCH_STEPS)
		return err_set(err, EPOCH_TOO_FAR,
		    "epoch %" PRId64 " is over %d steps above %" PRId64, epoch,
		    LIMIT_EPOCH_STEPS, floor);
	if (epoch == floor)
		return 0;
	for (int64_t at = floor; at < epoch; at++)
		TRY(tpm->ops->counter_increment(tpm->tpm, err));
	TRY(epoch_floor(tpm, base, &floor, err));
	if (floor != epoch)
		return err_set(err, EPOCH_COUNTER_BAD,
		    "counted to epoch %" PRId64 ", but it is %" PRId64, epoch,
		    floor);
	return 0;
}
