#include "base/log.h"

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
