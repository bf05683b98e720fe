#include "image-store/statement.h"

#include <string.h>

#include "base/scope.h"

static int decode_type(const struct json_at *root, struct err *err);
static int decode_subjects(const struct json_at *root,
    struct statement *statement, struct err *err);
static int decode_subject(const struct json_at *subject,
    struct statement *statement, struct err *err);

int
statement_decode(struct bytes text, enum err_code predicate_code,
    struct statement *ret_statement, struct err *err)
{
	CLEANUP(statement_done) struct statement statement = {.document = NULL};
	struct json_at root;

	if (text.len > LIMIT_ENVELOPE_BYTES)
		return err_set(err, STATEMENT_MALFORMED,
		    "statement: %zu bytes, limit %zu", text.len,
		    LIMIT_ENVELOPE_BYTES);
	TRY(json_parse(text, LIMIT_STATEMENT_JSON_DEPTH, "statement",
	    STATEMENT_MALFORMED, &statement.document, err));
	root = json_root(statement.document, STATEMENT_MALFORMED);
	TRY(decode_type(&root, err));
	TRY(decode_subjects(&root, &statement, err));
	TRY(json_string_in(&root, "predicateType", LIMIT_TYPE_URI_BYTES,
	    &statement.predicate_type, err));
	TRY(json_object_in(&root, "predicate", &statement.predicate, err));
	statement.predicate.code = predicate_code;
	*ret_statement = statement;
	statement.document = NULL;
	return 0;
}

void
statement_done(struct statement *statement)
{
	json_freep(&statement->document);
}

bool
statement_has_subject(const struct statement *statement,
    const struct digest *digest)
{
	for (size_t i = 0; i < statement->subject_count; i++) {
		if (digest_equal(&statement->subjects[i], digest))
			return true;
	}
	return false;
}

static int
decode_type(const struct json_at *root, struct err *err)
{
	const char *type;

	TRY(json_string_in(root, "_type", LIMIT_TYPE_URI_BYTES, &type, err));
	if (strcmp(type, STATEMENT_TYPE) != 0 &&
	    strcmp(type, STATEMENT_TYPE_OLD) != 0)
		return json_refuse(root, "_type", err,
		    "neither in-toto Statement v1 nor v0.1");
	return 0;
}

static int
decode_subjects(const struct json_at *root, struct statement *statement,
    struct err *err)
{
	struct json_at array, item;

	TRY(json_array_in(root, "subject", LIMIT_SUBJECTS, &array, err));
	for (size_t i = 0; i < json_array_size(array.value); i++) {
		TRY(json_item_object(&array, i, &item, err));
		TRY(decode_subject(&item, statement, err));
	}
	if (statement->subject_count == 0)
		return json_refuse(root, "subject", err,
		    "none with a sha256 digest");
	return 0;
}

/* resource_descriptor.md: "digest" maps algorithms to hexadecimal digits. */
static int
decode_subject(const struct json_at *subject, struct statement *statement,
    struct err *err)
{
	struct json_at digests;
	const char *hex;

	TRY(json_object_in(subject, "digest", &digests, err));
	if (json_object_get(digests.value, "sha256") == NULL)
		return 0;
	TRY(json_string_in(&digests, "sha256", DIGEST_HEX_SIZE, &hex, err));
	if (!digest_from_hex(hex,
		&statement->subjects[statement->subject_count]))
		return json_refuse(&digests, "sha256", err,
		    "not 64 lower-case hex digits");
	statement->subject_count++;
	return 0;
}
