/*
 * The role's log: one line per request on standard error, `key=value`, the
 * verb first. Libraries do not log.
 *
 * Roles of assayd write bare lines: whoever reads them puts the name before,
 * builder/supervisor/role_log.h.
 *
 *	log_line("refused build image=%s code=%s", ...);
 */
#ifndef ASSAY_BASE_LOG_H
#define ASSAY_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A longer line is cut, and ends in "...". Fits into a pipe as a whole. */
enum { LOG_LINE_BYTES = 1024 };

/* The name before each line, such as "assayd", and of the process, as ps(1)
 * shows it, which keeps 15 characters; borrowed for good. */
void log_set_role(const char *role);

/* The name of the process alone: its lines are bare, and go to its own standard
 * error, whatever log_set_output() said in the process that made it. */
void log_set_process(const char *name);

/*
 * One write(2) a line, so that lines of several processes do not mix. A
 * standard error that does not wait and takes no more loses lines; the next one
 * that it takes says how many: "missed lines=...".
 */
void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/*
 * A text for a line's quotes, as in detail="...": `"` and `\` have a `\` before
 * them, so that no part of it looks like another value. For texts as long as an
 * err's; a longer one is cut.
 */
struct log_quoted {
	char text[640];
};
struct log_quoted log_quote(const char *text);

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
