/*
 * Which running domains descend from something that a trust policy took back?
 * Compares the receipts that assayd keeps with the policy of today.
 */
#ifndef ASSAY_CLI_DOMAIN_AFFECTED_H
#define ASSAY_CLI_DOMAIN_AFFECTED_H

#include <jansson.h>

#include "base/err.h"
#include "keys/trust.h"

/*
 * Of the array `domains` of a ListDomains reply, keep those that are affected,
 * each with a new member "affected": {"code","detail"}.
 * Errors: DAEMON_UNREACHABLE if the reply is not one of assayd's.
 */
int affected_keep(const struct trust_policy *policy, json_t *domains,
    struct err *err);

#endif
