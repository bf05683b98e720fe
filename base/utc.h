/*
 * Points in time as signed documents write them: "2026-11-23T16:00:00Z", and
 * no other way (RFC 3339, UTC, whole seconds, no leap second). As a number:
 * seconds since 1970, from 1 to the end of the year 9999; 0 is no time.
 *
 * Not done: asking a clock. Which one may be believed is for the trust policy.
 */
#ifndef ASSAY_BASE_UTC_H
#define ASSAY_BASE_UTC_H

#include <stdbool.h>
#include <stdint.h>

#define UTC_NONE        INT64_C(0)
#define UTC_TEXT_SIZE   21                    /* with the NUL */
#define UTC_MAX_SECONDS INT64_C(253402300799) /* the last of the year 9999 */

/* False, and the output untouched, for anything else. */
bool utc_from_text(const char *text, int64_t *ret_seconds);

/* `seconds` is 1 to UTC_MAX_SECONDS. */
void utc_text(int64_t seconds, char ret_text[static UTC_TEXT_SIZE]);

#endif
