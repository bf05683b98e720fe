#include "base/json_table.h"

#include <stdio.h>

#include "base/log.h"
#include "base/scope.h"
#include "base/utc.h"
#include "base/uuid.h"
#include "base/uuid_make.h"
#include "base/err_meaning.h"

/* Longer than any name of an error; and than any word. */
enum { CODE_BYTES = 64, WORD_BYTES = 63 };

static int refuse_unknown(const struct json_at *object,
    const struct json_table *table, struct err *err);
static bool is_named(const struct json_table *table, const char *name);
static int read_member(const struct json_at *object,
    const struct json_member *member, uint8_t *value, struct err *err);
static bool may_lack(const struct json_at *object,
    const struct json_member *member);
static int refuse_word(const struct json_at *object,
    const struct json_member *member, struct err *err);
static json_t *write_member(const struct json_member *member,
    const uint8_t *value);
static bool is_left_out(const struct json_member *member,
    const json_t *written);
static int64_t number_of(const struct json_member *member, const void *value);

int
json_table_read(const struct json_at *object, const struct json_table *table,
    void *ret_value, struct err *err)
{
	/* A newer format may have any member: say that it is newer. */
	if (table->schema != NULL)
		TRY(json_literal_in(object, "schema", table->schema, err));
	TRY(refuse_unknown(object, table, err));
	for (size_t i = 0; i < table->count; i++)
		TRY(read_member(object, &table->members[i], ret_value, err));
	return 0;
}

json_t *
json_table_write(const struct json_table *table, const void *value)
{
	CLEANUP(json_freep) json_t *object = json_object();

	if (table->schema != NULL && json_object_set_new(object, "schema",
					 json_string(table->schema)) != 0)
		return NULL;
	for (size_t i = 0; i < table->count; i++) {
		const struct json_member *member = &table->members[i];
		json_t *written = write_member(member, value);

		if (is_left_out(member, written)) {
			json_decref(written);
			continue;
		}
		if (json_object_set_new(object, member->name, written) != 0)
			return NULL;
	}
	return take_ptr(&object);
}

json_t *
json_table_write_items(const struct json_table *table, const void *items,
    size_t count, size_t size)
{
	CLEANUP(json_freep) json_t *array = json_array();
	const uint8_t *bytes = items;

	for (size_t i = 0; i < count; i++) {
		if (json_array_append_new(array,
			json_table_write(table, bytes + i * size)) != 0)
			return NULL;
	}
	return take_ptr(&array);
}

static int
refuse_unknown(const struct json_at *object, const struct json_table *table,
    struct err *err)
{
	const char *name;
	json_t *ignored;

	json_object_foreach(object->value, name, ignored)
	{
		if (!is_named(table, name))
			return json_refuse(object, err_quote_str(name).text,
			    err, "unknown member");
	}
	return 0;
}

static bool
is_named(const struct json_table *table, const char *name)
{
	if (table->schema != NULL && strcmp(name, "schema") == 0)
		return true;
	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(name, table->members[i].name) == 0)
			return true;
	}
	return false;
}

static int
read_member(const struct json_at *object, const struct json_member *member,
    uint8_t *value, struct err *err)
{
	bool is_there = json_has(object, member->name);

	if (member->has != 0)
		memcpy(value + member->has - 1, &is_there, sizeof(is_there));
	if (!is_there && may_lack(object, member))
		return 0;
	bug_unless(member->kind->read != NULL);
	return member->kind->read(object, member, value + member->offset, err);
}

/* Of a member that is null, or not there. */
static bool
may_lack(const struct json_at *object, const struct json_member *member)
{
	bool is_null = json_object_get(object->value, member->name) != NULL;

	switch (member->presence) {
	case JSON_REQUIRED:
		return false;
	case JSON_OPTIONAL:
	case JSON_NEWER:
		return true;
	case JSON_NULLABLE:
		return is_null;
	case JSON_NEVER_NULL:
		return !is_null;
	}
	return false;
}

static json_t *
write_member(const struct json_member *member, const uint8_t *value)
{
	if (member->has != 0 && !value[member->has - 1])
		return json_null();
	return member->kind->write(member, value + member->offset);
}

static bool
is_left_out(const struct json_member *member, const json_t *written)
{
	return json_is_null(written) &&
	       (member->presence == JSON_OPTIONAL ||
		   member->presence == JSON_NEVER_NULL);
}

/* Of any width, which is the first bytes of a wider one. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "as on x86");

static int64_t
number_of(const struct json_member *member, const void *value)
{
	int64_t number = 0;

	memcpy(&number, value, member->size);
	return number;
}

static int
read_literal(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	(void)ret_value;
	return json_literal_in(object, member->name, member->text, err);
}

json_t *
json_table_write_literal(const struct json_member *member, const void *value)
{
	(void)value;
	return json_string(member->text);
}

const struct json_kind json_kind_literal = {"string", read_literal,
    json_table_write_literal};

static int
read_bool(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	return json_bool_in(object, member->name, ret_value, err);
}

static json_t *
write_bool(const struct json_member *member, const void *value)
{
	return json_boolean(number_of(member, value) != 0);
}

const struct json_kind json_kind_bool = {"bool", read_bool, write_bool};

static int
read_integer(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	int64_t number;

	TRY(json_integer_in(object, member->name, member->min, member->max,
	    &number, err));
	memcpy(ret_value, &number, member->size);
	return 0;
}

static json_t *
write_integer(const struct json_member *member, const void *value)
{
	return json_integer(number_of(member, value));
}

const struct json_kind json_kind_integer = {"int", read_integer, write_integer};

int
json_table_read_string(const struct json_at *object,
    const struct json_member *member, void *ret_value, struct err *err)
{
	const char *string;

	TRY(json_string_in(object, member->name, member->size - 1, &string,
	    err));
	if (member->is_valid != NULL && !member->is_valid(string))
		return json_refuse(object, member->name, err, "%s",
		    member->text);
	memcpy(ret_value, string, strlen(string) + 1);
	return 0;
}

json_t *
json_table_write_string(const struct json_member *member, const void *value)
{
	(void)member;
	return json_string(value);
}

const struct json_kind json_kind_string = {"string", json_table_read_string,
    json_table_write_string};

static json_t *
write_maybe_string(const struct json_member *member, const void *value)
{
	const char *string = value;

	(void)member;
	return string[0] != '\0' ? json_string(string) : json_null();
}

const struct json_kind json_kind_maybe_string = {"string",
    json_table_read_string, write_maybe_string};

static int
read_borrowed(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	return json_string_in(object, member->name, (size_t)member->max,
	    ret_value, err);
}

static json_t *
write_borrowed(const struct json_member *member, const void *value)
{
	const char *const *string = value;

	(void)member;
	return *string != NULL ? json_string(*string) : json_null();
}

const struct json_kind json_kind_borrowed = {"string", read_borrowed,
    write_borrowed};

static int
read_word(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	const char *word;

	TRY(json_string_in(object, member->name, WORD_BYTES, &word, err));
	for (int64_t i = 0; member->words[i] != NULL; i++) {
		if (strcmp(word, member->words[i]) == 0) {
			memcpy(ret_value, &i, member->size);
			return 0;
		}
	}
	return refuse_word(object, member, err);
}

/* By the member's own text, or by all that it may be. */
static int
refuse_word(const struct json_at *object, const struct json_member *member,
    struct err *err)
{
	char all[128] = "";

	if (member->text != NULL)
		return json_refuse(object, member->name, err, "%s",
		    member->text);
	for (size_t i = 0; member->words[i] != NULL; i++) {
		size_t len = strlen(all);

		snprintf(all + len, sizeof(all) - len, "%s\"%s\"",
		    i > 0 ? ", " : "", member->words[i]);
	}
	return json_refuse(object, member->name, err, "none of %s", all);
}

static json_t *
write_word(const struct json_member *member, const void *value)
{
	return json_string(member->words[number_of(member, value)]);
}

const struct json_kind json_kind_word = {"string", read_word, write_word};

static int
read_digest(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	return json_digest_in(object, member->name, ret_value, err);
}

static json_t *
write_digest(const struct json_member *member, const void *value)
{
	char text[DIGEST_TEXT_SIZE];

	(void)member;
	digest_text(value, text);
	return json_string(text);
}

const struct json_kind json_kind_digest = {"string", read_digest, write_digest};

static int
read_uuid(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	const char *text;

	TRY(json_string_in(object, member->name, UUID_TEXT_SIZE - 1, &text,
	    err));
	if (!uuid_from_text(text, ret_value))
		return json_refuse(object, member->name, err,
		    "not a uuid of 36 lower-case characters");
	return 0;
}

static json_t *
write_uuid(const struct json_member *member, const void *value)
{
	char text[UUID_TEXT_SIZE];

	(void)member;
	uuid_text(value, text);
	return json_string(text);
}

const struct json_kind json_kind_uuid = {"string", read_uuid, write_uuid};

static int
read_time(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	const char *text;

	TRY(json_string_in(object, member->name, UTC_TEXT_SIZE, &text, err));
	if (!utc_from_text(text, ret_value))
		return json_refuse(object, member->name, err,
		    "not a time like 2026-11-23T16:00:00Z");
	return 0;
}

static json_t *
write_time(const struct json_member *member, const void *value)
{
	int64_t seconds = number_of(member, value);
	char text[UTC_TEXT_SIZE];

	if (seconds == UTC_NONE)
		return json_null();
	utc_text(seconds, text);
	return json_string(text);
}

const struct json_kind json_kind_time = {"string", read_time, write_time};

static int
read_code(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	const char *name;

	TRY(json_string_in(object, member->name, CODE_BYTES, &name, err));
	if (!err_from_name(name, ret_value))
		return json_refuse(object, member->name, err,
		    "not the name of an error");
	return 0;
}

static json_t *
write_code(const struct json_member *member, const void *value)
{
	return json_string(err_name((enum err_code)number_of(member, value)));
}

const struct json_kind json_kind_code = {"string", read_code, write_code};

static int
read_object(const struct json_at *object, const struct json_member *member,
    void *ret_value, struct err *err)
{
	struct json_at at;

	TRY(json_object_in(object, member->name, &at, err));
	return json_table_read(&at, member->table, ret_value, err);
}

static json_t *
write_object(const struct json_member *member, const void *value)
{
	return json_table_write(member->table, value);
}

const struct json_kind json_kind_object = {"", read_object, write_object};
