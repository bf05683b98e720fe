/*
 * One table for each JSON document: which members it has, where each lies in
 * the C value, its type, its range, and whether it may be left out. Reading,
 * writing, and the test of the varlink interface work from it.
 *
 *	static const struct json_member members[] = {
 *	    {MEMBER_INTEGER("domid", struct receipt, domid, 1, UINT16_MAX)},
 *	    {MEMBER_STRING("name", struct receipt, name)},
 *	};
 *	const struct json_table receipt_table = {JSON_MEMBERS(members),
 *	    .schema = RECEIPT_SCHEMA, .name = "Receipt"};
 *
 * A member is read and written by its kind. Common kinds are here; a document
 * may have its own beside its table. Rules between members are no part of a
 * table: they are plain C after it was read.
 *
 * A table holds no table that holds it: reading goes as deep as the tables are
 * written, whatever a document holds.
 */
#ifndef ASSAY_BASE_JSON_TABLE_H
#define ASSAY_BASE_JSON_TABLE_H

#include <stddef.h>

#include "base/json.h"
#include "base/scope.h"

struct json_member;

/* How a member is read and written. One that is only written has no `read`. */
struct json_kind {
	const char *type; /* as varlink writes it, before that of the table */
	/* The member is required here; errors are those of json.h. */
	int (*read)(const struct json_at *object,
	    const struct json_member *member, void *ret_value, struct err *err);
	/* Returns owned: null for nothing; NULL if memory is short. */
	json_t *(*write)(const struct json_member *member, const void *value);
};

enum json_presence {
	JSON_REQUIRED,   /* there, and not null */
	JSON_OPTIONAL,   /* may be null, or not be there */
	JSON_NULLABLE,   /* may be null, but is there */
	JSON_NEVER_NULL, /* may not be there, but is never null */
	JSON_NEWER,      /* JSON_OPTIONAL for older versions; always written */
};

struct json_member {
	const char *name;
	const struct json_kind *kind;
	enum json_presence presence;
	size_t offset; /* of its value in the struct that the table is about */
	size_t size;   /* of that value */
	size_t has;    /* MEMBER_HAS(): a bool, is it there? 0: none */
	int64_t min;   /* of an integer */
	int64_t max;   /* of an integer, or of the bytes of a borrowed string */
	/* Of a literal; else why a value is refused: a word without it is
	 * refused by all that it may be. */
	const char *text;
	const char *const *words; /* by value, then NULL */
	bool (*is_valid)(const char *string);
	const struct json_table *table; /* of an object, or of items */
};

struct json_table {
	const struct json_member *members;
	size_t count;
	const char *schema; /* the first member, or NULL */
	const char *name;   /* of the varlink type, or NULL */
};

#define JSON_MEMBERS(array) .members = (array), .count = countof(array)

/*
 * Read an object. The schema is looked at first of all, then members that the
 * table does not name are refused, then members are read in its order. What is
 * not there leaves its value as it was.
 * On failure the value is filled in part: read into one of your own.
 * Errors: the place's code; those of its kinds.
 */
int json_table_read(const struct json_at *object,
    const struct json_table *table, void *ret_value, struct err *err);

/*
 * The object, its members in the table's order. What a bool says is not there,
 * and what its kind writes as null, is left out if it may be, else null.
 * Returns owned, NULL if memory is short.
 */
json_t *json_table_write(const struct json_table *table, const void *value);

/* An array of objects by their table, from an array of values of `size` bytes.
 * Returns owned, NULL if memory is short. */
json_t *json_table_write_items(const struct json_table *table,
    const void *items, size_t count, size_t size);

/* What kinds here do, for those of a document. */
int json_table_read_string(const struct json_at *object,
    const struct json_member *member, void *ret_value, struct err *err);
json_t *json_table_write_string(const struct json_member *member,
    const void *value);
json_t *json_table_write_literal(const struct json_member *member,
    const void *value);

/* "text" itself. */
extern const struct json_kind json_kind_literal;
extern const struct json_kind json_kind_bool;
/* Of two, four or eight bytes, from min to max. */
extern const struct json_kind json_kind_integer;
/* An array of char with room for a NUL. */
extern const struct json_kind json_kind_string;
/* The same; "" is no string. */
extern const struct json_kind json_kind_maybe_string;
/* const char *, in the document, of at most `max` bytes; NULL is no string. */
extern const struct json_kind json_kind_borrowed;
/* One of the words, as a bool or an enum. */
extern const struct json_kind json_kind_word;
/* struct digest as "sha256:<hex>". */
extern const struct json_kind json_kind_digest;
/* 16 bytes. */
extern const struct json_kind json_kind_uuid;
/* int64_t, base/utc.h; no time is written as null. */
extern const struct json_kind json_kind_time;
/* enum err_code by its name. */
extern const struct json_kind json_kind_code;
/* By a table of its own, which is about the value at the offset. */
extern const struct json_kind json_kind_object;

/*
 * Members by kind; more can be set behind. A field of another type than the
 * kind's does not compile, nor a range that the field cannot hold.
 */
#define MEMBER_LITERAL(json_name, value) \
	.name = (json_name), .kind = &json_kind_literal, .text = (value)
#define MEMBER_BOOL(json_name, type, field)           \
	.name = (json_name), .kind = &json_kind_bool, \
	MEMBER_AT(type, field, MEMBER_IS(type, field, bool))
#define MEMBER_INTEGER(json_name, type, field, least, most)              \
	.name = (json_name), .kind = &json_kind_integer, .min = (least), \
	.max = (most),                                                   \
	MEMBER_AT(type, field, MEMBER_IS_INTEGER(type, field, least, most))
#define MEMBER_STRING(json_name, type, field)           \
	.name = (json_name), .kind = &json_kind_string, \
	MEMBER_AT(type, field, MEMBER_IS(type, field, char[]))
#define MEMBER_MAYBE_STRING(json_name, type, field)           \
	.name = (json_name), .kind = &json_kind_maybe_string, \
	MEMBER_AT(type, field, MEMBER_IS(type, field, char[]))
#define MEMBER_BORROWED(json_name, type, field, most)                    \
	.name = (json_name), .kind = &json_kind_borrowed, .max = (most), \
	MEMBER_AT(type, field, MEMBER_IS(type, field, const char *))
#define MEMBER_WORD(json_name, type, field, all)                      \
	.name = (json_name), .kind = &json_kind_word, .words = (all), \
	MEMBER_AT(type, field, 1)
#define MEMBER_DIGEST(json_name, type, field)           \
	.name = (json_name), .kind = &json_kind_digest, \
	MEMBER_AT(type, field, MEMBER_IS(type, field, struct digest))
#define MEMBER_UUID(json_name, type, field)           \
	.name = (json_name), .kind = &json_kind_uuid, \
	MEMBER_AT(type, field, MEMBER_IS(type, field, uint8_t[16]))
#define MEMBER_TIME(json_name, type, field)           \
	.name = (json_name), .kind = &json_kind_time, \
	MEMBER_AT(type, field, MEMBER_IS(type, field, int64_t))
#define MEMBER_CODE(json_name, type, field)           \
	.name = (json_name), .kind = &json_kind_code, \
	MEMBER_AT(type, field, MEMBER_IS(type, field, enum err_code))
#define MEMBER_OBJECT(json_name, type, field, its_table)                       \
	.name = (json_name), .kind = &json_kind_object, .table = &(its_table), \
	MEMBER_AT(type, field, 1)
/* An object whose values lie in the same struct. */
#define MEMBER_GROUP(json_name, its_table) \
	.name = (json_name), .kind = &json_kind_object, .table = &(its_table)
/* Of a kind of the document's own, which gets the field, or all the struct. */
#define MEMBER_OWN(json_name, type, field, its_kind) \
	.name = (json_name), .kind = &(its_kind), MEMBER_AT(type, field, 1)
#define MEMBER_OF_ALL(json_name, its_kind) \
	.name = (json_name), .kind = &(its_kind)

#define MEMBER_HAS(type, field)            \
	.has = 1 + offsetof(type, field) + \
	       MEMBER_CHECK(MEMBER_IS(type, field, bool))

#define MEMBER_AT(type, field, is_right)                          \
	.offset = offsetof(type, field) + MEMBER_CHECK(is_right), \
	.size = sizeof(((type *)0)->field)
/* 0, if the condition is true; else no program. */
#define MEMBER_CHECK(is_right) (0 * sizeof(char[(is_right) ? 1 : -1]))
#define MEMBER_IS(type, field, other) \
	__builtin_types_compatible_p(__typeof__(((type *)0)->field), other)
#define MEMBER_IS_INTEGER(type, field, least, most)              \
	((MEMBER_IS(type, field, uint16_t) && (least) >= 0 &&    \
	     (most) <= UINT16_MAX) ||                            \
	    (MEMBER_IS(type, field, uint32_t) && (least) >= 0 && \
		(most) <= UINT32_MAX) ||                         \
	    MEMBER_IS(type, field, uint64_t) ||                  \
	    MEMBER_IS(type, field, int64_t))

#endif
