/*
 * The state of a domain in one word: "running", "paused", "dying", or why it
 * shut down.
 */
#ifndef ASSAY_CLI_DOMAIN_DOMAIN_STATE_H
#define ASSAY_CLI_DOMAIN_DOMAIN_STATE_H

#include <jansson.h>

#include "base/err.h"

/* Of a Domain of assay-rpc(7). *ret_state is borrowed from it, or static.
 * Errors: DAEMON_UNREACHABLE. */
int domain_state_of(json_t *domain, const char **ret_state, struct err *err);

#endif
