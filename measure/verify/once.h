/*
 * What is used once and has an end: a challenge, a nonce. It says when it was
 * made, until when it may be used, and when it was:
 *
 *	"made":"2026-11-23T16:00:00Z","expires":"2026-11-24T16:00:00Z",
 *	"used":null
 *
 * Not done: asking a clock, or keeping a file: see measure/verify/once_file.h.
 */
#ifndef ASSAY_MEASURE_VERIFY_ONCE_H
#define ASSAY_MEASURE_VERIFY_ONCE_H

#include <stdint.h>

#include "base/json_table.h"

#define ONCE_MAX_MINUTES 43200 /* 30 days */

/* Times as in base/utc.h. */
struct once {
	int64_t made;
	int64_t expires;
	int64_t used; /* UTC_NONE: not yet */
};

/* From `now` on, for 1 to ONCE_MAX_MINUTES. */
struct once once_begin(int64_t now, int64_t minutes);

/*
 * May it be used now? It may in its last second.
 * Errors: CHALLENGE_USED; CHALLENGE_EXPIRED, also before it was made: the clock
 * was set back then, and how far nobody knows.
 */
int once_check(const struct once *once, int64_t now, struct err *err);

/* The three members of a document's table. */
#define ONCE_MEMBERS(type, field)                          \
	{MEMBER_TIME("made", type, field.made)},           \
	    {MEMBER_TIME("expires", type, field.expires)}, \
	{                                                  \
		MEMBER_TIME("used", type, field.used),     \
		    .presence = JSON_NULLABLE              \
	}

/*
 * The rule between them. Errors: that of the document, if the end is not behind
 * the beginning, or further away than ONCE_MAX_MINUTES.
 */
int once_check_span(const struct json_at *root, const struct once *once,
    struct err *err);

#endif
