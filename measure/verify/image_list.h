/*
 * The images that a verifier expects on a host: digests of envelopes or of
 * their payloads, with names for people.
 *
 * As text, one image a line: "sha256:<hex>", white space, and a name of
 * printable ASCII. Empty lines and lines that begin with '#' say nothing.
 */
#ifndef ASSAY_MEASURE_VERIFY_IMAGE_LIST_H
#define ASSAY_MEASURE_VERIFY_IMAGE_LIST_H

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"

#define IMAGE_LIST_NAME_BYTES 128

struct image_list_row {
	struct digest digest;
	char name[IMAGE_LIST_NAME_BYTES + 1];
};

struct image_list {
	struct image_list_row *rows;
	size_t count;
};

/*
 * Append what the text lists. One digest twice is refused.
 * Errors: REFERENCE_MALFORMED, with the line; NO_MEMORY.
 */
int image_list_read(struct bytes text, struct image_list *list,
    struct err *err);

/* Errors: REFERENCE_MALFORMED over LIMIT_INDEX_IMAGES; NO_MEMORY. */
int image_list_add(struct image_list *list, const struct digest *digest,
    const char *name, struct err *err);

/* Borrowed; NULL if there is none. */
const struct image_list_row *image_list_find(const struct image_list *list,
    const struct digest *digest);

void image_list_done(struct image_list *list);

#endif
