/*
 * The first story: what may be built. Its lines are half of the security
 * argument; the other half is builder/build/build_domain.c.
 */
#ifndef ASSAY_BUILDER_VERIFY_DECIDE_BUILD_H
#define ASSAY_BUILDER_VERIFY_DECIDE_BUILD_H

#include "measure/caller.h"
#include "builder/daemon_config.h"
#include "builder/order.h"
#include "builder/trust_in_force.h"
#include "builder/verify/image_choose.h"

/* What deciding needs; all borrowed. */
struct decision_env {
	const struct daemon_config *config;
	const struct caller *caller;       /* who asks; of a listing: unused */
	const struct trust_in_force *held; /* as this process found it */
	int chain_fd;             /* the chain as it is now; -1: none */
	struct trust_id trust;    /* the policy in force */
	struct store_epoch store; /* the store index in force */
	const struct verdict_cache *known;
	struct stage *stage;
	struct verify_budget *budget; /* of the request */
	int link;                     /* to the supervisor */
	struct timing *timing;        /* running; each step marks it */
};

/*
 * Decide about one build, and write the order for it.
 * Errors: those of every step; *ret_order is untouched then.
 */
int decide_build(const struct decision_env *env,
    const struct build_request *request, struct order *ret_order,
    struct err *err);

/* All images of the store, as image_choose_rows(). Errors: likewise. */
int decide_listing(const struct decision_env *env, struct sealed **ret_rows,
    struct err *err);

#endif
