#include "image-store/pack/statement_encode.h"

#include <jansson.h>

#include "base/json.h"
#include "base/scope.h"
#include "image-store/statement.h"

static json_t *pack_subjects(const struct manifest *manifest);
static json_t *pack_subject(const char *name, const struct blob *blob);
static bool is_file_of(const json_t *subject, const struct manifest *manifest);

int
statement_encode(const struct manifest *manifest, char **ret_text,
    struct err *err)
{
	CLEANUP(freep) char *predicate = NULL;
	CLEANUP(json_freep) json_t *document = NULL;
	char *text;

	TRY(manifest_encode(manifest, &predicate, err));
	document = json_pack("{s:s, s:o, s:s, s:o}", "_type", STATEMENT_TYPE,
	    "subject", pack_subjects(manifest), "predicateType",
	    STATEMENT_IMAGE_PREDICATE, "predicate",
	    json_loads(predicate, 0, NULL));
	text = json_dumps(document, JSON_COMPACT);
	if (text == NULL)
		return err_set(err, NO_MEMORY, "statement text");
	*ret_text = text;
	return 0;
}

int
statement_is_only_of(struct bytes text, const struct manifest *manifest,
    struct err *err)
{
	CLEANUP(statement_done) struct statement statement = {.document = NULL};
	const json_t *subject;
	size_t i;

	TRY(statement_decode(text, MANIFEST_MALFORMED, &statement, err));
	json_array_foreach(json_object_get(statement.document, "subject"), i,
	    subject)
	{
		const char *name =
		    json_string_value(json_object_get(subject, "name"));

		if (!is_file_of(subject, manifest))
			return err_set_field(err, STATEMENT_OTHER_SUBJECT,
			    "subject",
			    "subject[%zu]: \"%s\" is not by a sha256 alone a "
			    "file of this image",
			    i, err_quote_str(name != NULL ? name : "").text);
	}
	return 0;
}

static json_t *
pack_subjects(const struct manifest *manifest)
{
	json_t *subjects = json_array();

	json_array_append_new(subjects,
	    pack_subject("kernel", &manifest->kernel));
	json_array_append_new(subjects,
	    pack_subject("kernel.elf", &manifest->elf));
	if (manifest->has_ramdisk)
		json_array_append_new(subjects,
		    pack_subject("ramdisk", &manifest->ramdisk));
	return subjects;
}

static json_t *
pack_subject(const char *name, const struct blob *blob)
{
	char hex[DIGEST_HEX_SIZE];

	digest_hex(&blob->digest, hex);
	return json_pack("{s:s, s:{s:s}}", "name", name, "digest", "sha256",
	    hex);
}

static bool
is_file_of(const json_t *subject, const struct manifest *manifest)
{
	const json_t *digests = json_object_get(subject, "digest");
	const char *hex = json_string_value(json_object_get(digests, "sha256"));
	struct digest digest;

	if (json_object_size(digests) != 1 || hex == NULL ||
	    !digest_from_hex(hex, &digest))
		return false;
	return digest_equal(&digest, &manifest->kernel.digest) ||
	       digest_equal(&digest, &manifest->elf.digest) ||
	       (manifest->has_ramdisk &&
		   digest_equal(&digest, &manifest->ramdisk.digest));
}
