#include "measure/verify/evidence_text.h"

#include <string.h>

#include "base/scope.h"

static struct bytes find_long(struct bytes text);
static bool next_string(struct bytes text, size_t *at,
    struct bytes *ret_string);
static int cut_out(struct bytes text, struct bytes string,
    struct evidence_text *ret_split, struct err *err);

int
evidence_text_split(struct bytes text, struct evidence_text *ret_split,
    struct err *err)
{
	const struct bytes string = find_long(text);

	if (text.len > 0 && memchr(text.ptr, '\\', text.len) != NULL)
		return err_set(err, EVIDENCE_MALFORMED,
		    "evidence: an escape, which no string of it needs");
	if (text.len - string.len > LIMIT_EVIDENCE_REST_BYTES)
		return err_set(err, EVIDENCE_MALFORMED,
		    "evidence: %zu bytes without the log, limit %zu",
		    text.len - string.len, LIMIT_EVIDENCE_REST_BYTES);
	if (string.len == 0) {
		*ret_split = (struct evidence_text){.rest = NULL};
		return 0;
	}
	return cut_out(text, string, ret_split, err);
}

void
evidence_text_done(struct evidence_text *text)
{
	freep(&text->rest);
}

struct bytes
evidence_text_rest(const struct evidence_text *split, struct bytes text)
{
	return split->rest != NULL ? bytes_of(split->rest, split->rest_len)
	                           : text;
}

/* Empty if none is that long. */
static struct bytes
find_long(struct bytes text)
{
	struct bytes string;
	size_t at = 0;

	while (next_string(text, &at, &string)) {
		if (string.len > EVIDENCE_TEXT_LONG)
			return string;
	}
	return bytes_of(NULL, 0);
}

/* From *at on, which moves behind it. False: there is no other. */
static bool
next_string(struct bytes text, size_t *at, struct bytes *ret_string)
{
	const uint8_t *end = text.ptr + text.len;
	const uint8_t *open = NULL, *close = NULL;

	if (*at < text.len)
		open = memchr(text.ptr + *at, '"', text.len - *at);
	if (open != NULL)
		close = memchr(open + 1, '"', (size_t)(end - open - 1));
	if (close == NULL)
		return false;
	*ret_string = bytes_of(open + 1, (size_t)(close - open - 1));
	*at = (size_t)(close + 1 - text.ptr);
	return true;
}

static int
cut_out(struct bytes text, struct bytes string, struct evidence_text *ret_split,
    struct err *err)
{
	static const char mark[] = "true";
	const size_t mark_len = sizeof(mark) - 1;
	size_t before = (size_t)(string.ptr - text.ptr) - 1;
	size_t behind = text.len - before - string.len - 2;
	uint8_t *rest = malloc(before + mark_len + behind);

	if (rest == NULL)
		return err_set(err, NO_MEMORY, "evidence");
	memcpy(rest, text.ptr, before);
	memcpy(rest + before, mark, mark_len);
	memcpy(rest + before + mark_len, text.ptr + text.len - behind, behind);
	*ret_split = (struct evidence_text){
	    .rest = rest,
	    .rest_len = before + mark_len + behind,
	    .log = string,
	};
	return 0;
}
