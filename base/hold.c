#include "base/hold.h"

#include <errno.h>
#include <stddef.h>

static const int signals[HOLD_SIGNALS] = {SIGINT, SIGTERM, SIGHUP};
static volatile sig_atomic_t caught; /* the last, or 0 */

static void note(int number);

struct hold
hold_begin(void)
{
	const struct sigaction noted = {.sa_handler = note};
	struct hold hold;

	for (size_t i = 0; i < HOLD_SIGNALS; i++) {
		sigaction(signals[i], NULL, &hold.before[i]);
		if (hold.before[i].sa_handler != SIG_IGN)
			sigaction(signals[i], &noted, NULL);
	}
	return hold;
}

int
hold_check(const char *what, struct err *err)
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
hold_end(struct hold *hold)
{
	int number;

	for (size_t i = 0; i < HOLD_SIGNALS; i++)
		sigaction(signals[i], &hold->before[i], NULL);
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
