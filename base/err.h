/*
 * The error value: what was refused or failed, and why.
 *
 * Caller-owned, no heap, nothing to free. A function that can fail returns 0
 * or the code that it stored, so the two cannot disagree:
 *
 *	return err_set(err, IMAGE_DIGEST_MISMATCH, "kernel: ...");
 *
 * Texts are lower case and cite the rule; anything foreign in them goes
 * through err_quote(). Libraries do not log: the role logs once per request.
 */
#ifndef ASSAY_BASE_ERR_H
#define ASSAY_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err_table.h"

enum err_code {
	ERR_NONE = 0,
#define ERR_ENUM(number, name, class, meaning, remedy) name = number,
	ERR_TABLE(ERR_ENUM)
#undef ERR_ENUM
};

struct err {
	enum err_code code;
	int sys;        /* errno at the failing call, or 0 */
	char field[64]; /* the member or parameter at fault, or "" */
	char text[320]; /* what, where; one line, printable ASCII */
};

/* Fill `err` and return `code`. `err` may not be NULL. */
int err_set(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same, naming the field at fault. */
int err_set_field(struct err *err, enum err_code code, const char *field,
    const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* The same, keeping errno in `err->sys` and its text at the end. */
int err_set_errno(struct err *err, enum err_code code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Put "where: " before the text that is there; returns the stored code. */
int err_prefix(struct err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "IMAGE_UNKNOWN"; "UNKNOWN_CODE" for a number outside the table. */
const char *err_name(enum err_code code);
/* Is `number` a code of the table? For codes that come over a wire. */
bool err_is_known(int number);

/*
 * A printable, capped copy of foreign bytes for an error text: anything but
 * printable ASCII becomes \xNN, and over 64 bytes ends in "...".
 */
struct err_quoted {
	char text[72];
};
struct err_quoted err_quote(const void *bytes, size_t len);
struct err_quoted err_quote_str(const char *str);

#endif
