#include "base/log_output.h"

void
log_write(const char *line, size_t len)
{
	log_output(line, len);
}

void
log_set_output(void (*output)(const char *line, size_t len))
{
	log_output = output != NULL ? output : log_to_stderr;
}
