#include "base/base64.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"

static const char standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int check_characters(const char *text, struct err *err);
static const char *decode_into(const char *text, size_t len, uint8_t *out);
static int sextet(char c);

int
base64_decode(const char *text, enum err_code code, uint8_t **ret_data,
    size_t *ret_len, struct err *err)
{
	CLEANUP(freep) uint8_t *data = NULL;
	size_t len = strlen(text);
	size_t padding = 0;
	const char *why;

	if (len == 0) {
		*ret_data = NULL;
		*ret_len = 0;
		return 0;
	}
	TRY(check_characters(text, err));
	if (len % 4 != 0)
		return err_set(err, code,
		    "base64: length is not a multiple of four");
	if (text[len - 1] == '=')
		padding = text[len - 2] == '=' ? 2 : 1;
	data = malloc(len / 4 * 3);
	if (data == NULL)
		return err_set(err, NO_MEMORY, "base64 of %zu bytes", len);
	why = decode_into(text, len - padding, data);
	if (why != NULL)
		return err_set(err, code, "base64: %s", why);
	*ret_data = take_ptr(&data);
	*ret_len = len / 4 * 3 - padding;
	return 0;
}

char *
base64_encode(struct bytes data)
{
	char *text = malloc((data.len + 2) / 3 * 4 + 1);
	char *out = text;

	if (text == NULL)
		return NULL;
	for (size_t i = 0; i < data.len; i += 3) {
		size_t left = data.len - i;
		uint32_t group = (uint32_t)data.ptr[i] << 16;

		if (left > 1)
			group |= (uint32_t)data.ptr[i + 1] << 8;
		if (left > 2)
			group |= data.ptr[i + 2];
		*out++ = standard[group >> 18 & 63];
		*out++ = standard[group >> 12 & 63];
		*out++ = left > 1 ? standard[group >> 6 & 63] : '=';
		*out++ = left > 2 ? standard[group & 63] : '=';
	}
	*out = '\0';
	return text;
}

/* The mistakes that people make, before the length that these change too. */
static int
check_characters(const char *text, struct err *err)
{
	size_t at = strcspn(text, " \t\n\v\f\r");

	if (text[at] != '\0')
		return err_set(err, BASE64_WHITESPACE,
		    "base64: white space at character %zu", at + 1);
	if (strpbrk(text, "+/") != NULL && strpbrk(text, "-_") != NULL)
		return err_set(err, BASE64_ALPHABETS_MIXED,
		    "base64: both '%c' and '%c' in one string",
		    *strpbrk(text, "+/"), *strpbrk(text, "-_"));
	return 0;
}

/* NULL, or the rule that is broken. `len` counts no padding. */
static const char *
decode_into(const char *text, size_t len, uint8_t *out)
{
	uint32_t bits = 0;
	unsigned int held = 0;

	for (size_t i = 0; i < len; i++) {
		int value = sextet(text[i]);

		if (value < 0)
			return "a character outside the base64 alphabets";
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held >= 8) {
			held -= 8;
			*out++ = (uint8_t)(bits >> held);
		}
	}
	if ((bits & ((1u << held) - 1)) != 0)
		return "unused bits are not zero";
	return NULL;
}

/* In either alphabet. */
static int
sextet(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	return c == '/' || c == '_' ? 63 : -1;
}
