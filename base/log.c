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

void
log_bug(const char *file, int line, const char *rule)
{
	log_line("bug file=%s line=%d rule=\"%s\"", file, line, rule);
	abort();
}
