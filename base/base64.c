#include "base/base64.h"

#include <stdlib.h>

static const char standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Which alphabets a string can still belong to. */
enum { STANDARD = 1, URL_SAFE = 2 };

static const char *decode_into(const char *text, size_t len, uint8_t *out);
static int sextet(char c, int *alphabets);

bool
base64_decode(const char *text, uint8_t **ret_data, size_t *ret_len,
    const char **ret_why)
{
	size_t len = strlen(text);
	size_t padding = 0;
	uint8_t *data;

	if (len == 0) {
		*ret_data = NULL;
		*ret_len = 0;
		return true;
	}
	if (len % 4 != 0) {
		*ret_why = "length is not a multiple of four";
		return false;
	}
	if (text[len - 1] == '=')
		padding = text[len - 2] == '=' ? 2 : 1;
	data = malloc(len / 4 * 3);
	if (data == NULL) {
		*ret_why = "out of memory";
		return false;
	}
	*ret_why = decode_into(text, len - padding, data);
	if (*ret_why != NULL) {
		free(data);
		return false;
	}
	*ret_data = data;
	*ret_len = len / 4 * 3 - padding;
	return true;
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

/* NULL, or the rule that is broken. `len` counts no padding. */
static const char *
decode_into(const char *text, size_t len, uint8_t *out)
{
	int alphabets = STANDARD | URL_SAFE;
	uint32_t bits = 0;
	unsigned int held = 0;

	for (size_t i = 0; i < len; i++) {
		int value = sextet(text[i], &alphabets);

		if (value < 0)
			return "a character outside the base64 alphabets";
		if (alphabets == 0)
			return "both base64 alphabets in one string";
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

static int
sextet(char c, int *alphabets)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '/') {
		*alphabets &= STANDARD;
		return c == '+' ? 62 : 63;
	}
	if (c == '-' || c == '_') {
		*alphabets &= URL_SAFE;
		return c == '-' ? 62 : 63;
	}
	return -1;
}
