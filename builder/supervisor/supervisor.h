/*
 * The supervisor: starts the roles, journals what is under way, and removes
 * what a dead build child left. It keeps the right to destroy domains and the
 * cache of verified images, and parses nothing that is foreign.
 */
#ifndef ASSAY_BUILDER_SUPERVISOR_SUPERVISOR_H
#define ASSAY_BUILDER_SUPERVISOR_SUPERVISOR_H

#include "builder/rules.h"
#include "builder/supervisor/journal.h"
#include "builder/supervisor/role_start.h"

/* What it begins with. All borrowed. */
struct supervisor_start {
	const struct daemon_config *config;
	const struct sealed *trust; /* the ramdisk's policy, as text */
	struct trust_id in_force;   /* it, or what followed it */
	const struct journal *journal;
	const struct role_launcher *launcher;
	struct fault fault;
	/* Builds are made on a platform that cannot be trusted, and the start
	 * event says so. */
	bool is_development;
};

/*
 * Which policy is in force: that of the ramdisk, or the end of the chain of
 * updates. The chain is foreign, so a verify role opens, reads and follows it;
 * what this one says, or not, is waited for, in bounded time. Of `start` it
 * takes configuration, trust and launcher.
 * Errors: those of trust_decode(), trust_chain_read() and trust_chain_follow(),
 * as that role tells them; SYSTEM_FAILED if it dies, is silent, or goes on when
 * it should have ended; BUG if it says anything else.
 */
int supervisor_find_trust(const struct supervisor_start *start,
    struct trust_id *ret_mark, struct err *err);

/*
 * Run until SIGTERM or SIGINT (returns 0), or until something without which it
 * cannot go on is gone. Builds under way are undone first; running guests are
 * left alone. Takes *listen_fd, which goes to the front. SIGTERM and SIGINT are
 * blocked afterwards.
 * Not done: it waits for its log unless its caller opened the queue,
 * builder/supervisor/log_queue.h.
 */
int supervisor_run(const struct supervisor_start *start, int *listen_fd,
    struct err *err);

#endif
