/*
 * What each caller may use up: builds an hour, and a share of the event log.
 * Without it one caller in a loop takes from all others what cannot be given
 * back before the host boots again: the room in the log.
 *
 * A caller is whoever one rule of builder/caller_rule.h is about: all domains
 * of an image together, so that a new one does not begin with nothing used.
 * What was used is known for as long as this assayd runs.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_QUOTA_H
#define ASSAY_BUILDER_SUPERVISOR_QUOTA_H

#include "builder/daemon_config.h"
#include "measure/caller.h"

struct quota {
	struct {
		/* Until when its builds so far would last, were they made at
		 * the allowed rate: the generic cell rate algorithm. */
		uint64_t busy_until_usec;
		uint64_t log_bytes;
	} places[CALLER_PLACES]; /* of rules */
};

/*
 * May the caller begin one more build now? It counts whatever becomes of it.
 * `log_bytes` is what the log can hold of builds in all: those that are there,
 * and the room that is left; 0: there is no log.
 * Errors: RPC_NOT_PERMITTED for who may not call at all;
 * CALLER_QUOTA_SPENT.
 */
int quota_take_build(struct quota *quota, const struct daemon_config *config,
    const struct caller *caller, uint64_t now_usec, uint64_t log_bytes,
    struct err *err);

/* Of that, the log alone: for a domain that is built again. Errors:
 * RPC_NOT_PERMITTED; CALLER_QUOTA_SPENT. */
int quota_allow_log(const struct quota *quota,
    const struct daemon_config *config, const struct caller *caller,
    uint64_t log_bytes, struct err *err);

/* So much of the log is this caller's. */
void quota_add_log(struct quota *quota, const struct daemon_config *config,
    const struct caller *caller, uint64_t bytes);

#endif
