#include "measure/verify/digest_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"

enum { LINE_BYTES = DIGEST_TEXT_SIZE + DIGEST_LIST_NAME_BYTES + 8 };

static int read_line(struct bytes line, size_t number, struct digest_list *list,
    struct err *err);
static bool is_printable(const char *text);

int
digest_list_read(struct bytes text, struct digest_list *list, struct err *err)
{
	size_t at = 0;

	for (size_t number = 1; at < text.len; number++) {
		const uint8_t *start = text.ptr + at;
		const uint8_t *end = memchr(start, '\n', text.len - at);
		size_t len =
		    end != NULL ? (size_t)(end - start) : text.len - at;

		TRY(read_line(bytes_of(start, len), number, list, err));
		at += len + 1;
	}
	return 0;
}

int
digest_list_add(struct digest_list *list, const struct digest *digest,
    const char *name, struct err *err)
{
	struct digest_list_row *rows;

	if (list->count == LIMIT_INDEX_IMAGES)
		return err_set(err, REFERENCE_MALFORMED, "over %d lines",
		    LIMIT_INDEX_IMAGES);
	rows = reallocarray(list->rows, list->count + 1, sizeof(*rows));
	if (rows == NULL)
		return err_set(err, NO_MEMORY, "list of digests");
	list->rows = rows;
	rows[list->count].digest = *digest;
	snprintf(rows[list->count].name, sizeof(rows[0].name), "%s", name);
	list->count++;
	return 0;
}

const struct digest_list_row *
digest_list_find(const struct digest_list *list, const struct digest *digest)
{
	for (size_t i = 0; i < list->count; i++) {
		if (digest_equal(&list->rows[i].digest, digest))
			return &list->rows[i];
	}
	return NULL;
}

void
digest_list_done(struct digest_list *list)
{
	freep(&list->rows);
	list->count = 0;
}

static int
read_line(struct bytes line, size_t number, struct digest_list *list,
    struct err *err)
{
	char text[LINE_BYTES + 1] = "";
	struct digest digest;
	char *name;

	if (line.len > LINE_BYTES)
		return err_set(err, REFERENCE_MALFORMED,
		    "line %zu: over %d bytes", number, LINE_BYTES);
	if (line.len == 0 || line.ptr[0] == '#')
		return 0;
	memcpy(text, line.ptr, line.len);
	name = text + strcspn(text, " \t");
	if (*name != '\0')
		*name++ = '\0';
	name += strspn(name, " \t");
	if (strlen(name) > DIGEST_LIST_NAME_BYTES || !is_printable(name) ||
	    !digest_from_text(text, &digest) ||
	    memchr(line.ptr, '\0', line.len) != NULL)
		return err_set(err, REFERENCE_MALFORMED,
		    "line %zu: not sha256:, 64 lower-case hex "
		    "digits and a name",
		    number);
	if (digest_list_find(list, &digest) != NULL)
		return err_set(err, REFERENCE_MALFORMED,
		    "line %zu: this digest twice", number);
	return digest_list_add(list, &digest, name, err);
}

static bool
is_printable(const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text < 0x20 || *text > 0x7e)
			return false;
	}
	return true;
}
