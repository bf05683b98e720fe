#include "cli/xl/xl_keys.h"

#include <string.h>

static const char name_bytes[] = "abcdefghijklmnopqrstuvwxyz0123456789._";
static const char number_bytes[] = "0123456789abcdefx";

static void pass(struct xl_keys *keys, size_t count);
static size_t length_of(struct bytes text, const char *set);
static size_t length_of_string(struct bytes text);
static size_t length_of_comment(struct bytes text);

bool
xl_keys_next(struct xl_keys *keys, struct xl_key *ret_key)
{
	while (keys->rest.len > 0) {
		uint8_t first = keys->rest.ptr[0];

		if (first >= 'a' && first <= 'z') {
			size_t len = length_of(keys->rest, name_bytes);

			*ret_key =
			    (struct xl_key){{keys->rest.ptr, len}, keys->line};
			pass(keys, len);
			return true;
		}
		if (first >= '0' && first <= '9')
			pass(keys, length_of(keys->rest, number_bytes));
		else if (first == '"' || first == '\'')
			pass(keys, length_of_string(keys->rest));
		else if (first == '#')
			pass(keys, length_of_comment(keys->rest));
		else
			pass(keys, 1);
	}
	return false;
}

static void
pass(struct xl_keys *keys, size_t count)
{
	for (size_t i = 0; i < count; i++)
		keys->line += keys->rest.ptr[i] == '\n';
	keys->rest.ptr += count;
	keys->rest.len -= count;
}

/* Of its beginning that has nothing but bytes of the set. */
static size_t
length_of(struct bytes text, const char *set)
{
	size_t len = 0;

	while (len < text.len && text.ptr[len] != '\0' &&
	       strchr(set, text.ptr[len]) != NULL)
		len++;
	return len;
}

/* With both quotes; a backslash takes away the meaning of what follows. */
static size_t
length_of_string(struct bytes text)
{
	size_t len = 1;

	while (len < text.len && text.ptr[len] != text.ptr[0])
		len += text.ptr[len] == '\\' ? 2 : 1;
	return len < text.len ? len + 1 : text.len;
}

static size_t
length_of_comment(struct bytes text)
{
	const uint8_t *end = memchr(text.ptr, '\n', text.len);

	return end != NULL ? (size_t)(end - text.ptr) : text.len;
}
