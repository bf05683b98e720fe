#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/log_output.h"

static const char *log_role = "assay"; /* NULL: bare lines */
void (*log_output)(const char *line, size_t len) = log_to_stderr;

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
	log_output = log_to_stderr;
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

struct log_quoted
log_quote(const char *text)
{
	struct log_quoted out;
	size_t len = 0;

	for (; *text != '\0' && len + 2 < sizeof(out.text); text++) {
		if (*text == '"' || *text == '\\')
			out.text[len++] = '\\';
		out.text[len++] = *text;
	}
	out.text[len] = '\0';
	return out;
}

/* Nobody is left to tell if the log itself cannot be written, but whoever reads
 * on after a while. */
void
log_to_stderr(const char *line, size_t len)
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

void
log_bug(const char *file, int line, const char *rule)
{
	log_line("bug file=%s line=%d rule=\"%s\"", file, line, rule);
	abort();
}
