#include "keys/pem.h"

#include <stdio.h>
#include <stdlib.h>

#include <openssl/crypto.h>

#include "base/base64.h"
#include "base/limits.h"
#include "base/scope.h"

static struct bytes trim_end(struct bytes text);
static bool find_body(struct bytes text, const char *label,
    struct bytes *ret_body, size_t *ret_len);
static int join_lines(struct bytes body, char **ret_base64, struct err *err);
static bool is_base64(uint8_t c);
static void wipe_strp(char **str);

int
pem_decode(struct bytes text, const char *const *labels,
    struct pem_block *ret_block, struct err *err)
{
	CLEANUP(wipe_strp) char *base64 = NULL;
	struct pem_block block = {.label = NULL};
	struct bytes body = {0};
	size_t len = 0;

	if (text.len > LIMIT_PEM_BYTES)
		return err_set(err, KEY_MALFORMED, "%zu bytes, limit %zu",
		    text.len, LIMIT_PEM_BYTES);
	text = trim_end(text);
	for (size_t i = 0; labels[i] != NULL && block.label == NULL; i++) {
		if (find_body(text, labels[i], &body, &len))
			block.label = labels[i];
	}
	if (block.label == NULL)
		return err_set(err, KEY_MALFORMED,
		    "rfc 7468: not one PEM block \"%s\" and nothing else",
		    labels[0]);
	if (len < text.len)
		return err_set(err, BYTES_TRAILING,
		    "rfc 7468: %zu bytes after the PEM block \"%s\"",
		    text.len - len, block.label);
	TRY(join_lines(body, &base64, err));
	if (base64_decode(bytes_of_str(base64), KEY_MALFORMED, &block.der,
		&block.len, err) != 0)
		return err_prefix(err, "rfc 7468");
	if (block.len == 0)
		return err_set(err, KEY_MALFORMED, "rfc 7468: an empty block");
	*ret_block = block;
	return 0;
}

void
pem_block_done(struct pem_block *block)
{
	if (block->der != NULL)
		OPENSSL_cleanse(block->der, block->len);
	freep(&block->der);
	block->len = 0;
}

static struct bytes
trim_end(struct bytes text)
{
	while (text.len > 0 && memchr(" \t\r\n", text.ptr[text.len - 1], 4))
		text.len--;
	return text;
}

/* What stands between the two boundary lines, and where the second ends. */
static bool
find_body(struct bytes text, const char *label, struct bytes *ret_body,
    size_t *ret_len)
{
	char begin[64], end[64];
	size_t begin_len;
	const uint8_t *found;

	snprintf(begin, sizeof(begin), "-----BEGIN %s-----", label);
	snprintf(end, sizeof(end), "\n-----END %s-----", label);
	begin_len = strlen(begin);
	if (text.len < begin_len || memcmp(text.ptr, begin, begin_len) != 0)
		return false;
	found = memmem(text.ptr + begin_len, text.len - begin_len, end,
	    strlen(end));
	if (found == NULL)
		return false;
	*ret_body = bytes_of(text.ptr + begin_len,
	    (size_t)(found - text.ptr) - begin_len);
	*ret_len = (size_t)(found - text.ptr) + strlen(end);
	return true;
}

/* The body without its line ends; it has to begin with one. */
static int
join_lines(struct bytes body, char **ret_base64, struct err *err)
{
	CLEANUP(wipe_strp) char *base64 = calloc(1, body.len + 1);
	size_t len = 0;

	if (base64 == NULL)
		return err_set(err, NO_MEMORY, "%zu bytes", body.len);
	for (size_t i = 0; i < body.len; i++) {
		uint8_t c = body.ptr[i];

		if (c == '\n' || c == '\r')
			continue;
		if (i == 0 || !is_base64(c))
			return err_set(err, KEY_MALFORMED,
			    "rfc 7468: '%s' inside the PEM block",
			    err_quote(&c, 1).text);
		base64[len++] = (char)c;
	}
	*ret_base64 = take_ptr(&base64);
	return 0;
}

/* The standard alphabet only. */
static bool
is_base64(uint8_t c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '+' || c == '/' || c == '=';
}

static void
wipe_strp(char **str)
{
	if (*str != NULL)
		OPENSSL_cleanse(*str, strlen(*str));
	freep(str);
}
