/*
 * Where log lines of this process go: for the supervisor, who speaks for others
 * too and waits for no reader.
 */
#ifndef ASSAY_BASE_LOG_OUTPUT_H
#define ASSAY_BASE_LOG_OUTPUT_H

#include <stddef.h>

/* Whole lines, with their end and without the name before, go where lines go:
 * to standard error, or to `output`; NULL: to standard error again. */
void log_write(const char *line, size_t len);
void log_set_output(void (*output)(const char *line, size_t len));

/* base/log.c's own. */
extern void (*log_output)(const char *line, size_t len);
void log_to_stderr(const char *line, size_t len);

#endif
