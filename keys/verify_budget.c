#include "keys/verify_budget.h"

#include "base/limits.h"
#include "base/log.h"

enum { PAGE_BYTES = 4096 };

void
verify_budget_init(struct verify_budget *ret_budget)
{
	*ret_budget = (struct verify_budget){
	    .max_verifications = LIMIT_VERIFICATIONS,
	    .max_envelope_bytes = LIMIT_REQUEST_ENVELOPE_BYTES,
	};
}

/* Compared with what is left, which cannot wrap; a sum could. */
int
verify_budget_take(struct verify_budget *budget, size_t verifications,
    struct err *err)
{
	size_t left = budget->max_verifications - budget->verifications;

	if (verifications > left)
		return err_set(err, VERIFY_BUDGET_SPENT,
		    "%zu signature verifications were done for this, and %zu "
		    "more are due: limit %zu",
		    budget->verifications, verifications,
		    budget->max_verifications);
	budget->verifications += verifications;
	return 0;
}

int
verify_budget_take_envelope(struct verify_budget *budget, size_t max_bytes,
    struct err *err)
{
	size_t left = budget->max_envelope_bytes - budget->envelope_bytes;

	if (max_bytes > left)
		return err_set(err, VERIFY_BUDGET_SPENT,
		    "%zu bytes of envelopes were fetched for this, and the "
		    "next may have %zu: limit %zu",
		    budget->envelope_bytes, max_bytes,
		    budget->max_envelope_bytes);
	budget->envelope_bytes += max_bytes;
	return 0;
}

void
verify_budget_fetched(struct verify_budget *budget, size_t max_bytes,
    size_t bytes)
{
	size_t pages = bytes == 0 ? 1 : (bytes - 1) / PAGE_BYTES + 1;

	bug_unless(bytes <= max_bytes && max_bytes <= budget->envelope_bytes);
	if (pages * PAGE_BYTES < max_bytes)
		budget->envelope_bytes -= max_bytes - pages * PAGE_BYTES;
}
