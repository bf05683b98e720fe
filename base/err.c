#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* NULL: there is no such code. */
static const char *find_name(int number);
static void fill(struct err *err, enum err_code code, const char *field,
    const char *fmt, va_list args) __attribute__((format(printf, 4, 0)));

int
err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fill(err, code, "", fmt, args);
	va_end(args);
	return (int)code;
}

int
err_set_field(struct err *err, enum err_code code, const char *field,
    const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fill(err, code, field, fmt, args);
	va_end(args);
	return (int)code;
}

int
err_set_errno(struct err *err, enum err_code code, const char *fmt, ...)
{
	int sys = errno;
	size_t len;
	va_list args;

	va_start(args, fmt);
	fill(err, code, "", fmt, args);
	va_end(args);
	err->sys = sys;
	len = strlen(err->text);
	snprintf(err->text + len, sizeof(err->text) - len, ": %s",
	    strerror(sys));
	return (int)code;
}

int
err_prefix(struct err *err, const char *fmt, ...)
{
	char where[128];
	char text[sizeof(err->text)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(where, sizeof(where), fmt, args);
	va_end(args);
	memcpy(text, err->text, sizeof(text));
	snprintf(err->text, sizeof(err->text), "%s: %.*s", where,
	    (int)(sizeof(text) - strlen(where) - sizeof(": ")), text);
	return (int)err->code;
}

const char *
err_name(enum err_code code)
{
	const char *name = find_name((int)code);

	return name != NULL ? name : "UNKNOWN_CODE";
}

bool
err_is_known(int number)
{
	return find_name(number) != NULL;
}

struct err_quoted
err_quote(const void *bytes, size_t len)
{
	static const size_t cap = 64;
	const unsigned char *in = bytes;
	struct err_quoted out = {""};
	size_t used = 0;

	for (size_t i = 0; i < len; i++) {
		size_t need = in[i] >= 0x20 && in[i] < 0x7f ? 1 : 4;

		if (used + need > cap) {
			memcpy(out.text + used, "...", 4);
			return out;
		}
		if (need == 1)
			out.text[used] = (char)in[i];
		else
			snprintf(out.text + used, 5, "\\x%02x", in[i]);
		used += need;
	}
	out.text[used] = '\0';
	return out;
}

struct err_quoted
err_quote_str(const char *str)
{
	return err_quote(str, strlen(str));
}

static const char *
find_name(int number)
{
	switch (number) {
#define ERR_NAME(code, name, class, meaning, remedy) \
	case code:                                   \
		return #name;
		ERR_TABLE(ERR_NAME)
#undef ERR_NAME
	default:
		return NULL;
	}
}

static void
fill(struct err *err, enum err_code code, const char *field, const char *fmt,
    va_list args)
{
	err->code = code;
	err->sys = 0;
	snprintf(err->field, sizeof(err->field), "%s", field);
	vsnprintf(err->text, sizeof(err->text), fmt, args);
}
