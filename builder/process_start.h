/*
 * How assayd begins and how it ends. What a daemon must not take over as it
 * comes from the process that started it: closed standard streams, an ignored
 * SIGCHLD, blocked signals, a umask.
 *
 * Not done: no other descriptor is closed, no other disposition is changed, no
 * limit is set, and the environment stays.
 */
#ifndef ASSAY_BUILDER_PROCESS_START_H
#define ASSAY_BUILDER_PROCESS_START_H

#include "base/err.h"

/*
 * Call it first in main(), before anything is opened and while there is one
 * thread.
 *
 * Effects: each standard stream that is closed becomes /dev/null, so that no
 * file, socket or link gets its number and the log lines with it. SIGCHLD has
 * its default action: while it is ignored, wait(2) tells nothing of how a child
 * ended. No signal is blocked. The umask is 022: the directory of the socket
 * has to be open to callers, and what is not for them is made 0600 by name.
 * Errors: SYSTEM_FAILED; the process must then not go on.
 */
int process_start(struct err *err);

/* How assayd ends: done; the policy, or another input, was refused; wrong
 * options, or a program of its that was called by hand; the environment. */
enum { EXIT_DONE = 0, EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_ENVIRONMENT = 3 };

/* It cannot go on: log why. Returns the exit status. */
int process_failed(const struct err *err);

#endif
