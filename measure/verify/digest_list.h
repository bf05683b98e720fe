/*
 * What a verifier expects on a host, by digest and with names for people: of
 * images the envelope or its payload, of domains the configuration.
 *
 * As text, one of them a line: "sha256:<hex>", white space, and a name of
 * printable ASCII. Empty lines and lines that begin with '#' say nothing.
 */
#ifndef ASSAY_MEASURE_VERIFY_DIGEST_LIST_H
#define ASSAY_MEASURE_VERIFY_DIGEST_LIST_H

#include "base/bytes.h"
#include "base/digest.h"
#include "base/err.h"

#define DIGEST_LIST_NAME_BYTES 128

struct digest_list_row {
	struct digest digest;
	char name[DIGEST_LIST_NAME_BYTES + 1];
};

struct digest_list {
	struct digest_list_row *rows;
	size_t count;
};

/*
 * Append what the text lists. One digest twice is refused.
 * Errors: REFERENCE_MALFORMED, with the line; NO_MEMORY.
 */
int digest_list_read(struct bytes text, struct digest_list *list,
    struct err *err);

/* Errors: REFERENCE_MALFORMED over LIMIT_INDEX_IMAGES; NO_MEMORY. */
int digest_list_add(struct digest_list *list, const struct digest *digest,
    const char *name, struct err *err);

/* Borrowed; NULL if there is none. */
const struct digest_list_row *digest_list_find(const struct digest_list *list,
    const struct digest *digest);

void digest_list_done(struct digest_list *list);

#endif
