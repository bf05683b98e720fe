/*
 * The trust policy that holds for this build. The chain of updates is looked at
 * for each one, so that what was revoked a moment ago is refused now.
 */
#ifndef ASSAY_BUILDER_VERIFY_POLICY_FETCH_H
#define ASSAY_BUILDER_VERIFY_POLICY_FETCH_H

#include "builder/trust_in_force.h"

/*
 * `held` is what this process found before it knew its task, `in_force` what
 * the supervisor says. If both are the end of the chain that `chain_fd` is now
 * (-1: there is none), *ret_trust becomes zeros: go on with `held`. `path` is
 * for error texts. Otherwise it becomes what that chain makes of the root; a
 * policy that is not in force yet is first put on record over `link`, and only
 * such a one costs the supervisor any time. Free with trust_in_force_done().
 * Nothing falls back: a chain that is missing or refused refuses the build.
 * Errors: those of trust_chain_read_open(), trust_chain_follow(), and
 * trust_id_check(); what the supervisor says.
 */
int policy_fetch(const char *path, int chain_fd,
    const struct trust_in_force *held, const struct trust_id *in_force,
    int link, struct trust_in_force *ret_trust, struct err *err);

#endif
