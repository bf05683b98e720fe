#include "base/signal_guard.h"

#include <errno.h>
#include <stddef.h>

static const int signals[SIGNAL_GUARD_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t caught; /* the last, or 0 */

static void note(int number);

struct signal_guard
signal_guard_begin(void)
{
	const struct sigaction noted = {.sa_handler = note};
	struct signal_guard guard;

	for (size_t i = 0; i < SIGNAL_GUARD_SIGNALS; i++) {
		sigaction(signals[i], NULL, &guard.before[i]);
		if (guard.before[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &noted, NULL);
	}
	return guard;
}

int
signal_guard_check(const char *what, struct err *err)
{
	if (caught == 0)
		return 0;
	errno = EINTR;
	return err_set_errno(err, STORE_IO, "%s", what);
}

/* In an inner hold the handler of the outer one is back, and notes it again.
 * What was caught is looked at when nothing here catches any more: a signal
 * that comes before is not lost. */
void
signal_guard_end(struct signal_guard *guard)
{
	int number;

	for (size_t i = 0; i < SIGNAL_GUARD_SIGNALS; i++)
		sigaction(signals[i], &guard->before[i], NULL);
	number = caught;
	if (number == 0)
		return;
	caught = 0;
	raise(number);
}

static void
note(int number)
{
	caught = number;
}
