#include "image-store/statement_encode.h"

#include <jansson.h>

#include "base/json.h"
#include "base/scope.h"
#include "image-store/statement.h"

static json_t *pack_subjects(const struct manifest *manifest);
static json_t *pack_subject(const char *name, const struct blob *blob);

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
