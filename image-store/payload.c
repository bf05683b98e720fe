#include "image-store/payload.h"

#include <string.h>

#include "base/scope.h"
#include "image-store/statement.h"
#include "keys/dsse.h"

static int decode_statement(struct bytes payload, struct manifest *ret_manifest,
    struct err *err);
static int require_subject(const struct statement *statement,
    const struct blob *blob, const char *what, struct err *err);

int
payload_decode(const char *payload_type, struct bytes payload,
    struct manifest *ret_manifest, struct err *err)
{
	if (strcmp(payload_type, DSSE_IMAGE_PAYLOAD_TYPE) == 0)
		return manifest_decode(payload, ret_manifest, err);
	if (strcmp(payload_type, DSSE_STATEMENT_PAYLOAD_TYPE) == 0)
		return decode_statement(payload, ret_manifest, err);
	return err_set_field(err, PAYLOAD_TYPE_UNKNOWN, "payloadType",
	    "envelope: payload type \"%s\" is not one of images",
	    err_quote_str(payload_type).text);
}

static int
decode_statement(struct bytes payload, struct manifest *ret_manifest,
    struct err *err)
{
	CLEANUP(statement_done) struct statement statement = {.document = NULL};
	struct manifest manifest;

	TRY(statement_decode(payload, MANIFEST_MALFORMED, &statement, err));
	if (strcmp(statement.predicate_type, STATEMENT_IMAGE_PREDICATE) != 0)
		return err_set_field(err, STATEMENT_NOT_OF_IMAGE,
		    "predicateType", "predicateType: \"%s\" is not %s",
		    err_quote_str(statement.predicate_type).text,
		    STATEMENT_IMAGE_PREDICATE);
	TRY(manifest_decode_at(&statement.predicate, &manifest, err));
	TRY(require_subject(&statement, &manifest.kernel, "kernel", err));
	TRY(require_subject(&statement, &manifest.elf, "kernel.elf", err));
	if (manifest.has_ramdisk)
		TRY(require_subject(&statement, &manifest.ramdisk, "ramdisk",
		    err));
	*ret_manifest = manifest;
	return 0;
}

static int
require_subject(const struct statement *statement, const struct blob *blob,
    const char *what, struct err *err)
{
	char text[DIGEST_TEXT_SIZE];

	if (statement_has_subject(statement, &blob->digest))
		return 0;
	digest_text(&blob->digest, text);
	return err_set_field(err, STATEMENT_SUBJECT_MISSING, "subject",
	    "predicate.%s: %s is not among the subjects", what, text);
}
