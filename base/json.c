#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/base64.h"
#include "base/err_meaning.h"

static int find(const struct json_at *object, const char *member,
    json_t **ret_value, struct err *err);
static void descend(const struct json_at *at, const char *member, json_t *value,
    struct json_at *ret_at);
static int check_string(const struct json_at *at, const char *member,
    json_t *value, size_t max_bytes, struct err *err);

struct json_at
json_root(json_t *document, enum err_code code)
{
	return (struct json_at){.value = document, .code = code};
}

int
json_known(const struct json_at *object, const char *const *known,
    struct err *err)
{
	const char *member;
	json_t *value = NULL;

	json_object_foreach(object->value, member, value)
	{
		size_t i = 0;

		while (known[i] != NULL && strcmp(known[i], member) != 0)
			i++;
		if (known[i] == NULL)
			return json_refuse(object, err_quote_str(member).text,
			    err, "unknown member");
	}
	return 0;
}

bool
json_has(const struct json_at *object, const char *member)
{
	json_t *value = json_object_get(object->value, member);

	return value != NULL && !json_is_null(value);
}

int
json_object_in(const struct json_at *object, const char *member,
    struct json_at *ret_at, struct err *err)
{
	json_t *value = NULL;
	int code = find(object, member, &value, err);

	if (code != 0)
		return code;
	if (!json_is_object(value))
		return json_refuse(object, member, err, "not an object");
	descend(object, member, value, ret_at);
	return 0;
}

int
json_array_in(const struct json_at *object, const char *member,
    size_t max_items, struct json_at *ret_at, struct err *err)
{
	json_t *value = NULL;
	int code = find(object, member, &value, err);

	if (code != 0)
		return code;
	if (!json_is_array(value))
		return json_refuse(object, member, err, "not an array");
	if (json_array_size(value) > max_items)
		return json_refuse(object, member, err, "%zu items, limit %zu",
		    json_array_size(value), max_items);
	descend(object, member, value, ret_at);
	return 0;
}

int
json_string_in(const struct json_at *object, const char *member,
    size_t max_bytes, const char **ret_string, struct err *err)
{
	json_t *value = NULL;
	int code = find(object, member, &value, err);

	if (code == 0)
		code = check_string(object, member, value, max_bytes, err);
	if (code != 0)
		return code;
	*ret_string = json_string_value(value);
	return 0;
}

int
json_integer_in(const struct json_at *object, const char *member, int64_t min,
    int64_t max, int64_t *ret_integer, struct err *err)
{
	json_t *value = NULL;
	json_int_t integer;
	int code = find(object, member, &value, err);

	if (code != 0)
		return code;
	if (!json_is_integer(value))
		return json_refuse(object, member, err, "not an integer");
	integer = json_integer_value(value);
	if (integer < min || integer > max)
		return json_refuse(object, member, err,
		    "%lld is outside %lld to %lld", (long long)integer,
		    (long long)min, (long long)max);
	*ret_integer = integer;
	return 0;
}

int
json_bool_in(const struct json_at *object, const char *member, bool *ret_bool,
    struct err *err)
{
	json_t *value = NULL;
	int code = find(object, member, &value, err);

	if (code != 0)
		return code;
	if (!json_is_boolean(value))
		return json_refuse(object, member, err, "not true or false");
	*ret_bool = json_boolean_value(value);
	return 0;
}

int
json_digest_in(const struct json_at *object, const char *member,
    struct digest *ret_digest, struct err *err)
{
	const char *text;
	int code = json_string_in(object, member, DIGEST_TEXT_SIZE, &text, err);

	if (code != 0)
		return code;
	if (!digest_from_text(text, ret_digest))
		return json_refuse(object, member, err,
		    "not sha256: and 64 lower-case hex digits");
	return 0;
}

int
json_base64_in(const struct json_at *object, const char *member,
    size_t max_text_bytes, uint8_t **ret_data, size_t *ret_len, struct err *err)
{
	const char *text;
	int code = json_string_in(object, member, max_text_bytes, &text, err);

	if (code != 0)
		return code;
	if (base64_decode(bytes_of_str(text), object->code, ret_data, ret_len,
		err) != 0)
		return json_blame(object, member, err);
	return 0;
}

int
json_literal_in(const struct json_at *object, const char *member,
    const char *expected, struct err *err)
{
	const char *text;
	int code = json_string_in(object, member, 256, &text, err);

	if (code != 0)
		return code;
	if (strcmp(text, expected) != 0)
		return json_refuse(object, member, err,
		    "\"%s\" instead of \"%s\"", err_quote_str(text).text,
		    expected);
	return 0;
}

int
json_null_in(const struct json_at *object, const char *member, struct err *err)
{
	json_t *value = NULL;
	int code = find(object, member, &value, err);

	if (code != 0)
		return code;
	if (!json_is_null(value))
		return json_refuse(object, member, err, "not null");
	return 0;
}

int
json_item_object(const struct json_at *array, size_t index,
    struct json_at *ret_at, struct err *err)
{
	char name[24];
	json_t *value = json_array_get(array->value, index);

	snprintf(name, sizeof(name), "[%zu]", index);
	if (!json_is_object(value))
		return json_refuse(array, name, err, "not an object");
	descend(array, name, value, ret_at);
	return 0;
}

int
json_item_string(const struct json_at *array, size_t index, size_t max_bytes,
    const char **ret_string, struct err *err)
{
	char name[24];
	json_t *value = json_array_get(array->value, index);
	int code;

	snprintf(name, sizeof(name), "[%zu]", index);
	code = check_string(array, name, value, max_bytes, err);
	if (code != 0)
		return code;
	*ret_string = json_string_value(value);
	return 0;
}

int
json_refuse(const struct json_at *at, const char *member, struct err *err,
    const char *fmt, ...)
{
	struct json_at place;
	char why[128];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	descend(at, member, NULL, &place);
	return err_set_field(err, at->code, place.path, "%s: %s", place.path,
	    why);
}

int
json_blame(const struct json_at *at, const char *member, struct err *err)
{
	struct json_at place;

	descend(at, member, NULL, &place);
	snprintf(err->field, sizeof(err->field), "%s", place.path);
	return err_prefix(err, "%s", place.path);
}

static int
find(const struct json_at *object, const char *member, json_t **ret_value,
    struct err *err)
{
	json_t *value = json_object_get(object->value, member);

	if (value == NULL)
		return json_refuse(object, member, err, "missing");
	*ret_value = value;
	return 0;
}

static void
descend(const struct json_at *at, const char *member, json_t *value,
    struct json_at *ret_at)
{
	const char *dot = at->path[0] == '\0' || member[0] == '[' ? "" : ".";
	struct json_at place = {.value = value, .code = at->code};
	int len = snprintf(place.path, sizeof(place.path), "%s%s%s", at->path,
	    dot, err_quote_str(member).text);

	if (len >= (int)sizeof(place.path))
		memcpy(place.path + sizeof(place.path) - 4, "...", 4);
	*ret_at = place;
}

static int
check_string(const struct json_at *at, const char *member, json_t *value,
    size_t max_bytes, struct err *err)
{
	if (!json_is_string(value))
		return json_refuse(at, member, err, "not a string");
	if (json_string_length(value) > max_bytes)
		return json_refuse(at, member, err, "%zu bytes, limit %zu",
		    json_string_length(value), max_bytes);
	if (strlen(json_string_value(value)) != json_string_length(value))
		return json_refuse(at, member, err, "holds a zero byte");
	return 0;
}
