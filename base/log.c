#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static void write_to_stderr(const char *line, size_t len);

static const char *log_role = "assay"; /* NULL: bare lines */
static void (*log_output)(const char *line, size_t len) = write_to_stderr;

void
log_set_role(const char *role)
{
	log_role = role;
	(void)prctl(PR_SET_NAME, role, 0, 0, 0);
}

void
log_set_process(const char *name)
{
	log_set_role(name);
	log_role = NULL;
	log_output = write_to_stderr;
}

void
log_set_output(void (*output)(const char *line, size_t len))
{
	log_output = output != NULL ? output : write_to_stderr;
}

void
log_write(const char *line, size_t len)
{
	log_output(line, len);
}

void
log_line(const char *fmt, ...)
{
	static const char cut[] = "...";
	const size_t most = LOG_LINE_BYTES - 1; /* and the line's end */
	char line[LOG_LINE_BYTES];
	int used = log_role != NULL
	               ? snprintf(line, sizeof(line), "%s: ", log_role)
	               : 0;
	size_t len = (size_t)used;
	va_list args;

	va_start(args, fmt);
	used = vsnprintf(line + len, sizeof(line) - len, fmt, args);
	va_end(args);
	len += (size_t)(used < 0 ? 0 : used);
	if (len > most) {
		len = most;
		memcpy(line + len - strlen(cut), cut, strlen(cut));
	}
	line[len++] = '\n';
	log_output(line, len);
}

/* Nobody is left to tell if the log itself cannot be written, but whoever reads
 * on after a while. */
static void
write_to_stderr(const char *line, size_t len)
{
	static uint64_t missed;
	char told[128];
	int told_len = snprintf(told, sizeof(told), "%s%smissed lines=%llu\n",
	    log_role != NULL ? log_role : "", log_role != NULL ? ": " : "",
	    (unsigned long long)missed);

	if (missed > 0 && write(STDERR_FILENO, told, (size_t)told_len) > 0)
		missed = 0;
	if (missed > 0 || write(STDERR_FILENO, line, len) < 0)
		missed++;
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
