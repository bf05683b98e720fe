#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char *log_role = "assay";

void
log_set_role(const char *role)
{
	log_role = role;
	(void)prctl(PR_SET_NAME, role, 0, 0, 0);
}

void
log_line(const char *fmt, ...)
{
	char line[1024];
	int used = snprintf(line, sizeof(line), "%s: ", log_role);
	size_t len = (size_t)used;
	va_list args;

	va_start(args, fmt);
	used = vsnprintf(line + len, sizeof(line) - len - 1, fmt, args);
	va_end(args);
	len += (size_t)(used < 0 ? 0 : used);
	if (len > sizeof(line) - 2)
		len = sizeof(line) - 2;
	line[len++] = '\n';
	/* Nobody is left to tell if the log itself cannot be written. */
	(void)!write(STDERR_FILENO, line, len);
}

bool
log_limit_allows(struct log_limit *limit, uint64_t now_usec,
    uint64_t *ret_missed)
{
	uint64_t refills = (now_usec - limit->refill_usec) / limit->usec;

	if (refills > 0) {
		limit->used -=
		    refills < limit->used ? (uint32_t)refills : limit->used;
		limit->refill_usec = now_usec;
	}
	if (limit->used == limit->burst) {
		limit->missed++;
		return false;
	}
	limit->used++;
	*ret_missed = limit->missed;
	limit->missed = 0;
	return true;
}

void
log_bug(const char *file, int line, const char *rule)
{
	log_line("bug file=%s line=%d rule=\"%s\"", file, line, rule);
	abort();
}
