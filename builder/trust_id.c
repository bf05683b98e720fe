#include "builder/trust_id.h"

int
trust_id_check(const struct trust_id *current, const struct trust_id *next,
    struct err *err)
{
	if (next->version < current->version)
		return err_set_field(err, TRUST_DOWNGRADE, "trust_updates",
		    "the trust chain ends at version %lld, but %lld is in "
		    "force: lines were taken away",
		    (long long)next->version, (long long)current->version);
	if (next->version == current->version &&
	    !digest_equal(&next->policy, &current->policy))
		return err_set_field(err, TRUST_REPLAYED, "trust_updates",
		    "the trust chain brings another version %lld than the one "
		    "in force",
		    (long long)next->version);
	return 0;
}
