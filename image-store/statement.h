/*
 * in-toto Statements: what cosign and the SLSA tools sign. A list of subjects,
 * which are files by digest, and a predicate about them.
 *
 * Strict in what is used, tolerant in what is not: in-toto demands that members
 * that are not known are ignored, of the statement and of a subject. The
 * predicate's reader decides what may be in that.
 *
 * Trust: only for bytes that trust_verify_for() accepted.
 * Spec: in-toto attestation framework, spec/v1/statement.md,
 * resource_descriptor.md; `_type` of v0.1 (which cosign writes) and v1.
 */
#ifndef ASSAY_IMAGE_STORE_STATEMENT_H
#define ASSAY_IMAGE_STORE_STATEMENT_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"
#include "base/limits.h"

#define STATEMENT_TYPE     "https://in-toto.io/Statement/v1"
#define STATEMENT_TYPE_OLD "https://in-toto.io/Statement/v0.1"

/* Of a statement that is signed in place of an image's manifest. */
#define STATEMENT_IMAGE_PREDICATE "urn:assay:image-manifest:v1"

struct statement {
	json_t *document; /* holds the strings */
	const char *predicate_type;
	struct json_at predicate; /* an object; with the code of its reader */
	struct digest subjects[LIMIT_SUBJECTS];
	size_t subject_count;
};

/*
 * Subjects without a sha256 digest are passed over; there must be one with.
 * `predicate_code` is what a bad predicate will be called. Free with
 * statement_done().
 * Errors: those of json_parse(), with STATEMENT_MALFORMED.
 */
int statement_decode(struct bytes text, enum err_code predicate_code,
    struct statement *ret_statement, struct err *err);

void statement_done(struct statement *statement);

bool statement_has_subject(const struct statement *statement,
    const struct digest *digest);

#endif
