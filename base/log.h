/*
 * The role's log: one line per request on standard error, `key=value`, the
 * verb first. Libraries do not log.
 *
 *	log_line("refused build image=%s code=%s", ...);
 */
#ifndef ASSAY_BASE_LOG_H
#define ASSAY_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* The name before each line, such as "assayd[build]", and of the process, as
 * ps(1) shows it, which keeps 15 characters; borrowed for good. */
void log_set_role(const char *role);

/* One write(2) a line, so that lines of several processes do not mix. */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A rule of our own is broken: say so and abort the role. Stays on in release
 * builds.
 */
#define bug_unless(condition)                                    \
	do {                                                     \
		if (!(condition))                                \
			log_bug(__FILE__, __LINE__, #condition); \
	} while (0)

void log_bug(const char *file, int line, const char *rule)
    __attribute__((noreturn));

#endif
