/*
 * Holding back an end while something has a temporary name: Ctrl-C, a hangup
 *and `kill` end a process only when it has taken that away, as soon as it can.
 *
 *	CLEANUP(signal_guard_end) struct signal_guard guard =
 *signal_guard_begin();
 *
 *	TRY(make_temporary(&owned, err));
 *	while (...)
 *		TRY(signal_guard_check(path, err));
 *
 * Declared before what is to be cleaned up, so that it ends after it. Holds may
 * nest; the signal arrives when the outermost ends, and does then what it did
 * before. A signal that is ignored stays ignored, and system calls are not
 * restarted. For programs of one thread. Not done: SIGKILL.
 */
#ifndef ASSAY_BASE_SIGNAL_GUARD_H
#define ASSAY_BASE_SIGNAL_GUARD_H

#include <signal.h>

#include "base/err.h"

#define SIGNAL_GUARD_SIGNALS 3

struct signal_guard {
	struct sigaction before[SIGNAL_GUARD_SIGNALS];
};

struct signal_guard signal_guard_begin(void);

/* Has none come? Errors: STORE_IO with EINTR, saying `what` was not finished.
 */
int signal_guard_check(const char *what, struct err *err);

void signal_guard_end(struct signal_guard *guard);

#endif
