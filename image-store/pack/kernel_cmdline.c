#include "image-store/pack/kernel_cmdline.h"

#include <string.h>

static const char *skip_spaces(const char *at);
static bool is_space(char c);
static size_t word_length(const char *word, bool in_quotes, size_t *ret_equals);
static bool ends_in_quote(const char *word, size_t len);

bool
kernel_cmdline_next(const char **at, struct kernel_parameter *ret)
{
	const char *word = skip_spaces(*at);
	bool is_quoted = *word == '"';
	size_t equals;
	size_t len;

	word += is_quoted;
	len = word_length(word, is_quoted, &equals);
	*at = word + len;
	if (len == 0 && !is_quoted)
		return false;
	if (is_quoted && ends_in_quote(word, len))
		len--;
	*ret = (struct kernel_parameter){.key = bytes_of(word, len)};
	if (equals > 0) {
		const char *value = word + equals + 1;

		ret->key.len = equals;
		ret->value = bytes_of(value, len - equals - 1);
		if (ret->value.len > 0 && *value == '"') {
			ret->value = bytes_of(value + 1, ret->value.len - 1);
			ret->value.len -=
			    ends_in_quote(value + 1, ret->value.len);
		}
	}
	return !(ret->value.ptr == NULL && ret->key.len == 2 &&
		 memcmp(ret->key.ptr, "--", 2) == 0);
}

bool
kernel_parameter_is(const struct kernel_parameter *parameter, const char *key)
{
	if (parameter->key.len != strlen(key))
		return false;
	for (size_t i = 0; key[i] != '\0'; i++) {
		char found = (char)parameter->key.ptr[i];

		if ((found == '-' ? '_' : found) !=
		    (key[i] == '-' ? '_' : key[i]))
			return false;
	}
	return true;
}

bool
kernel_cmdline_last(const char *cmdline, const char *key,
    struct bytes *ret_value)
{
	struct kernel_parameter parameter;
	bool is_found = false;

	while (kernel_cmdline_next(&cmdline, &parameter)) {
		if (!kernel_parameter_is(&parameter, key) ||
		    parameter.value.ptr == NULL)
			continue;
		*ret_value = parameter.value;
		is_found = true;
	}
	return is_found;
}

static const char *
skip_spaces(const char *at)
{
	while (is_space(*at))
		at++;
	return at;
}

static bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Linux takes no "=" at the very beginning: 0 is none. */
static size_t
word_length(const char *word, bool in_quotes, size_t *ret_equals)
{
	size_t len;

	*ret_equals = 0;
	for (len = 0; word[len] != '\0'; len++) {
		if (is_space(word[len]) && !in_quotes)
			break;
		if (*ret_equals == 0 && word[len] == '=')
			*ret_equals = len;
		if (word[len] == '"')
			in_quotes = !in_quotes;
	}
	return len;
}

static bool
ends_in_quote(const char *word, size_t len)
{
	return len > 0 && word[len - 1] == '"';
}
