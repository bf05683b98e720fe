/*
 * Holding back an end while something has a temporary name: Ctrl-C, a hangup
 *and `kill` end a process only when it has taken that away, as soon as it can.
 *
 *	CLEANUP(hold_end) struct hold hold = hold_begin();
 *
 *	TRY(make_temporary(&owned, err));
 *	while (...)
 *		TRY(hold_check(path, err));
 *
 * Declared before what is to be cleaned up, so that it ends after it. Holds may
 * nest; the signal arrives when the outermost ends, and does then what it did
 * before. A signal that is ignored stays ignored, and system calls are not
 * restarted. For programs of one thread. Not done: SIGKILL.
 */
#ifndef ASSAY_BASE_HOLD_H
#define ASSAY_BASE_HOLD_H

#include <signal.h>

#include "base/err.h"

#define HOLD_SIGNALS 3

struct hold {
	struct sigaction before[HOLD_SIGNALS];
};

struct hold hold_begin(void);

/* Has none come? Errors: STORE_IO with EINTR, saying `what` was not finished.
 */
int hold_check(const char *what, struct err *err);

void hold_end(struct hold *hold);

#endif
