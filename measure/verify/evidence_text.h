/*
 * The text of evidence, with its log set aside before the rest is parsed. A
 * parser of JSON takes 20 ns for each byte of a string and copies it twice: for
 * the largest log that is more time than all else together.
 *
 * So that this reading of the text cannot differ from the parser's, evidence
 * has no escapes: a string ends at the next quotation mark. And where a string
 * was taken out stands `true`, which is nowhere in evidence: if it was not
 * where the log belongs, whatever reads that place refuses it.
 *
 * Not done: whether it is JSON, and whether the log is base64.
 */
#ifndef ASSAY_MEASURE_VERIFY_EVIDENCE_TEXT_H
#define ASSAY_MEASURE_VERIFY_EVIDENCE_TEXT_H

#include <stdlib.h>

#include "base/bytes.h"
#include "base/err.h"
#include "base/limits.h"

/* No other string is that long: the log of the firmware is, in base64. */
#define EVIDENCE_TEXT_LONG ((LIMIT_FIRMWARE_LOG_BYTES + 2) / 3 * 4)

struct evidence_text {
	uint8_t *rest; /* owned: all but the log; NULL: that is the text */
	size_t rest_len;
	struct bytes log; /* of the text: the first string that is that long */
};

void evidence_text_done(struct evidence_text *text);

/* What is to be parsed. `text` is what was split. */
struct bytes evidence_text_rest(const struct evidence_text *split,
    struct bytes text);

/*
 * `text` outlives *ret_split.
 * Errors: EVIDENCE_MALFORMED for an escape, and for more than
 * LIMIT_EVIDENCE_REST_BYTES without the log; NO_MEMORY.
 */
int evidence_text_split(struct bytes text, struct evidence_text *ret_split,
    struct err *err);

#endif
