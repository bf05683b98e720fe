#include "measure/verify/ek_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/limits.h"
#include "base/scope.h"

enum { LINE_BYTES = DIGEST_TEXT_SIZE + ENROLMENT_LABEL_BYTES + 8 };

struct ek_list_row {
	struct digest ek;
	size_t line;
	char label[ENROLMENT_LABEL_BYTES + 1]; /* "" if there is none */
};

static size_t count_lines(struct bytes text);
static int read_line(struct bytes line, size_t number, struct ek_list *list,
    struct err *err);
static bool split_line(struct bytes line, char ret_text[LINE_BYTES + 1],
    const char **ret_label);
static int refuse_twice(const struct ek_list *list, struct err *err);
static int compare(const void *a, const void *b);

int
ek_list_read(struct bytes text, struct ek_list *ret_list, struct err *err)
{
	CLEANUP(ek_list_done) struct ek_list list = {.count = 0};
	size_t at = 0, lines = count_lines(text);

	if (lines > LIMIT_EK_LIST_LINES)
		return err_set(err, REFERENCE_MALFORMED,
		    "list of endorsement keys: over %d lines",
		    LIMIT_EK_LIST_LINES);
	list.rows = calloc(lines, sizeof(*list.rows));
	if (list.rows == NULL)
		return err_set(err, NO_MEMORY, "list of endorsement keys");
	for (size_t number = 1; at < text.len; number++) {
		const uint8_t *start = text.ptr + at;
		const uint8_t *end = memchr(start, '\n', text.len - at);
		size_t len =
		    end != NULL ? (size_t)(end - start) : text.len - at;

		TRY(read_line(bytes_of(start, len), number, &list, err));
		at += len + 1;
	}
	qsort(list.rows, list.count, sizeof(*list.rows), compare);
	TRY(refuse_twice(&list, err));
	*ret_list = list;
	list.rows = NULL;
	return 0;
}

void
ek_list_done(struct ek_list *list)
{
	freep(&list->rows);
	list->count = 0;
}

int
ek_list_check(const struct ek_list *list, struct enrolment *enrolment,
    struct err *err)
{
	const struct ek_list_row key = {.ek = enrolment->ek};
	const struct ek_list_row *row = bsearch(&key, list->rows, list->count,
	    sizeof(*list->rows), compare);
	char text[DIGEST_TEXT_SIZE];

	digest_text(&enrolment->ek, text);
	if (row == NULL)
		return err_set(err, EK_UNLISTED,
		    "endorsement key %s is not on the list", text);
	if (enrolment->label[0] == '\0')
		memcpy(enrolment->label, row->label, sizeof(row->label));
	if (row->label[0] != '\0' && strcmp(row->label, enrolment->label) != 0)
		return err_set(err, LABEL_MISMATCH,
		    "the host is called %s, and the list has %s for %s",
		    enrolment->label, row->label, text);
	return 0;
}

/* One more than there are ends of lines, as the last may have none. */
static size_t
count_lines(struct bytes text)
{
	size_t count = 1;

	for (size_t i = 0; i < text.len; i++)
		count += text.ptr[i] == '\n';
	return count;
}

static int
read_line(struct bytes line, size_t number, struct ek_list *list,
    struct err *err)
{
	struct ek_list_row *row = &list->rows[list->count];
	char text[LINE_BYTES + 1];
	const char *label;

	if (line.len == 0 || line.ptr[0] == '#')
		return 0;
	if (!split_line(line, text, &label) ||
	    !digest_from_text(text, &row->ek) ||
	    (label[0] != '\0' && !enrolment_is_label(label)))
		return err_set(err, REFERENCE_MALFORMED,
		    "list of endorsement keys: line %zu: not sha256:, 64 "
		    "lower-case hex digits and a label or none",
		    number);
	memcpy(row->label, label, strlen(label) + 1);
	row->line = number;
	list->count++;
	return 0;
}

static bool
split_line(struct bytes line, char ret_text[LINE_BYTES + 1],
    const char **ret_label)
{
	char *end;

	if (line.len > LINE_BYTES || memchr(line.ptr, '\0', line.len) != NULL)
		return false;
	memcpy(ret_text, line.ptr, line.len);
	ret_text[line.len] = '\0';
	end = ret_text + strcspn(ret_text, " \t");
	*ret_label = end + strspn(end, " \t");
	*end = '\0';
	return true;
}

static int
refuse_twice(const struct ek_list *list, struct err *err)
{
	for (size_t i = 1; i < list->count; i++) {
		const struct ek_list_row *row = &list->rows[i];

		if (digest_equal(&row->ek, &row[-1].ek))
			return err_set(err, REFERENCE_MALFORMED,
			    "list of endorsement keys: lines %zu and %zu: one "
			    "key twice",
			    row[-1].line < row->line ? row[-1].line : row->line,
			    row[-1].line < row->line ? row->line
						     : row[-1].line);
	}
	return 0;
}

static int
compare(const void *a, const void *b)
{
	const struct ek_list_row *one = a, *other = b;

	return memcmp(one->ek.bytes, other->ek.bytes, DIGEST_BYTES);
}
