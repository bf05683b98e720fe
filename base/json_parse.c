#include "base/json.h"

#include "base/err_meaning.h"

static int refuse_large(struct bytes text, unsigned int max_depth,
    size_t max_values, const char *what, enum err_code code, struct err *err);
static int refuse_text(struct bytes text, const char *what, enum err_code code,
    const json_error_t *error, struct err *err);
static struct err_quoted name_before(struct bytes text, int position);
static int refuse_trailing(struct bytes text, int end, const char *what,
    enum err_code code, struct err *err);
static enum err_code sharper(enum err_code code, enum err_code own);

int
json_parse(struct bytes text, unsigned int max_depth, const char *what,
    enum err_code code, json_t **ret_document, struct err *err)
{
	return json_parse_many(text, max_depth, JSON_VALUES, what, code,
	    ret_document, err);
}

int
json_parse_many(struct bytes text, unsigned int max_depth, size_t max_values,
    const char *what, enum err_code code, json_t **ret_document,
    struct err *err)
{
	json_error_t error = {0}; /* jansson sets no code if memory is short */
	json_t *document;
	int known = refuse_large(text, max_depth, max_values, what, code, err);

	if (known != 0)
		return known;
	document = json_loadb((const char *)text.ptr, text.len,
	    JSON_REJECT_DUPLICATES | JSON_DISABLE_EOF_CHECK, &error);
	if (document == NULL)
		return refuse_text(text, what, code, &error, err);
	known = refuse_trailing(text, error.position, what, code, err);
	if (known == 0 && !json_is_object(document))
		known = err_set(err, code, "%s: not a JSON object", what);
	if (known != 0) {
		json_decref(document);
		return known;
	}
	*ret_document = document;
	return 0;
}

void
json_freep(json_t **document)
{
	json_decref(*document);
	*document = NULL;
}

/*
 * Before jansson sees the text: its own depth limit is 2048, compiled in, and
 * it takes memory for as many values as there are. Each value is the document,
 * or stands behind a bracket or a comma outside of strings; so there are no
 * more than that, and in what is not JSON at all jansson makes no more.
 */
static int
refuse_large(struct bytes text, unsigned int max_depth, size_t max_values,
    const char *what, enum err_code code, struct err *err)
{
	unsigned int depth = 0;
	size_t values = 1;
	bool in_string = false;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.ptr[i];

		if (in_string && c == '\\')
			i++;
		else if (c == '"')
			in_string = !in_string;
		if (in_string)
			continue;
		depth += c == '{' || c == '[';
		depth -= (c == '}' || c == ']') && depth > 0;
		values += c == '{' || c == '[' || c == ',';
		if (depth > max_depth)
			return err_set(err, code, "%s: nested deeper than %u",
			    what, max_depth);
		if (values > max_values)
			return err_set(err, code, "%s: over %zu values", what,
			    max_values);
	}
	return 0;
}

static int
refuse_text(struct bytes text, const char *what, enum err_code code,
    const json_error_t *error, struct err *err)
{
	struct err_quoted name;

	if (json_error_code(error) != json_error_duplicate_key)
		return err_set(err, code, "%s: line %d column %d: %s", what,
		    error->line, error->column,
		    err_quote_str(error->text).text);
	name = name_before(text, error->position);
	return err_set_field(err, sharper(code, MEMBER_DUPLICATE), name.text,
	    "%s: line %d column %d: member \"%s\" stands there twice", what,
	    error->line, error->column, name.text);
}

/* As it is written: jansson stops right behind a name that it refuses. */
static struct err_quoted
name_before(struct bytes text, int position)
{
	const char *begin = (const char *)text.ptr;
	size_t end = (size_t)position - 1; /* the closing quote */
	size_t start = end;

	while (
	    start > 1 && (begin[start - 1] != '"' || begin[start - 2] == '\\'))
		start--;
	return err_quote(begin + start, end - start);
}

/* Only white space may follow; `end` is how far jansson read. */
static int
refuse_trailing(struct bytes text, int end, const char *what,
    enum err_code code, struct err *err)
{
	for (size_t i = (size_t)end; i < text.len; i++) {
		if (memchr(" \t\r\n", text.ptr[i], 4) == NULL)
			return err_set(err, sharper(code, BYTES_TRAILING),
			    "%s: it ends at byte %d, and others follow", what,
			    end);
	}
	return 0;
}

/* Whose fault it is, is not changed by a better name for it. */
static enum err_code
sharper(enum err_code code, enum err_code own)
{
	return err_class_of(code) == ERR_CLASS_REFUSAL ? own : code;
}
