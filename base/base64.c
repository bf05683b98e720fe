#include "base/base64.h"

#include <stdlib.h>
#include <string.h>

#include "base/scope.h"

static const char standard[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static int check_characters(struct bytes text, struct err *err);
static size_t place_of(struct bytes text, const char *any);
static const char *decode_into(struct bytes text, uint8_t *out);
static void fill_sextets(int sextets[static 256]);

int
base64_decode(struct bytes text, enum err_code code, uint8_t **ret_data,
    size_t *ret_len, struct err *err)
{
	CLEANUP(freep) uint8_t *data = NULL;
	size_t len = text.len;
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
	if (text.ptr[len - 1] == '=')
		padding = text.ptr[len - 2] == '=' ? 2 : 1;
	data = malloc(len / 4 * 3);
	if (data == NULL)
		return err_set(err, NO_MEMORY, "base64 of %zu bytes", len);
	why = decode_into(bytes_of(text.ptr, len - padding), data);
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
check_characters(struct bytes text, struct err *err)
{
	size_t space = place_of(text, " \t\n\v\f\r");
	size_t one = place_of(text, "+/");
	size_t other = place_of(text, "-_");

	if (space < text.len)
		return err_set(err, BASE64_WHITESPACE,
		    "base64: white space at character %zu", space + 1);
	if (one < text.len && other < text.len)
		return err_set(err, BASE64_ALPHABETS_MIXED,
		    "base64: both '%c' and '%c' in one string", text.ptr[one],
		    text.ptr[other]);
	return 0;
}

/* The first of these characters; text.len if there is none. */
static size_t
place_of(struct bytes text, const char *any)
{
	size_t place = text.len;

	for (; *any != '\0'; any++) {
		const uint8_t *at = memchr(text.ptr, *any, place);

		if (at != NULL)
			place = (size_t)(at - text.ptr);
	}
	return place;
}

/* NULL, or the rule that is broken. `text` has no padding. */
static const char *
decode_into(struct bytes text, uint8_t *out)
{
	int sextets[256];
	uint32_t bits = 0;
	unsigned int held = 0;

	fill_sextets(sextets);
	for (size_t i = 0; i < text.len; i++) {
		int value = sextets[text.ptr[i]];

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

/* Of each character, in either alphabet; -1 if it is in none. */
static void
fill_sextets(int sextets[static 256])
{
	memset(sextets, -1, 256 * sizeof(sextets[0]));
	for (int i = 0; i < 64; i++)
		sextets[(uint8_t)standard[i]] = i;
	sextets['-'] = 62;
	sextets['_'] = 63;
}
