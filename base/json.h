/*
 * Strict JSON for foreign and signed documents, on top of jansson.
 *
 * Refused: anything jansson refuses (bad UTF-8, NaN, trailing bytes, big
 * integers), duplicate members, nesting or values over the limit, and through
 * json_known() members that the format does not name. Nothing is guessed:
 * a missing member is an error unless the reader says it is optional.
 *
 * A `struct json_at` is a place in a document: the value, its path for error
 * texts ("limits.memory_mib") and the error code of the format it belongs to.
 * It borrows the document.
 */
#ifndef ASSAY_BASE_JSON_H
#define ASSAY_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"

#define JSON_VALUES 16384

struct json_at {
	json_t *value;
	enum err_code code; /* what to return when the format is broken */
	char path[64];      /* "" for the document itself */
};

/*
 * Parse a whole document, which must be an object. Returns owned.
 * The caller has checked the size. Values are counted before memory is taken
 * for any: "{}," is three bytes of text and some 250 of memory. There may be
 * JSON_VALUES of them. `what` names the document in error texts.
 * Errors: MEMBER_DUPLICATE and BYTES_TRAILING, whichever document it is, but
 * `code` if that is no refusal; `code` for anything else. NO_MEMORY is reported
 * as `code` too (jansson does not say).
 */
int json_parse(struct bytes text, unsigned int max_depth, const char *what,
    enum err_code code, json_t **ret_document, struct err *err);

/* The same for a document that may have other than JSON_VALUES values. */
int json_parse_many(struct bytes text, unsigned int max_depth,
    size_t max_values, const char *what, enum err_code code,
    json_t **ret_document, struct err *err);

void json_freep(json_t **document);

/* The document itself as a place. */
struct json_at json_root(json_t *document, enum err_code code);

/* Refuse members that are not in `known` (NULL-terminated). */
int json_known(const struct json_at *object, const char *const *known,
    struct err *err);

/* Is there such a member, and is it not null? Refuses nothing. */
bool json_has(const struct json_at *object, const char *member);

/* Members. Each is required and of exactly this type; real is not integer. */
int json_object_in(const struct json_at *object, const char *member,
    struct json_at *ret_at, struct err *err);
int json_array_in(const struct json_at *object, const char *member,
    size_t max_items, struct json_at *ret_at, struct err *err);
/* Borrowed from the document. No NUL inside, at most `max_bytes` long. */
int json_string_in(const struct json_at *object, const char *member,
    size_t max_bytes, const char **ret_string, struct err *err);
int json_integer_in(const struct json_at *object, const char *member,
    int64_t min, int64_t max, int64_t *ret_integer, struct err *err);
int json_bool_in(const struct json_at *object, const char *member,
    bool *ret_bool, struct err *err);
/* A string "sha256:<hex>". */
int json_digest_in(const struct json_at *object, const char *member,
    struct digest *ret_digest, struct err *err);
/*
 * A string of base64. Returns owned (malloc), NULL if it is empty.
 * Errors: also those of base64_decode().
 */
int json_base64_in(const struct json_at *object, const char *member,
    size_t max_text_bytes, uint8_t **ret_data, size_t *ret_len,
    struct err *err);
/* The string must be exactly `expected`. */
int json_literal_in(const struct json_at *object, const char *member,
    const char *expected, struct err *err);
/* The member must be there and null. */
int json_null_in(const struct json_at *object, const char *member,
    struct err *err);

/* Array items, by index below json_array_size(at->value). */
int json_item_object(const struct json_at *array, size_t index,
    struct json_at *ret_at, struct err *err);
int json_item_string(const struct json_at *array, size_t index,
    size_t max_bytes, const char **ret_string, struct err *err);

/* An error at this place: "path.member: text", with the place's code. */
int json_refuse(const struct json_at *at, const char *member, struct err *err,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The error that is there already is about this place; returns its code. */
int json_blame(const struct json_at *at, const char *member, struct err *err);

#endif
